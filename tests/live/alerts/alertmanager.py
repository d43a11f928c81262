"""Streams of alerts through Debian's Alertmanager and through our router, to compare what each tells.

What happens, happens at whole seconds of a stream, and every wait is some whole seconds and a half: messages then fall
between two events, so that neither a slow machine nor the order of two things at one moment decides anything.
Alertmanager forgets empty groups every 30 seconds after its start; streams begin a quarter of a second beside that.
"""

import json
import random
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from tests.live.alerts.signals import T0
from usertrack.live.alerts.life import after_signal
from usertrack.live.alerts.matchers import parse_matcher
from usertrack.live.alerts.model import Signal, SignalState
from usertrack.live.alerts.notifications import Channel, Inhibition, Notifications, Route, Silence, Timing
from usertrack.live.alerts.router import Notification, Router

PROGRAM = shutil.which("prometheus-alertmanager")
PATTERNS, PEOPLE, TIERS = ("errors", "stuck", "idle"), ("ada", "bob", "cy"), ("trial", "paid")
GROUPINGS = (("person",), ("pattern",), ("person", "pattern"), ("tier",), (), ("...",))


_LATEST = 0.2  # seconds beside the beat; half a second would be another order of things


class MachineBusyError(Exception):
    """The beat was not kept, so that the comparison says nothing."""


@dataclass(frozen=True)
class Step:
    """At ``second`` an alert fires, or is resolved."""

    second: int
    pattern: str
    person: str
    state: SignalState

    @property
    def labels(self) -> dict[str, str]:
        return {"pattern": self.pattern, "person": self.person, "tier": TIERS[PEOPLE.index(self.person) % 2]}


@dataclass(frozen=True)
class Stream:
    """``inhibitions`` and ``silences`` are texts, as both sides read them."""

    id: int
    timing: Timing
    tells_resolved: bool
    steps: tuple[Step, ...]
    inhibitions: tuple[tuple[str, str, tuple[str, ...]], ...]
    silences: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, order=True)
class Message:
    """One message: when, in half seconds of the stream, of which group, and which alerts fire or are resolved."""

    half_seconds: int
    group: str
    firing: tuple[str, ...]
    resolved: tuple[str, ...]


def random_stream(id_: int, length: int) -> Stream:
    dice = random.Random(id_)
    steps = []
    for pattern in PATTERNS:
        for person in PEOPLE:
            second, state = dice.randint(0, length), SignalState.FIRING
            while second < length - 1:
                steps.append(Step(second, pattern, person, state))
                second += dice.choice((1, 1, 2, 3, 5, 9))
                state = SignalState.RESOLVED if state is SignalState.FIRING else SignalState.FIRING
    timing = Timing(
        dice.choice(GROUPINGS),
        timedelta(seconds=dice.choice((0.5, 1.5, 2.5))),
        timedelta(seconds=dice.choice((2, 3, 5))),
        timedelta(seconds=dice.choice((4.5, 7.5, 11.5, 3600))),
    )
    rules = (
        ("pattern=errors", "pattern=stuck", ("person",)),
        ("pattern=~errors|stuck", "pattern!=idle", ("tier",)),
        ("tier=paid", "tier=trial", ()),
    )
    silences = []
    for _ in range(dice.choice((0, 0, 1, 2))):
        begin = dice.randint(0, length - 4)
        matcher = dice.choice(("person=ada", "pattern=~st.*", "tier!=paid"))
        silences.append((begin, begin + dice.randint(2, 12), matcher))
    picked = tuple(dice.sample(rules, dice.choice((0, 1, 1, 2))))
    ordered = tuple(sorted(steps, key=lambda step: step.second))
    return Stream(id_, timing, dice.random() < 0.7, ordered, picked, tuple(silences))


def ours(stream: Stream, length: int, offset: float) -> list[Message]:
    """What our router tells. The stream begins ``offset`` seconds after the router."""
    router = Router(settings_of(stream), T0 - timedelta(seconds=offset))
    messages = []
    for second in range(length + 1):
        now = T0 + timedelta(seconds=second)
        router.silences += silences_at(stream, second)
        for signal in signals_at(stream, second):
            alert, _ = after_signal(router.alerts.get(signal.key), signal)
            router.receive(alert, now)
        while (due := router.next_due()) and due < now + timedelta(seconds=1):
            messages += map(message_of, router.due(due))
    return sorted(each for each in messages if each.half_seconds < 2 * length)


def silences_at(stream: Stream, second: int) -> list[Silence]:
    now = T0 + timedelta(seconds=second)
    return [
        Silence(f"{begin} {text}", (parse_matcher(text),), now, T0 + timedelta(seconds=end))
        for begin, end, text in stream.silences
        if begin == second
    ]


def signals_at(stream: Stream, second: int) -> list[Signal]:
    now = T0 + timedelta(seconds=second)
    return [
        Signal(step.pattern, step.person, "", step.state, now, "", "", {}, step.labels, ())
        for step in stream.steps
        if step.second == second
    ]


def message_of(message: Notification) -> Message:
    half_seconds = round((message.at - T0).total_seconds() * 2)
    group = {name: value for name, value in message.labels.items() if value}
    firing, resolved = (sorted(_name(each.labels) for each in alerts) for alerts in (message.firing, message.resolved))
    return Message(half_seconds, _group(group), tuple(firing), tuple(resolved))


def settings_of(stream: Stream) -> Notifications:
    channel = Channel("hook", "webhook", stream.tells_resolved)
    rules = tuple(
        Inhibition((parse_matcher(source),), (parse_matcher(target),), equal)
        for source, target, equal in stream.inhibitions
    )
    return Notifications({"hook": channel}, (Route("all", (), ("hook",), stream.timing),), inhibitions=rules)


def _name(labels: Any) -> str:
    return f"{labels['pattern']}:{labels['person']}"


def _group(labels: Any) -> str:
    return json.dumps({name: value for name, value in sorted(labels.items()) if name != "stream"})


def theirs(streams: Sequence[Stream], length: int, folder: Path) -> tuple[dict[int, list[Message]], float]:
    """What Alertmanager tells, by stream, and how long after its start the streams began. Raises MachineBusyError."""
    with _receiver() as receiver, _running(streams, receiver.port, folder) as (api, started):
        begin = started + max(1, int(time.time() - started) + 1) + 0.25
        for second in range(length):
            time.sleep(max(0.0, begin + second - time.time()))
            _send(api, streams, second, begin)
            _require_beat(time.time() - begin - second)
        time.sleep(max(0.0, begin + length - time.time()))
        bodies = list(receiver.bodies)
    messages: dict[int, list[Message]] = {stream.id: [] for stream in streams}
    for received_at, body in bodies:
        half_seconds = round((received_at - begin) * 2)
        _require_beat(received_at - begin - half_seconds / 2)
        states = {
            state: tuple(sorted(_name(alert["labels"]) for alert in body["alerts"] if alert["status"] == state))
            for state in ("firing", "resolved")
        }
        if half_seconds < 2 * length:
            group = _group(body["groupLabels"])
            messages[int(body["receiver"])].append(Message(half_seconds, group, states["firing"], states["resolved"]))
    return {id_: sorted(each) for id_, each in messages.items()}, begin - started


def _require_beat(seconds_late: float) -> None:
    if abs(seconds_late) > _LATEST:
        raise MachineBusyError(f"{seconds_late:.2f} s beside the beat")


def _send(api: httpx.Client, streams: Sequence[Stream], second: int, begin: float) -> None:
    now = begin + second
    silences = [(stream, each) for stream in streams for each in stream.silences if each[0] == second]
    for stream, (_, end, text) in silences:
        matchers = [_matcher_json("stream=" + str(stream.id)), _matcher_json(text)]
        silence = {
            "matchers": matchers,
            "startsAt": _iso(now),
            "endsAt": _iso(begin + end),
            "createdBy": "x",
            "comment": "x",
        }
        api.post("/silences", json=silence).raise_for_status()
    alerts = [
        {
            "labels": {"alertname": "", **step.labels, "stream": str(stream.id)},
            **_period(stream, step, begin),
        }
        for stream in streams
        for step in stream.steps
        if step.second == second
    ]
    if alerts:
        api.post("/alerts", json=alerts).raise_for_status()


def _period(stream: Stream, step: Step, begin: float) -> dict[str, str]:
    if step.state is SignalState.FIRING:
        return {"startsAt": _iso(begin + step.second), "endsAt": _iso(begin + 86_400)}
    fired = [
        each.second
        for each in stream.steps
        if (each.pattern, each.person) == (step.pattern, step.person)
        and each.state is SignalState.FIRING
        and each.second < step.second
    ]
    return {"startsAt": _iso(begin + fired[-1]), "endsAt": _iso(begin + step.second)}


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def _matcher_json(text: str) -> dict[str, Any]:
    matcher = parse_matcher(text)
    return {
        "name": matcher.label,
        "value": matcher.value,
        "isRegex": "~" in matcher.operator,
        "isEqual": not matcher.operator.startswith("!"),
    }


@dataclass
class _Received:
    port: int
    bodies: list[tuple[float, dict[str, Any]]] = field(default_factory=list)


@contextmanager
def _receiver() -> Iterator[_Received]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            received_at = time.time()
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.bodies.append((received_at, body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's word
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 500
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        received = _Received(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield received
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _running(streams: Sequence[Stream], port: int, folder: Path) -> Iterator[tuple[httpx.Client, float]]:
    """A client of its API, and when it was started (seconds since 1970)."""
    assert PROGRAM
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as free:
        address = f"127.0.0.1:{free.server_port}"
    config = folder / "alertmanager.json"  # JSON is YAML
    config.write_text(json.dumps(_config(streams, port)))
    command = [PROGRAM, f"--config.file={config}", f"--storage.path={folder / 'data'}", "--cluster.listen-address="]
    with subprocess.Popen([*command, f"--web.listen-address={address}"], stderr=subprocess.PIPE, text=True) as process:
        try:
            started = _started(process)
            threading.Thread(target=_drain, args=(process,), daemon=True).start()
            with httpx.Client(base_url=f"http://{address}/api/v2", timeout=10) as api:
                _wait_for(api)
                yield api, started
        finally:
            process.terminate()


def _started(process: "subprocess.Popen[str]") -> float:
    assert process.stderr
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "Completed loading" in line and (stamp := re.search(r"\b(?:ts|time)=(\S+)", line)):
            return datetime.fromisoformat(stamp[1]).timestamp()
    raise AssertionError("Alertmanager did not start:\n" + "".join(lines))


def _drain(process: "subprocess.Popen[str]") -> None:
    with suppress(ValueError):
        for _ in process.stderr or ():
            pass


def _wait_for(api: httpx.Client) -> None:
    for _ in range(100):
        with suppress(httpx.HTTPError):
            api.get("/status").raise_for_status()
            return
        time.sleep(0.05)
    raise AssertionError("Alertmanager does not answer")


def _config(streams: Sequence[Stream], port: int) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}/"
    return {
        "route": {"receiver": "none", "routes": [_route(stream) for stream in streams]},
        "inhibit_rules": [
            {
                "source_matchers": [f'stream="{stream.id}"', _quoted(source)],
                "target_matchers": [f'stream="{stream.id}"', _quoted(target)],
                "equal": [*equal],
            }
            for stream in streams
            for source, target, equal in stream.inhibitions
        ],
        "receivers": [
            {"name": "none"},
            *(
                {
                    "name": str(stream.id),
                    "webhook_configs": [{"url": url, "send_resolved": stream.tells_resolved}],
                }
                for stream in streams
            ),
        ],
    }


def _route(stream: Stream) -> dict[str, Any]:
    timing = stream.timing
    return {
        "receiver": str(stream.id),
        "matchers": [f'stream="{stream.id}"'],
        "group_by": [*timing.group_by],
        "group_wait": _milliseconds(timing.group_wait),
        "group_interval": _milliseconds(timing.group_interval),
        "repeat_interval": _milliseconds(timing.repeat_interval),
    }


def _milliseconds(span: timedelta) -> str:
    return f"{round(span.total_seconds() * 1000)}ms"


def _quoted(text: str) -> str:
    matcher = parse_matcher(text)
    return f'{matcher.label}{matcher.operator}"{matcher.value}"'
