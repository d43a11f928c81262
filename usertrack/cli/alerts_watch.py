"""`usertrack alerts watch`: runs the patterns live, until Ctrl-C. One process does, for a workspace."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli import diagnostics
from usertrack.cli.common import Common, settings_of
from usertrack.cli.options import with_common_once
from usertrack.core.errors import UsageError, UsertrackError

if TYPE_CHECKING:
    from pathlib import Path

    from usertrack.alerts.desk import Desk
    from usertrack.alerts.model import Signal
    from usertrack.alerts.outbox import Outbox
    from usertrack.signals.newcomers import Newcomers
    from usertrack.signals.patterns import Patterns
    from usertrack.workspace.settings import Settings

_SHORTEST = timedelta(milliseconds=200)


@with_common_once
def watch(
    every: Annotated[
        str, typer.Option("--every", metavar="TIME", help="How often to ask for events: 5s; 60s for PostHog Cloud.")
    ] = "5s",
    rounds: Annotated[int | None, typer.Option("--rounds", min=1, hidden=True)] = None,
    *,
    common: Common,
) -> None:
    """Run the patterns of patterns.yaml on what people do now, and tell the channels, until Ctrl-C.

    `usertrack alerts watch` · your PostHog, every 5 seconds

    `usertrack alerts watch --every 60s` · PostHog Cloud, where events take a while to arrive anyhow

    `usertrack alerts watch --demo` · the people of `usertrack serve --demo-traffic`

    It prints a line for each alert. Killed and started again, it goes on where it was: nothing is lost or told twice.
    One process watches; `usertrack live` and `usertrack alerts list` show beside it what it sees.
    """
    from usertrack.alerts.place import state_folder
    from usertrack.alerts.watch_lock import WatchLock
    from usertrack.cli.live_session import live_settings
    from usertrack.signals.read import read_patterns
    from usertrack.workspace.files import patterns_path

    settings = settings_of(common)
    pause = _pause(every)
    path, folder = patterns_path(settings), state_folder(settings, datetime.now(UTC))
    patterns = read_patterns(path)
    with WatchLock(folder, datetime.now(UTC)), live_settings(settings) as live:
        if not patterns.notifications.channels:
            diagnostics.note(f"nobody is told: {path} names no channels; alerts are shown here and in `alerts list`")
        left, has_begun = rounds, False
        while left is None or left > 0:
            try:
                done = _watch_for_a_while(common, live, path, folder, pause, left)
            except UsertrackError as problem:
                if not has_begun or problem.exit_code == UsageError.exit_code:
                    raise
                diagnostics.error(problem)  # a source is away while people's facts are read anew
                time.sleep(pause.total_seconds())
                continue
            has_begun = True
            left = None if left is None else left - done


def _watch_for_a_while(
    common: Common, settings: "Settings", path: "Path", folder: "Path", pause: timedelta, rounds: int | None
) -> int:
    """Watch for some minutes; after these, people and patterns are read anew. Returns how many rounds there were."""
    from usertrack.alerts.channels.senders import senders
    from usertrack.alerts.desk import Desk
    from usertrack.alerts.outbox import Outbox
    from usertrack.alerts.store import Store
    from usertrack.cli.live_session import REFRESH
    from usertrack.cli.session import open_session
    from usertrack.signals.newcomers import Newcomers, read_names
    from usertrack.signals.profiled import read_audience
    from usertrack.signals.watch import Watcher

    patterns, is_old = running_patterns(path)
    done = 0
    with open_session(common, cached=False, settings=settings) as session, closing(Store(folder)) as store:
        rules = session.rules()
        audience = read_audience(session.runner, rules, patterns)
        _say_once(audience.notes)
        desk = Desk(store, patterns.notifications)
        outbox = Outbox(store, senders(patterns.notifications, settings))
        begun = time.monotonic()
        with Watcher(folder, patterns, audience) as watcher:
            session.progress.stop()
            newcomers = Newcomers(
                watcher.engine,
                lambda now: read_audience(session.runner.at(now), rules, patterns),
                partial(read_names, session.runner),
            )
            while done != rounds and time.monotonic() - begun < REFRESH.total_seconds() and not is_old():
                try:
                    watcher.poll(session.runner, datetime.now(UTC), partial(_receive, desk, newcomers))
                except UsertrackError as problem:
                    if problem.exit_code == UsageError.exit_code:
                        raise
                    diagnostics.error(problem)
                _tell(desk, outbox)
                done += 1
                if done != rounds:
                    _sleep(desk, outbox, pause)
    return done


def _receive(desk: "Desk", newcomers: "Newcomers", signals: "Sequence[Signal]") -> None:
    now = datetime.now(UTC)
    signals = newcomers.introduced(signals, now)
    firing = {alert.key for alert in desk.alerts() if alert.fired_at}
    desk.receive(signals, now)
    for signal in shown(signals, firing):
        _show(signal)


def shown(signals: "Sequence[Signal]", firing: set[str]) -> "list[Signal]":
    """Those that begin, and the ends of what began while somebody watched: ``firing`` has its keys."""
    from usertrack.alerts.model import SignalState

    lines, begun = [], set(firing)
    for signal in signals:
        if signal.state is SignalState.FIRING:
            begun.add(signal.key)
            lines.append(signal)
        elif signal.state is SignalState.RESOLVED and signal.key in begun:
            begun.discard(signal.key)
            lines.append(signal)
    return lines


def _tell(desk: "Desk", outbox: "Outbox") -> None:
    """Send what is due, and say once of a channel that it does not get through."""
    now = datetime.now(UTC)
    desk.tick(now)
    delivered = outbox.deliver(now)
    for text in delivered.refused:
        diagnostics.note(f"a message was refused by {text}")
    for channel in delivered.failing:
        if channel.name not in _failing:
            diagnostics.note(f"{channel.name} does not get through: {channel.error}; its messages wait")
            if channel.hint:
                diagnostics.hint(channel.hint)
    _failing.clear()
    _failing.update(channel.name for channel in delivered.failing)


_failing: set[str] = set()


_last: dict[str, "Patterns"] = {}


def running_patterns(path: "Path") -> "tuple[Patterns, Callable[[], bool]]":
    """The patterns, and whether the file has changed since; a file that somebody just broke is told, and not used."""
    from usertrack.signals.read import read_patterns

    changed = _changed_at(path)
    try:
        _last["patterns"] = read_patterns(path)
    except UsageError as problem:
        if not _last:
            raise
        diagnostics.error(problem)
        diagnostics.note("the patterns of before go on until the file is mended")
    return _last["patterns"], lambda: _changed_at(path) != changed


def _changed_at(path: "Path") -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _sleep(desk: "Desk", outbox: "Outbox", pause: timedelta) -> None:
    """Until the next round; messages that are due meanwhile are sent in time."""
    end = datetime.now(UTC) + pause
    while (now := datetime.now(UTC)) < end:
        due = desk.next_due(now)
        time.sleep(min(max(due - now, _SHORTEST), end - now).total_seconds())
        if due <= datetime.now(UTC) < end:
            _tell(desk, outbox)


def _show(signal: "Signal") -> None:
    from usertrack.alerts.model import SignalState
    from usertrack.render.safe import visible

    marks = {SignalState.FIRING: "●", SignalState.RESOLVED: "✓"}
    who = str(signal.facts.get("email") or signal.facts.get("name") or signal.person or "many people")
    line = f"{signal.at:%H:%M:%S} {marks[signal.state]} {signal.pattern:<14} {who}: {signal.because}"
    typer.echo(visible(line))


_said: set[str] = set()


def _say_once(notes: list[str]) -> None:
    for note in notes:
        if note not in _said:
            diagnostics.note(note)
            _said.add(note)


def _pause(text: str) -> timedelta:
    from usertrack.core.words import parse_age

    pause = parse_age(text)
    if not timedelta(seconds=1) <= pause <= timedelta(hours=1):
        raise UsageError(f"--every {text} is not between 1s and 1h", "write 5s, or 60s for PostHog Cloud")
    return pause


def register(alerts: typer.Typer) -> None:
    alerts.command("watch")(watch)
