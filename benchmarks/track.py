"""What `track()` adds to a request, beside the bare INSERT of the same event into the same table, call by call in turn.

The relay runs in the same process, and PostHog is a server in another one that takes its time, refuses, or is away.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

import usertrack_track as track
from usertrack.demo import embedded_postgres
from usertrack_track.message import uuid7
from usertrack_track.postgres import schema

Call = Callable[[], object]
PROPERTIES = {"format": "csv", "row_count": 1200, "has_filters": True, "team_slug": "acme", "page": "/reports/weekly"}
BARE = """
INSERT INTO usertrack.event (id, distinct_id, name, properties, session_id, created_at)
VALUES (%s, %s, %s, %s, %s, now())
"""
SLOW_POSTHOG = """
import sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(float(sys.argv[1]))
        self.send_response(int(sys.argv[2]))
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): ...
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""
AWAY = "http://127.0.0.1:1"


class PostHog:
    """A process that answers each request after ``seconds`` with ``status``."""

    def __init__(self, seconds: float, status: int) -> None:
        command = [sys.executable, "-c", SLOW_POSTHOG, str(seconds), str(status)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.url = f"http://127.0.0.1:{self._process.stdout.readline().strip()}"

    def stop(self) -> None:
        self._process.terminate()


def measure(calls: int, pause: float, block: int, contestants: dict[str, tuple[Call, Call, Call]]) -> None:
    """Call each ``calls`` times, in turn by ``block``; each has what comes before and after its blocks."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(calls // block + 1):
        for name, (before, call, after) in contestants.items():
            before()
            for _ in range(block):
                time.sleep(pause)
                started = time.perf_counter()
                call()
                if number:  # the first block opens connections and loads modules
                    taken[name].append((time.perf_counter() - started) * 1000)
            after()
    show(taken)


def show(taken: dict[str, list[float]]) -> None:
    (first, bare), *_ = taken.items()
    print(f"| ms, {len(bare):,} calls each | median | p99 | p99 above {first} | ratio of p99 |")
    print("| --- | --- | --- | --- | --- |")
    for name, times in taken.items():
        p99, of_bare = quantile(times, 99), quantile(bare, 99)
        print(f"| {name} | {statistics.median(times):.2f} | {p99:.2f} | {p99 - of_bare:+.2f} | {p99 / of_bare:.2f} |")


def quantile(times: list[float], percent: int) -> float:
    return statistics.quantiles(times, n=100)[percent - 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=4_000)
    parser.add_argument("--pause", type=float, default=0.002, help="seconds between two calls")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "postgres"
        data.mkdir()
        dsn = embedded_postgres.start(data)
        servers = [PostHog(0.05, 200), PostHog(0.5, 200), PostHog(0.01, 429)]
        try:
            run(options, dsn, Path(folder) / "spool", [server.url for server in servers])
        finally:
            track.configure(database_url=None, relay=False)
            for server in servers:
                server.stop()
            embedded_postgres.stop(data)


def run(options: argparse.Namespace, dsn: str, spool: Path, urls: list[str]) -> None:
    own = psycopg.connect(dsn, autocommit=True)
    own.execute(schema().encode())
    properties = json.dumps(PROPERTIES)

    def bare() -> None:
        own.execute(BARE, [uuid7(), "7", "report_exported", properties, "s1"])

    def tracked(connection: object = None) -> None:
        track.track("7", "report_exported", PROPERTIES, session_id="s1", connection=connection)

    def with_posthog(host: str, *, relay: bool = True, database: bool = True) -> tuple[Call, Call, Call]:
        def before() -> None:
            database_url = dsn if database else None
            track.configure(project_key="phc_x", host=host, database_url=database_url, spool=spool, relay=relay)
            tracked()

        return before, tracked, lambda: track.current().relay.stop(30)

    def nothing() -> None: ...

    quick, slow, limiting = urls
    contestants: dict[str, tuple[Call, Call, Call]] = {
        "the bare INSERT": (nothing, bare, nothing),
        "`track()`, a worker sends": with_posthog(quick, relay=False),
        "`track()`, PostHog takes 50 ms": with_posthog(quick),
        "`track()`, PostHog takes 500 ms": with_posthog(slow),
        "`track()`, PostHog answers 429": with_posthog(limiting),
        "`track()`, PostHog is away": with_posthog(AWAY),
        "`track()` without a database": with_posthog(quick, database=False),
        "`track(connection=…)` of the caller": (with_posthog(quick)[0], lambda: tracked(own), nothing),
    }
    measure(options.calls, options.pause, 200, contestants)


if __name__ == "__main__":
    main()
