"""Somebody else's server, on a port of its own: answers what a test tells it to, and remembers what it was sent."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from usertrack.push.audience import AudienceMember, PushAudience
from usertrack.segments.rules import Segment, SegmentSet

AS_OF = datetime(2026, 11, 20, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Answer:
    """``status`` 0 hangs up without an answer."""

    status: int = 200
    body: str = "ok"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Receiver:
    """``answers`` in turn, the last one for ever."""

    url: str
    answers: list[Answer]
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    def next_answer(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def receiving(*answers: Answer) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            received.headers.append(dict(self.headers))
            received.paths.append(self.path)
            answer = received.next_answer()
            if not answer.status:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body.encode())))
            self.end_headers()
            self.wfile.write(answer.body.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's word
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        received = Receiver(f"http://127.0.0.1:{server.server_port}/hooks/T0/verysecret", list(answers) or [Answer()])
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield received
        finally:
            server.shutdown()
            thread.join()


def audience(
    *emails: str, total: int | None = None, others: int = 0, reason: str = "ran 7×", as_of: datetime = AS_OF
) -> PushAudience:
    """Power users, with priorities 9.0, 8.9, …; ``others`` are in a more urgent segment too."""
    segment = Segment("power", "Power Users", "run_count > 5", "Nurture")
    people = tuple(
        AudienceMember(email, max(0.0, 9 - position / 10), reason, "runs: 7", {"run_count": 7}, email)
        for position, email in enumerate(emails)
    )
    total = len(people) if total is None else total
    return PushAudience(SegmentSet("action", (segment,)), segment, as_of, "UTC", total, people, others)
