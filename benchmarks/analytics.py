"""Product analytics on generated events: each question as a warm client of a running `usertrack serve` sees it, beside
bare chDB running the same compiled SQL, and, with `--peers PYTHON`, pandas and retentioneering doing the same work.

    python benchmarks/analytics.py [--events 1e6|1e7|3e7] [--rounds 5] [--only funnel] [--peers other/bin/python]

`PYTHON` has what requirements/peers.txt names. Peers hold all events in memory before their clock starts. Besides
seconds of the clock come those of all processors, which say more on a machine that does other things, too.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from event_world import BEGIN, DAYS, make
from side_by_side import script

from usertrack.core.errors import UsertrackError
from usertrack.engine.runner import Answer, Runner
from usertrack.library.events import parse_step
from usertrack.library.library import Library, Statement, shipped_root
from usertrack.product.activity import numbers as activity
from usertrack.product.features import numbers as features
from usertrack.product.funnel.numbers import Funnel, ask
from usertrack.product.journeys import numbers as journeys
from usertrack.product.lifecycle.numbers import ask_lifecycle, ask_stickiness
from usertrack.product.retention import numbers as returning
from usertrack.product.scope import Scope
from usertrack.product.sessions import numbers as sessions
from usertrack.product.trends import numbers as trending
from usertrack.sources.posthog import PostHog
from usertrack.sources.query_client import hogql_node
from usertrack.workspace.settings import load_settings

HOME = Path.home() / ".cache" / "usertrack-benchmarks"
KEYS = {"USERTRACK_PROJECT_TOKEN": "phc_benchmark", "USERTRACK_PERSONAL_API_KEY": "phx_benchmark"}
BORN = datetime.fromisoformat(BEGIN).replace(tzinfo=UTC)
AS_OF = BORN + timedelta(days=DAYS)
MONTH = Scope(AS_OF - timedelta(days=30), AS_OF, AS_OF)
WEEKS = Scope(BORN + timedelta(days=DAYS % 7), AS_OF, AS_OF, "week")
ACTIVATION = ("user_signed_up", "onboarding_started", "workspace_created", "first_item_created", "onboarding_completed")
BUSY = ("$pageview", "feature_used", "run_completed")


def funnel(steps: Sequence[str], **more: Any) -> Funnel:
    return Funnel("", tuple(map(parse_step, steps)), **more)


FULL_RANGE = Scope(BORN, AS_OF, AS_OF)


def trends(math: str, **scope: Any) -> Callable[[Runner], object]:
    query = trending.TrendsQuery(trending.series_of([parse_step("*")], [math], []))
    return lambda runner: trending.ask(runner, query, replace(MONTH, **scope))


QUESTIONS: dict[str, Callable[[Runner], object]] = {
    "trends, events": trends("total"),
    "trends, people": trends("dau"),
    "trends, WAU": trends("weekly_active"),
    "trends by country": trends("dau", breakdown="$geoip_country_code"),
    "funnel, activation": lambda runner: ask(runner, funnel(ACTIVATION), FULL_RANGE),
    "funnel, daily life": lambda runner: ask(runner, funnel(BUSY), FULL_RANGE),
    "funnel, by week": lambda runner: ask(runner, funnel(BUSY), WEEKS, trend=True),
    "funnel, unordered": lambda runner: ask(runner, funnel(BUSY, order="unordered", window=3600), MONTH),
    "retention by week": lambda runner: returning.ask(runner, returning.RetentionQuery(""), WEEKS),
    "cohorts with curve": lambda runner: returning.ask_days(runner, returning.RetentionQuery("user_signed_up"), WEEKS),
    "lifecycle by week": lambda runner: ask_lifecycle(runner, "", WEEKS),
    "stickiness by day": lambda runner: ask_stickiness(runner, "", MONTH),
    "activity": lambda runner: activity.ask(runner, MONTH),
    "sessions": lambda runner: sessions.ask(runner, MONTH),
    "features": lambda runner: features.ask(runner, features.feature_source(runner.settings), MONTH),
    "journeys": lambda runner: journeys.ask(runner, journeys.JourneysQuery(), MONTH),
}


class Recording(Runner):
    """A runner that records its statements."""

    recorded: tuple[Statement, ...] = ()

    def run(self, statements: Sequence[Statement], *args: Any) -> list[Answer]:
        self.recorded += tuple(statements)
        return super().run(statements, *args)


class Seconds(NamedTuple):
    clock: float
    processors: float


@dataclass
class Measured:
    """Seconds of each round, by the clock and of all processors; ``sql`` is what ClickHouse was given."""

    served: list["Seconds"]
    sql: list[str]


def main() -> None:
    options = _arguments()
    events = int(options.events)
    store = options.folder / f"analytics-{events}"
    make(store, events)
    questions = {name: question for name, question in QUESTIONS.items() if options.only in name}
    with serving(store) as (url, spent):
        measured = {name: _measure(url, spent, name, question, options.rounds) for name, question in questions.items()}
    bare = dict(zip(measured, _bare(store, [each.sql for each in measured.values()], options.rounds), strict=True))
    print(f"\n{events:,} events of {events // 50:,} users · median of {options.rounds} · {os.cpu_count()} cores\n")
    print(f"  {'':24}{'served':>9}{'CPU':>8}{'bare chDB':>12}{'CPU':>8}{'ratio':>8}{'CPU':>7}")
    for name, each in measured.items():
        served, engine = _median(each.served), _median(bare[name])
        ratio, of_processors = served.clock / engine.clock, served.processors / engine.processors
        print(
            f"  {name:24}{served.clock:8.2f}s{served.processors:7.2f}s{engine.clock:11.2f}s{engine.processors:7.2f}s"
            f"{ratio:8.2f}{of_processors:7.2f}",
            flush=True,
        )
    if options.peers:
        _peers(options.peers, store, options.rounds)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=float, default=1e6)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="questions whose name has this in it")
    parser.add_argument("--peers", help="a Python with pandas and retentioneering")
    parser.add_argument("--folder", type=Path, default=HOME)
    return parser.parse_args()


@contextmanager
def serving(store: Path) -> Iterator[tuple[str, Callable[[], float]]]:
    """The address of `usertrack serve` on that store, and what it has taken of all processors so far."""
    command = [sys.executable, "-m", "usertrack", "serve", "--data", str(store), "--port", "0"]
    with subprocess.Popen(command, env=os.environ | KEYS, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr
        try:
            yield server.stderr.readline().split(" at ")[1].split(",")[0], lambda: _processors_of(server.pid)
        finally:
            server.terminate()


def _processors_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _median(rounds: Sequence[Seconds]) -> Seconds:
    return Seconds(*map(statistics.median, zip(*rounds, strict=True)))


def _measure(
    url: str, spent: Callable[[], float], name: str, question: Callable[[Runner], object], rounds: int
) -> Measured:
    """One client asks, first to warm up, then ``rounds`` times."""
    print(name, file=sys.stderr, flush=True)
    source = PostHog(url, "1", KEYS["USERTRACK_PERSONAL_API_KEY"], lambda text, *, passing=False: None)
    settings, library = load_settings(env={}, workspace=Path(__file__).parent), Library([shipped_root() / "queries"])
    with Recording(settings, library, AS_OF, {"posthog": source}) as runner:
        question(runner)
        sql = [_compiled(runner, statement) for statement in runner.recorded]
        return Measured([_timed(lambda: question(runner), spent) for _ in range(rounds)], sql)


def _timed(work: Callable[[], object], spent: Callable[[], float]) -> Seconds:
    started, before = time.perf_counter(), spent()
    work()
    return Seconds(time.perf_counter() - started, spent() - before)


def _compiled(runner: Runner, statement: Statement) -> str:
    return str(runner.query(hogql_node(statement.sql, statement.values), statement.name)["clickhouse"])


def _bare(store: Path, questions: Sequence[Sequence[str]], rounds: int) -> list[list[Seconds]]:
    """Seconds of each round of each question, in chDB alone."""
    import chdb

    from usertrack.server.database.execute import SETTINGS

    connection = chdb.connect(str(store / "clickhouse"))

    def answer(question: Sequence[str]) -> None:
        for sql in question:
            connection.query(f"{sql} SETTINGS {SETTINGS}", "Native").bytes()

    times = []
    for question in questions:
        answer(question)
        times.append([_timed(lambda sql=question: answer(sql), time.process_time) for _ in range(rounds)])
    connection.close()
    return times


def _peers(python: str, store: Path, rounds: int) -> None:
    """The events as parquet, and what others need for the same work on them."""
    import chdb

    file = store.with_suffix(".parquet")
    if not file.exists():
        columns = "toString(person_id) AS user_id, toString(event) AS event, toDateTime64(timestamp, 6) AS timestamp"
        connection = chdb.connect(str(store / "clickhouse"))
        connection.query(f"SELECT {columns} FROM posthog.events INTO OUTFILE '{file}' FORMAT Parquet")
        connection.close()
    parameters: Mapping[str, Any] = {"file": str(file), "rounds": rounds, "steps": BUSY, "window": 14 * 86_400}
    subprocess.run([python, script("peers.py"), json.dumps(parameters)], check=True)


if __name__ == "__main__":
    try:
        main()
    except UsertrackError as error:
        sys.exit(f"error: {error.message}")
