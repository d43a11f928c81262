"""The dossier: every number of one person, counted by hand."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.people import NOW, Company, Office, ago, office
from usertrack.core.document import Facts, Listing
from usertrack.core.table import Row, Table
from usertrack.reports.dossier import Dossier, dossier
from usertrack.reports.dossier_view import person_document, summary_sentence
from usertrack.reports.timeline import timeline
from usertrack.segments.profiles import build_profiles

ANN = "ann@x.example"


def one_person(company: Company) -> None:
    ann = company.account("Ann@x.example", name="Ann", credits=42.5, runs={"completed": 2, "running": 1})
    for number in range(3):
        company.run(ann, "failed", ago(2 + number), f"API timeout after {number}00 ms (run {number:08x}a)")
    for number in range(4):
        status = ("success", "failed", "running", "success")[number]
        company.tool(ann, ago(1 + number), status, error_message="no such id 12345678a" if status == "failed" else None)
    company.tool(ann, ago(40), "success", tool_name="web_scrape")
    company.code(ann, ago(5))
    company.agent(ann, ago(6))
    company.agent(ann, ago(-1))  # not yet
    person = company.person(ANN)
    for number, session in enumerate(("s1", "s1", "s1", "s2")):
        page = {"p_$session_id": session, "p_$pathname": f"/{number}", "p_$referring_domain": f"{number}.example"}
        company.event(person, "$pageview", ago(3, -60 * number), **page)
    company.event(person, "mcp_connect_clicked", ago(50), 2, template_name="Gmail")
    company.event(person, "mcp_connect_clicked", ago(20), template_name="Slack")
    other = company.account("bob@x.example", runs={"failed": 7})
    company.tool(other, ago(1), "failed")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    rows = Company()
    one_person(rows)
    with office(tmp_path_factory.mktemp("dossier"), rows) as opened:
        yield opened


@pytest.fixture(scope="module")
def ann(company: Office) -> Dossier:
    with company.runner() as runner:
        complete = dossier(runner, build_profiles(runner, company.rules, only=ANN), ANN)
        return Dossier(
            **{**vars(complete), "parts": {name: with_rows(table) for name, table in complete.parts.items()}}
        )


def with_rows(table):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    return replace(table, rows=list(table.rows))


@pytest.mark.slow
def test_account_and_segments(ann: Dossier) -> None:
    facts = ann.explanations["action"].facts
    assert (facts["name"], facts["credits"], facts["run_count"], facts["finished_runs"]) == ("Ann", 42.5, 6, 5)
    assert [segment.id for segment in ann.explanations["action"].members] == ["power"]
    assert [segment.id for segment in ann.explanations["lifecycle"].members] == ["active"]


def test_tools_with_rates_over_finished_calls(ann: Dossier) -> None:
    tools = {row["tool"]: (row["uses"], row["finished"], row["success_rate"]) for row in ann.parts["tools"].dicts()}
    assert tools == {"gmail_send": (4, 3, pytest.approx(2 / 3)), "web_scrape": (1, 1, 1.0)}


def test_failures_of_both_levels_apart(ann: Dossier) -> None:
    runs = [(row["outcome"], row["message"], row["cause"], row["runs"]) for row in ann.parts["runs"].dicts()]
    timeout = ("failed", "API timeout after <n> ms (run <id>)", "API timeout", 3)
    assert runs == [timeout, ("ok", None, None, 2), ("running", None, None, 1)]
    calls = [(row["tool"], row["message"], row["failures"]) for row in ann.parts["tool_failures"].dicts()]
    assert calls == [("gmail_send", "no such id <id>", 1)]


def test_servers_sessions_and_days(ann: Dossier) -> None:
    assert [(row["server"], row["clicks"]) for row in ann.parts["mcp"].dicts()] == [("Gmail", 2), ("Slack", 1)]
    sessions = [(row["seconds"], row["events"], row["entry_page"]) for row in ann.parts["sessions"].dicts()]
    assert sessions == [(0, 1, "/3"), (120, 3, "/0")]
    days = dict(ann.days)
    assert len(days) == 31
    assert days[(NOW - timedelta(days=3)).date()] == 3 + 1 + 1 + 4  # runs of account(), one failed, one call, events
    assert days[(NOW - timedelta(days=29)).date()] == 0
    assert sum(days.values()) == 6 + 4 + 1 + 1 + 4 + 1


def test_timeline_newest_first_and_nothing_of_the_future(ann: Dossier) -> None:
    times = [row[0] for row in ann.timeline]
    assert times == sorted(times, reverse=True)
    assert times[0] <= datetime(2026, 11, 20, 9, tzinfo=UTC).replace(tzinfo=None)
    assert {row[1] for row in ann.timeline} == {"run", "tool", "code", "agent", "event"}
    assert len(ann.timeline) == sum(dict(ann.days).values())


def test_timeline_names_causes_as_failures_does(ann: Dossier) -> None:
    causes = {(kind, why) for _, kind, _, outcome, why, _ in ann.timeline if outcome == "failed"}
    assert causes == {("run", "API timeout after <n> ms (run <id>)"), ("tool", "no such id <id>")}


def test_where_they_came_from_and_who_they_are_in_a_sentence(ann: Dossier) -> None:
    assert list(ann.parts["origin"].rows) == [(ago(3), "0.example", "/0")]
    assert summary_sentence(ann, "UTC") == (
        "Ann signed up on 21 Sep 2026, came from 0.example to /0; ran 6×, of which 40 % ended well; "
        "was last active 24 h ago; is in Power Users."
    )
    facts = next(block for block in person_document(ann, "UTC").blocks if isinstance(block, Facts))
    assert dict(facts.pairs)["Subscription"] == "none"
    assert dict(facts.pairs)["Success"] == "40 % of 5 finished runs · 75 % of 4 finished tool calls"


@pytest.mark.parametrize(
    ("masked", "message"),
    [(False, "API timeout after 000 ms (run 00000000a)"), (True, "API timeout after <n> ms (run <id>)")],
)
def test_messages_are_real_until_they_are_passed_on(ann: Dossier, masked: bool, message: str) -> None:  # noqa: FBT001
    document = person_document(ann, "UTC", masked=masked)
    listings = {block.heading: block.visible(0)[1] for block in document.blocks if isinstance(block, Listing)}
    assert message in {value for row in listings["Workflow level: runs"] for value in row.values()}
    assert message in {row["detail"] for row in listings["Timeline, 30 days"]}
    assert "00000000a" not in json.dumps(document.data() if document.data else None, default=str)


def test_a_failed_run_stands_beside_its_calls(ann: Dossier) -> None:
    document = person_document(ann, "UTC")
    [runs] = [
        block for block in document.blocks if isinstance(block, Listing) and block.heading.startswith("Failed runs")
    ]
    assert [(row["failed_at"], row["calls"]) for row in runs.table.dicts()] == [
        (ago(2), "1 call, 1 failed: gmail_send"),
        (ago(3), "1 call, none failed"),
        (ago(4), "1 call, none failed"),
    ]


def test_what_both_sources_tell_of_a_run_is_one_entry() -> None:
    def table(*rows: Row) -> Table:
        return Table((), list(rows))

    events = table(
        (ago(1, -120), "run_completed", None, None, None),
        (ago(2, 60), "run_completed", None, None, None),  # before any run
        (ago(3), "mcp_connect_clicked", "/mcp", "Gmail", None),
    )
    ended = ago(2, -1800)
    actions = table(
        (ago(1), "run", "workflow run", "ok", None, ago(1)),
        (ended, "run", "workflow run", "failed", "rc=137", ago(2)),  # half an hour, and stands where it ended
    )
    assert [row[:5] for row in timeline({"events": events, "actions": actions}, {"run_completed": "runs"})] == [
        (ago(1), "run", "workflow run", "ok", "run_completed in PostHog"),
        (ended, "run", "workflow run", "failed", "rc=137"),
        (ago(2, 60), "event", "run_completed", None, None),
        (ago(3), "event", "mcp_connect_clicked", None, "Gmail"),
    ]
