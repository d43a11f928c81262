"""The dossier: every number of one person, counted by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.people import NOW, Company, Office, ago, office
from usertrack.reports.dossier import Dossier, dossier
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
        company.event(
            person, "$pageview", ago(3, -60 * number), **{"p_$session_id": session, "p_$pathname": f"/{number}"}
        )
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
        return Dossier(**{**vars(complete), "parts": {name: _kept(table) for name, table in complete.parts.items()}})


def _kept(table):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    return replace(table, rows=list(table.rows))


def test_account_and_segments(ann: Dossier) -> None:
    facts = ann.explanations["action"].facts
    assert (facts["name"], facts["credits"], facts["run_count"], facts["finished_runs"]) == ("Ann", 42.5, 6, 5)
    assert [segment.id for segment in ann.explanations["action"].members] == ["failing", "power"]
    assert [segment.id for segment in ann.explanations["lifecycle"].members] == ["active"]


def test_tools_with_rates_over_finished_calls(ann: Dossier) -> None:
    tools = {row["tool"]: (row["uses"], row["finished"], row["success_rate"]) for row in ann.parts["tools"].dicts()}
    assert tools == {"gmail_send": (4, 3, pytest.approx(2 / 3)), "web_scrape": (1, 1, 1.0)}


def test_failures_of_both_levels_apart(ann: Dossier) -> None:
    runs = [(row["outcome"], row["cause"], row["runs"]) for row in ann.parts["runs"].dicts()]
    assert runs == [("failed", "API timeout after <n> ms (run <id>)", 3), ("ok", None, 2), ("running", None, 1)]
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
    said = {(kind, why) for _, kind, _, outcome, why in ann.timeline if outcome == "failed"}
    assert said == {("run", "API timeout after <n> ms (run <id>)"), ("tool", "no such id <id>")}
