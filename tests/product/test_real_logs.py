"""Real event logs through the commands of product analytics, with the answers that others computed.

Of funnels those that answer PostHog's question: any first step may begin, and steps at one time are in order.
"""

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from ..conftest import Cli
from ..real_logs import Log, connected, log, needs_logs

__all__ = ["connected", "log"]
pytestmark = [needs_logs, pytest.mark.slow]


@pytest.fixture
def answer(connected: Log, cli: Cli) -> Callable[..., Any]:
    """What a command answers as JSON."""

    def call(*args: object) -> Any:
        result = cli(*args, "-f", "json")
        assert result.code == 0, result.err
        return json.loads(result.out)

    return call


def test_funnels(log: Log, answer: Callable[..., Any]) -> None:
    overview = log.answers["overview"]
    days = ["--since", overview["first_ts"][:10], "--until", overview["last_ts"][:10]]
    for expected in log.answers["funnels"]:
        if expected["anchor"] == "any" and expected["order"] == "t(k+1) >= t(k)":
            window = f"{expected['window_days'] or 366}d"  # no log with such an answer is longer than that
            [group] = answer("funnel", *expected["steps"], "--window", window, *days)["groups"]
            assert [step["people"] for step in group["steps"]] == expected["users"], expected


def period_options(kind: str, first: str, last: str, week_start: str | None) -> list[str]:
    """The options for whole periods, from that of the first day to that of the last."""
    end = date.fromisoformat(_later(kind, last, 1)) - timedelta(days=1)
    starts = ["--week-start", week_start] if week_start else []
    return ["--period", kind, "--since", first, "--until", end.isoformat(), *starts]


def test_retention(log: Log, answer: Callable[..., Any]) -> None:
    for expected in log.answers["retention"]:
        cohorts = {row["cohort"]: row for row in expected["cohorts"]}
        kind = expected["period"]
        first = min(cohorts)
        last = max(_later(kind, start, len(row["counts"]) - 1) for start, row in cohorts.items())
        events = [
            *(["--target", expected["start_event"]] if expected["start_event"] != "(any)" else []),
            *(["--returning", expected["return_event"]] if expected["return_event"] != "(any)" else []),
        ]
        mode = ["--type", expected["mode"].replace("_", "-")]
        cells = answer("retention", *mode, *events, *period_options(kind, first, last, expected["week_start"]))["cells"]
        people: dict[str, list[int]] = {}
        for cell in cells:
            if cell["size"]:
                people.setdefault(cell["cohort"][:10], []).append(cell["people"])
        assert people == {start: [row["size"], *row["counts"][1:]] for start, row in cohorts.items()}, mode


def _later(kind: str, start: str, count: int) -> str:
    day = date.fromisoformat(start)
    if kind == "month":
        month = day.year * 12 + day.month - 1 + count
        return date(month // 12, month % 12 + 1, 1).isoformat()
    return (day + timedelta(days=count * (7 if kind == "week" else 1))).isoformat()


def test_lifecycle(log: Log, answer: Callable[..., Any]) -> None:
    for expected in log.answers["lifecycle"]:
        rows = expected["rows"]
        event = ["--event", expected["event"]] if expected["event"] != "(any)" else []
        window = period_options(expected["period"], rows[0]["period"], rows[-1]["period"], expected["week_start"])
        periods = answer("lifecycle", *event, *window)["rows"]
        names = ("new", "returning", "resurrecting", "dormant", "active")
        assert [[row["start"][:10], *(row[name] for name in names)] for row in periods] == [
            [row["period"], *(row[name] for name in names)] for row in rows
        ]


def test_stickiness(log: Log, answer: Callable[..., Any]) -> None:
    expected = log.answers["stickiness"]
    rows = answer("stickiness", "--since", expected["from"], "--until", expected["to"])["rows"]
    users = {str(row["periods"]): row["people"] for row in rows if row["people"]}
    assert users == {days: count for days, count in expected["users_active_exactly_n"].items() if count}
