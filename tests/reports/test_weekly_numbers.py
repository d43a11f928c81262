"""The queries of the weekly report, and who moved, by hand: a small company in real engines."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.people import NOW, Company, Office, ago, office
from usertrack.core.document import Section
from usertrack.core.period import Week
from usertrack.engine.runner import Runner
from usertrack.reports.summary import summary_section
from usertrack.reports.traffic import traffic
from usertrack.reports.weekly import gather, moments
from usertrack.reports.weekly_facts import new_user_facts, newest, traffic_facts
from usertrack.segments.history.file import HistoryFile
from usertrack.segments.history.snapshots import WEEK
from usertrack.segments.history.week_ago import Moves, WeekAgoQuery, ask_both, classify_both

MONDAY = datetime(2026, 11, 9)
SINCE = MONDAY.replace(tzinfo=UTC)
UNTIL = Week(2026, 46, "UTC").until
WINDOW = {"days": 8, "since": SINCE}
SECOND = timedelta(seconds=1)


def week(company: Company) -> None:
    """Visits and accounts on both sides of both ends of the week of 9 November, and around midnight."""
    ann, nobody, own = company.person("ann@x.example"), company.person(None), company.person("dev@datagen.dev")

    def seen(person: str, at: datetime, session: str, page: str = "/a") -> None:
        company.event(person, "$pageview", at, **{"p_$session_id": session, "p_$pathname": page})

    for at, session in (
        (MONDAY - SECOND, "before"),
        (MONDAY, "first"),
        (MONDAY + timedelta(days=7) - SECOND, "last"),
        (MONDAY + timedelta(days=7), "after"),
    ):
        seen(ann, at, session)
    seen(ann, MONDAY + timedelta(days=2) - SECOND, "night")  # a visit of Tuesday that goes on until Wednesday
    seen(ann, MONDAY + timedelta(days=2), "night", "/b")
    seen(nobody, MONDAY + timedelta(days=2, hours=1), "")
    seen(own, MONDAY + timedelta(days=3), "ours")
    for hour in (1, 2, 3):  # the week after is of a tracker without sessions
        seen(nobody, MONDAY + timedelta(days=8, hours=hour), "")


def newcomers(company: Company) -> None:
    """Three new people, one of them with two accounts; others are older, or your own."""
    tuesday = MONDAY + timedelta(days=1)
    company.account("old@x.example", signed_up=MONDAY - SECOND, runs={"completed": 9}, run_at=tuesday)
    new = company.account("new@x.example", signed_up=MONDAY, runs={"completed": 2, "failed": 1}, run_at=tuesday)
    company.tool(new, tuesday)
    company.tool(new, MONDAY + timedelta(days=7))  # after the week
    company.account("idle@x.example", signed_up=tuesday)
    company.account(None, signed_up=tuesday, runs={"queued": 1}, run_at=tuesday)
    company.account("returns@x.example", signed_up=MONDAY - timedelta(days=50))
    company.account("Returns@x.example", signed_up=tuesday, runs={"completed": 1}, run_at=tuesday)
    company.account("dev@datagen.dev", signed_up=tuesday, runs={"completed": 5}, run_at=tuesday)
    company.account("later@x.example", signed_up=MONDAY + timedelta(days=7))
    for email, created in (("new@x.example", MONDAY), ("old@x.example", MONDAY - SECOND), (None, MONDAY)):
        person = company.person(email, created=created)
        company.event(person, "user_signed_up", tuesday, times=2)
        company.event(person, "$autocapture", tuesday)
        company.event(person, "later", MONDAY + timedelta(days=8))


def mover(company: Company) -> None:
    """Somebody who clicks connect before the week, and spends credits later."""
    company.account("mover@x.example", credits=100, runs={"completed": 1}, run_at=ago(20))
    clicks = company.person("mover@x.example")
    for days in (15, 3):
        company.event(clicks, "mcp_connect_clicked", ago(days), template_name="Notion")


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    company = Company()
    for fill in (week, newcomers, mover):
        fill(company)
    with office(tmp_path_factory.mktemp("weekly"), company) as opened:
        yield opened


def rows(engines: Office, name: str, *columns: str, **params: Any) -> list[tuple[Any, ...]]:
    with engines.runner(as_of=UNTIL) as runner:
        table = runner.table(runner.bind(name, params))
        return [tuple(row[column] for column in columns) for row in table.dicts()]


def test_every_day_of_the_week_and_no_other(engines: Office) -> None:
    records = rows(engines, "posthog/traffic_days", "day", "visits", "visitors", "pageviews", **WINDOW)
    assert records == [
        (date(2026, 11, 9), 1, 1, 1),
        (date(2026, 11, 10), 1, 1, 1),
        (date(2026, 11, 11), 0, 2, 2),
        (date(2026, 11, 12), 0, 0, 0),
        (date(2026, 11, 13), 0, 0, 0),
        (date(2026, 11, 14), 0, 0, 0),
        (date(2026, 11, 15), 1, 1, 1),
    ]


def test_windows_begin_on_monday(engines: Office) -> None:
    assert rows(engines, "posthog/pages", "page", "pageviews", **WINDOW) == [("/a", 4), ("/b", 1)]
    assert sum(row[0] for row in rows(engines, "posthog/traffic_sources", "visits", **WINDOW)) == 3
    assert sum(row[0] for row in rows(engines, "posthog/traffic_countries", "visits", **WINDOW)) == 3
    assert sum(row[0] for row in rows(engines, "posthog/traffic_countries", "visits", days=8)) == 4


def test_new_users_are_people_and_their_first_account_is_of_the_week(engines: Office) -> None:
    by_step = {row[0]: row[1:] for row in rows(engines, "neon/new_users", "did", "people", "share", "times", **WINDOW)}
    assert by_step["signed_up"] == (3, 1.0, None)
    assert by_step["run"] == (2, pytest.approx(2 / 3), 4)
    assert by_step["run_ok"] == (1, pytest.approx(1 / 3), 2)
    assert by_step["run_failed"] == (1, pytest.approx(1 / 3), 1)
    assert by_step["call"] == (1, pytest.approx(1 / 3), 1)
    assert by_step["nothing"] == (1, pytest.approx(1 / 3), None)


def test_nobody_new_has_no_shares(engines: Office) -> None:
    records = rows(engines, "neon/new_users", "people", "share", days=1, since=UNTIL)
    assert set(records) == {(0, None)}


def test_what_new_people_did(engines: Office) -> None:
    records = rows(engines, "posthog/new_people", "did", "people", "times", **WINDOW)
    assert records == [("user_signed_up", 1, 2)]


def test_how_far_the_sources_reach(engines: Office) -> None:
    assert rows(engines, "posthog/newest", "newest_at") == [(MONDAY + timedelta(days=7) - SECOND,)]
    newest = dict(rows(engines, "neon/newest", "kind", "newest_at"))
    assert newest == {
        "accounts": MONDAY + timedelta(days=1),
        "runs": MONDAY + timedelta(days=1),
        "calls": MONDAY + timedelta(days=1),
    }


@pytest.mark.slow
def test_a_week_that_is_not_over_and_whose_pageviews_have_no_session(engines: Office) -> None:
    """Its visits are not 0."""
    with engines.runner(as_of=NOW) as runner:
        weekly = gather(
            runner,
            Week(2026, 47, "UTC"),
            sought(engines, NOW, None),
        )
        facts, sections = summary_section(weekly, "UTC").blocks[-1], next(iter(traffic(weekly))).blocks
        in_short = next(traffic_facts(weekly))
        days = next(each for each in sections if isinstance(each, Section))
    assert (weekly.finished, moments(weekly.week, NOW)) == (False, (NOW, NOW - WEEK))
    assert facts.pairs[0] == ("Not as in an ordinary week", "not known: not enough weeks yet (7 of 8)")
    assert facts.pairs[2] == in_short == ("Pageviews", "4")
    why, chart, listing = days.blocks
    assert "no pageview has a $session_id" in why.text
    assert (chart.label, list(chart.series["2026-W47"])) == ("Pageviews per day", [1, 3, 0, 0, None, None, None])
    assert listing.table.rows[1] == ("Tue 17 Nov", 3, 1, 1)
    assert listing.table.rows[-1][0] == "Fri 20 Nov (not over)"


@pytest.mark.slow
def test_a_broken_table_takes_only_what_rests_on_it(engines: Office) -> None:
    with psycopg.connect(engines.dsn, autocommit=True) as database:
        database.execute("ALTER TABLE fastapi_code_execution RENAME TO elsewhere")
        try:
            with engines.runner(as_of=UNTIL) as runner:
                weekly = gather(runner, Week(2026, 46, "UTC"), sought(engines, UNTIL, None))
                in_short = summary_section(weekly, "UTC").blocks[-1]
                signed_up, code, nothing, _ = new_user_facts(weekly)
                kinds = [kind for kind, at in newest(weekly) if at]
        finally:
            database.execute("ALTER TABLE elsewhere RENAME TO fastapi_code_execution")
    broken = 'relation "fastapi_code_execution" does not exist'
    assert ("New users", "3, 2 of them ran a workflow") in in_short.pairs
    assert signed_up[1].startswith("3 · started a workflow run 2 (67 %) · had a run completed 1 (33 %)")
    assert "nothing" not in signed_up[1]
    assert (code[0], broken in code[1]) == ("Their code executions", True)
    assert nothing == ("Nothing else yet", "unknown: it rests on all of these")
    assert kinds == ["events", "accounts", "runs", "tool calls"]


# Who moved


def sought(engines: Office, as_of: datetime, place: HistoryFile | None, *, keep: bool = True) -> WeekAgoQuery:
    return WeekAgoQuery(engines.rules, engines.rules.set_named("action"), as_of, as_of - WEEK, place, keep)


def high_intent(moved: Moves) -> list[tuple[str, str, str]]:
    rows = (row for row in moved.moves.dicts() if row["segment"] == "high_intent")
    return [(row["email"], row["change"], row["why"]) for row in rows]


def spend(engines: Office, credits: float) -> None:  # noqa: A002
    with psycopg.connect(engines.dsn, autocommit=True) as connection:
        connection.execute("UPDATE wasp_user SET credits = %s WHERE email = 'mover@x.example'", [credits])


def left_and_entered(
    engines: Office, runner: Runner, place: HistoryFile | None, *, keep: bool = True
) -> list[tuple[str, str, str]]:
    """Of the segment of prospects, whose rule takes two queries."""
    rules, action = engines.rules, engines.rules.sets["action"]
    queries = {name: rules.queries[name] for name in ("neon/accounts", "posthog/mcp_connects")}
    derived = tuple(fact for fact in rules.derived if fact.name == "age_days")
    prospects = replace(action, segments=(replace(action["high_intent"], priority="mcp_clicks", because=""),))
    asked = replace(
        sought(engines, runner.as_of, place, keep=keep),
        rules=replace(rules, queries=queries, derived=derived, sets={"action": prospects}),
        segment_set=prospects,
    )
    return high_intent(classify_both(ask_both(runner, asked)[0])[1])


def test_what_was_kept_at_the_time_says_why_somebody_left(engines: Office, tmp_path: Path) -> None:
    place = HistoryFile(tmp_path / "history.duckdb", "test")
    with engines.runner(as_of=NOW - WEEK) as runner:
        left_and_entered(engines, runner, place)
    spend(engines, 60)
    try:
        with engines.runner(as_of=NOW) as runner:
            content = place.path.read_bytes()
            assert left_and_entered(engines, runner, place, keep=False) == [
                ("mover@x.example", "left", "credits 100 → 60")
            ]
            assert place.path.read_bytes() == content
            assert left_and_entered(engines, runner, None) == []  # of the past, only the credits of today are known
    finally:
        spend(engines, 100)


def test_who_is_new_to_act_on_and_who_was_there(engines: Office) -> None:
    with engines.runner(as_of=NOW) as runner:
        _, moved = classify_both(ask_both(runner, sought(engines, NOW, None))[0])
        rows = [(row["email"], row["segment"], row["new"], row["moved"]) for row in moved.standing.dicts()]
    assert rows == [
        ("idle@x.example", "at_risk", True, None),
        ("old@x.example", "power", False, None),
        ("mover@x.example", "high_intent", False, "connect clicks 1 → 2"),
    ]


def test_what_was_kept_at_the_time_is_not_replaced(engines: Office, tmp_path: Path) -> None:
    place = HistoryFile(tmp_path / "history.duckdb", "test")
    with engines.runner(as_of=NOW - WEEK) as runner:
        left_and_entered(engines, runner, place)
    spend(engines, 60)
    try:
        with engines.runner(as_of=NOW) as runner:
            left_and_entered(engines, runner.at(NOW - WEEK), place)
            assert left_and_entered(engines, runner, place) == [("mover@x.example", "left", "credits 100 → 60")]
    finally:
        spend(engines, 100)


def test_a_damaged_history_costs_a_note(engines: Office, tmp_path: Path) -> None:
    (tmp_path / "history.duckdb").write_text("no database")
    with engines.runner(as_of=NOW) as runner:
        answered, _ = ask_both(runner, sought(engines, NOW, HistoryFile(tmp_path / "history.duckdb", "test")))
        action, moved = classify_both(answered)
    assert any("not kept in the history" in note for note in action.profiles.notes)
    assert moved.pair.before.as_of == (NOW - WEEK).replace(tzinfo=None)
    assert (tmp_path / "history.duckdb").read_text() == "no database"
