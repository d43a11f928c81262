"""Real event logs through the import, the server and HogQL: their answers were computed by others, independently."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..conftest import Cli
from ..real_logs import Log, connected, log, needs_logs

__all__ = ["connected", "log"]
pytestmark = needs_logs


@pytest.fixture
def ask(connected: Log, cli: Cli, tmp_path: Path) -> Callable[[str], list[dict[str, Any]]]:
    """The rows that `usertrack query run --sql` answers."""

    def rows(sql: str) -> list[dict[str, Any]]:
        (tmp_path / "question.sql").write_text(sql)
        result = cli("query", "run", "--source", "posthog", "--sql", "question.sql", "--limit", 0, "-f", "jsonl")
        assert result.code == 0, result.err
        return [json.loads(line) for line in result.out.splitlines()]

    return rows


Ask = Callable[[str], list[dict[str, Any]]]


@pytest.mark.slow
def test_overview(log: Log, ask: Ask) -> None:
    (totals,) = ask(
        "SELECT count() AS rows, count(DISTINCT distinct_id) AS users, count(DISTINCT event) AS event_names,"
        " toString(min(timestamp)) AS first_ts, toString(max(timestamp)) AS last_ts,"
        " count(DISTINCT uuid) AS uuids, count(DISTINCT person_id) AS persons FROM events"
    )
    expected = log.answers["overview"]
    assert (totals["uuids"], totals["persons"]) == (expected["rows"], expected["users"])
    for name in ("rows", "users", "event_names"):
        assert totals[name] == expected[name]
    assert [totals[name][:19] for name in ("first_ts", "last_ts")] == [expected["first_ts"], expected["last_ts"]]


def test_counts_and_users_of_every_event(log: Log, ask: Ask) -> None:
    rows = ask("SELECT event, count() AS count, count(DISTINCT distinct_id) AS users FROM events GROUP BY event")
    assert {row.pop("event"): row for row in rows} == log.answers["overview"]["events"]


def test_daily_weekly_and_monthly_active_users(log: Log, ask: Ask) -> None:
    for expected in log.answers["active_users"]:
        day = f"toDate('{expected['date']}')"
        since = {
            "dau": day,
            "wau_trailing_7d": f"{day} - 6",
            "mau_trailing_28d": f"{day} - 27",
            "mau_trailing_30d": f"{day} - 29",
        }
        users = ", ".join(
            f"count(DISTINCT if(toDate(timestamp) >= {start}, distinct_id, NULL)) AS {name}"
            for name, start in since.items()
        )
        sql = (
            f"SELECT {users}, countIf(toDate(timestamp) = {day}) AS events_that_day FROM events"
            f" WHERE toDate(timestamp) > {day} - 30 AND toDate(timestamp) <= {day}"
        )
        (totals,) = ask(sql)
        assert totals == {name: expected[name] for name in totals}


def test_stickiness(log: Log, ask: Ask) -> None:
    expected = log.answers["stickiness"]
    rows = ask(
        "SELECT days, count() AS users FROM (SELECT person_id, count(DISTINCT toDate(timestamp)) AS days FROM events"
        f" WHERE toDate(timestamp) >= '{expected['from']}' AND toDate(timestamp) <= '{expected['to']}'"
        " GROUP BY person_id) GROUP BY days"
    )
    users = {days: count for days, count in expected["users_active_exactly_n"].items() if count}
    assert {str(row["days"]): row["users"] for row in rows} == users


def test_who_is_new_by_the_persons_that_were_made(log: Log, ask: Ask) -> None:
    weeks = next(part for part in log.answers["lifecycle"] if part.get("week_start") == "monday")
    rows = ask(
        "SELECT toString(toStartOfWeek(timestamp, 1)) AS period, count(DISTINCT person_id) AS active,"
        " count(DISTINCT if(toStartOfWeek(person.created_at, 1) = toStartOfWeek(timestamp, 1), person_id, NULL)) AS new"
        " FROM events GROUP BY period"
    )
    expected = {row["period"]: (row["active"], row["new"]) for row in weeks["rows"]}
    assert {row["period"][:10]: (row["active"], row["new"]) for row in rows} == expected


def test_sessions_end_after_half_an_hour(log: Log, ask: Ask) -> None:
    (totals,) = ask(
        "SELECT countIf(n = 1 OR dateDiff('second', before, timestamp) > 1800) AS sessions FROM (SELECT timestamp,"
        " row_number() OVER (PARTITION BY distinct_id ORDER BY timestamp) AS n,"
        " lagInFrame(timestamp) OVER (PARTITION BY distinct_id ORDER BY timestamp) AS before FROM events)"
    )
    assert totals["sessions"] == log.answers["sessions"]["gap > 30min starts a session"]["sessions"]
