"""Classifications out of literal rows, without a source; as a program, a usertrack that does nothing but record."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from usertrack.core.errors import QueryError
from usertrack.core.spool import JsonLines
from usertrack.core.table import Column, Table
from usertrack.engine.runner import Answer
from usertrack.library.library import Library
from usertrack.segments.classify import Classification, classify
from usertrack.segments.history.file import HistoryFile, open_history
from usertrack.segments.history.snapshots import record
from usertrack.segments.profiles import Profiles
from usertrack.segments.rules import Rules, read_rules

FIRST = datetime(2026, 11, 1, 9, tzinfo=UTC)
_RUNS = """\
-- title: Runs
-- key: email
-- facts:
--   runs: {label: runs, type: int}
--   failed: {label: failed runs, type: int, current: true}
--   last_run_at: {label: last run, type: time}
SELECT * FROM runs
"""
_CREDITS = """\
-- title: Credits
-- key: email
-- facts:
--   credits: {label: credits, type: float}
SELECT * FROM credits
"""
RULES = """\
profile:
  key: email
  queries: [neon/runs, neon/credits]
  derive:
    success_rate: {label: success rate, unit: percent, sql: "1 - failed / nullif(runs, 0)"}
sets:
  action:
    segments:
      failing: {name: Failing, when: "runs > 5 AND success_rate < 0.5"}
      poor: {name: Poor, when: "credits < 50", priority: "50 - credits"}
      quiet: {name: Quiet, when: "last_run_at <= as_of - INTERVAL 7 DAY"}
  level:
    exclusive: true
    segments:
      high: {name: High, when: runs >= 10}
      low: {name: Low, when: runs >= 1}
      none: {name: None, when: runs = 0}
"""
Person = tuple[int | None, int | None, float | None, float | None]
"""Runs, failed runs, credits, and days since FIRST of the last run."""


def rules_in(folder: Path, text: str = RULES) -> tuple[Rules, Library]:
    (folder / "queries/neon").mkdir(parents=True, exist_ok=True)
    (folder / "queries/neon/runs.sql").write_text(_RUNS)
    (folder / "queries/neon/credits.sql").write_text(_CREDITS)
    (folder / "segments.yaml").write_text(text)
    return read_rules(folder / "segments.yaml"), Library([folder / "queries"])


@cache
def _rules(text: str) -> tuple[Rules, Library, TemporaryDirectory[str]]:
    """``rules_in`` a folder of their own, read once; the folder is in the tuple so that it is not deleted."""
    folder = TemporaryDirectory()
    return *rules_in(Path(folder.name), text), folder


def classified(
    day: float,
    people: Mapping[str, Person],
    set_name: str = "action",
    *,
    rules: str = RULES,
    without_credits: bool = False,
) -> Classification:
    """``people`` in the segments of the set, ``day`` days after FIRST."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        read, library, _ = _rules(rules)
        profiles = Profiles(read, library, FIRST + timedelta(days=day))
        runs = [(name, *values[:2], _moment(values[3])) for name, values in people.items()]
        columns = [("email", "VARCHAR"), ("runs", "BIGINT"), ("failed", "BIGINT"), ("last_run_at", "TIMESTAMP")]
        answers: dict[str, Answer] = {"neon/runs": _table(folder / "runs", columns, runs)}
        credit = [(name, values[2]) for name, values in people.items()]
        answers["neon/credits"] = (
            QueryError("credits are down")
            if without_credits
            else _table(folder / "credits", [("email", "VARCHAR"), ("credits", "DOUBLE")], credit)
        )
        profiles.load(answers, [])
        return classify(profiles, read.set_named(set_name))


def _moment(days: float | None) -> str | None:
    return None if days is None else (FIRST + timedelta(days=days)).isoformat()


def _table(path: Path, columns: list[tuple[str, str]], rows: list[tuple[object, ...]]) -> Table:
    lines = JsonLines(path)
    lines.add(rows)
    typed = tuple(Column(*column) for column in columns)
    return Table(typed, lines.rows(typed))


def keep_one(place: HistoryFile, classification: Classification) -> None:
    with open_history(classification.profiles.connection, place, write=True):
        record(classification, place, classification.profiles.as_of)


def crowd(count: int, runs: int) -> dict[str, Person]:
    return {f"p{number}@x.example": (runs, 0, 100.0, 0.0) for number in range(count)}


def main() -> None:
    """`PATH write FIRST COUNT`: COUNT days from FIRST on. `PATH rewrite PEOPLE`: one day again and again."""
    place = HistoryFile(Path(sys.argv[1]), "test")
    print("ready", flush=True)  # noqa: T201
    if sys.argv[2] == "write":
        for day in range(int(sys.argv[3]), int(sys.argv[3]) + int(sys.argv[4])):
            keep_one(place, classified(day, crowd(50, day)))
        return
    while True:
        for runs in (1, 10):
            keep_one(place, classified(0, crowd(int(sys.argv[3]), runs), "level"))


if __name__ == "__main__":
    main()
