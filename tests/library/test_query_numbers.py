"""What the seed's own SQL counts wrong, counted by hand: a small company in real engines."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from tests.people import Company, Office, ago, office
from usertrack.engine.runner import Runner

GUS = "gus@x.example"
EVA = "eva@x.example"


def activation(company: Company) -> None:
    """Who never began and who stopped, hidden behind 25 newcomers."""
    for number in range(25):
        company.account(f"fresh{number}@x.example", signed_up=ago(1))
    company.account("almost@x.example", signed_up=ago(7, -1))
    company.account("idle@x.example", signed_up=ago(7), last_active=ago(0.5))
    company.account("Half@x.example")
    company.account("half@X.example", runs={"completed": 1}, run_at=ago(20))
    company.account("two_backends@x.example", runs={"completed": 10}, run_at=ago(1))
    company._add("fastapi_user", wasp_user_id=len(company.tables["wasp_user"]))  # one that was never used
    company.account("stopped@x.example", runs={"failed": 1}, run_at=ago(20))
    company.tool(company.account("back@x.example", runs={"completed": 1}, run_at=ago(20)), ago(2), tool_name="back")
    company.account("seen@x.example", runs={"completed": 1}, run_at=ago(20), last_active=ago(2))
    company.account("edge@x.example", runs={"completed": 1}, run_at=ago(7))
    builder = company.account("builder@x.example")
    company._add("fastapi_deployment", user_id=builder, name="finder", final_code="", created_at=ago(1))
    company.account(None)
    company.account(None, runs={"completed": 1}, run_at=ago(20))


def tools(company: Company) -> None:
    """Calls of every outcome, by people, by nobody, by ids that are none, and by your own people."""
    gus = company.account(GUS)
    for ms in (100, 200, 900):
        company.tool(gus, ago(1), tool_name="search", execution_duration_ms=ms)
    company.tool(gus, ago(1), "failed", tool_name="search", execution_duration_ms=30_000, error_type="TimeoutError")
    for status in ("running", "queued", "cancelled", "exploded"):
        company.tool(gus, ago(1), status, tool_name="search", execution_duration_ms=5)
    company.tool(gus, ago(40), tool_name="a_b", tool_type="default")
    company.tool(gus, ago(40), tool_name="axb", tool_type="default")
    for user in (999_999, "9f1c2c9e-uuid", ""):
        company.tool(user, ago(1), tool_name="search", execution_duration_ms=7)  # type: ignore[arg-type]
    company.tool(company.account(None), ago(1), "running", tool_name="waits")
    for email in ("ops@datagen.dev", "Ops2@DATAGEN.dev", "guest@eu.datagen.dev", "lee@mail.example"):
        company.tool(company.account(email), ago(1), tool_name="search")
    for email in ("fan@notdatagen.dev", "ann.lee@mail.example"):
        company.tool(company.account(email), ago(1), tool_name="other", tool_type="default")
    night = datetime(2026, 11, 17, 23, 30)  # in Berlin, the 18th
    company.tool(gus, night, tool_name="late")


def runs(company: Company) -> None:
    eva = company.account(EVA, runs={"success": 1, "completed": 2})
    company.run(eva, "failed", ago(3), "Traceback (most recent call last):\n  File a.py\nKeyError: 'HUBSPOT_API_KEY'\n")


def visits(company: Company) -> None:
    def seen(person: str, at: datetime, session: str, event: str = "$pageview", **properties: Any) -> None:
        company.event(person, event, at, **properties)
        company.events[-1]["$session_id"] = session

    ann, nobody, own = company.person(GUS), company.person(None), company.person("x@Eu.Datagen.dev")
    google, direct = {"p_$referring_domain": "google.com"}, {"p_$referring_domain": "$direct"}
    seen(ann, ago(2), "s1", **google, **{"p_$geoip_country_code": "DE", "p_$pathname": "/a"})
    seen(ann, ago(2, -60), "s1", **direct, **{"p_$geoip_country_code": "FR", "p_$pathname": "/a"})
    seen(ann, ago(1), "s2", **direct, **{"p_$geoip_country_code": "DE", "p_$pathname": "/b"})
    seen(nobody, ago(1), "s3", **google, **{"p_$pathname": "/a"})
    seen(nobody, ago(1), "", **google, **{"p_$pathname": "/a"})
    seen(ann, ago(1), "", **google)
    seen(own, ago(1), "s4", **google, **{"p_$geoip_country_code": "DE", "p_$pathname": "/a"})
    for server, minutes, came in (("Slack", 3, google), ("Gmail", 2, direct), ("Slack", 1, direct)):
        template = {"p_template_id": f"tpl_{server}", "p_has_oauth": server == "Gmail"}
        seen(ann, ago(1, -60 * minutes), "s2", "mcp_connect_clicked", p_template_name=server, **template, **came)
    for minutes in (4, 6):
        seen(ann, ago(1, -60 * minutes), "s2", "mcp_url_copied")
    seen(own, ago(1), "s4", "mcp_url_copied")
    seen(nobody, ago(1), "s3", "mcp_connect_clicked", p_template_name="Neon")
    seen(own, ago(1), "s4", "mcp_connect_clicked", p_template_name="Neon")
    seen(ann, ago(1), "s2", "$exception", **{"p_$pathname": "/a", "p_$exception_list": [{"value": "boom"}]})
    for _ in range(3):
        seen(nobody, ago(1), "s3", "$rageclick", **{"p_$pathname": "/a"})


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    company = Company()
    for fill in (activation, tools, runs, visits):
        fill(company)
    with office(tmp_path_factory.mktemp("queries"), company) as opened:
        yield opened


@pytest.fixture(scope="module")
def runner(engines: Office) -> Iterator[Runner]:
    with engines.runner(internal=("@DataGen.dev", "lee@mail.example")) as opened:
        yield opened


def rows(runner: Runner, name: str, *columns: str, zone: str = "UTC", **params: Any) -> list[tuple[Any, ...]]:
    bound = runner.bind(name, params)
    table = runner.table(
        replace(bound, values={**bound.values, "timezone": zone}) if "timezone" in bound.values else bound
    )
    return [tuple(row[column] for column in columns) for row in table.dicts()]


def test_never_activated_is_old_enough_and_has_done_nothing(runner: Runner) -> None:
    records = rows(runner, "neon/never_activated", "email", "accounts", "days_since_signup")
    assert records == [("idle@x.example", 1, 7), (None, 1, 60)]


def test_lapsed_was_active_and_stopped(runner: Runner) -> None:
    records = rows(runner, "neon/lapsed", "email", "idle_days", "accounts")
    assert records == [
        ("edge@x.example", 7, 1),
        ("half@x.example", 20, 2),
        ("stopped@x.example", 20, 1),
        (None, 20, 1),
    ]


def test_overview_of_accounts(runner: Runner) -> None:
    columns = ("people", "accounts", "without_email", "new_people", "known_credits", "p50_credits")
    assert rows(runner, "neon/overview", *columns) == [(41, 42, 3, 26, 42, 80)]


def test_usage_is_what_people_did_not_credits(runner: Runner) -> None:
    columns = ("people", "people_with_usage", "people_with_recent_usage", "usage_rate")
    # used: half, two_backends, stopped, back, seen, edge, builder, gus, fan, ann.lee, eva, and two without an e-mail
    assert rows(runner, "neon/usage", *columns) == [(41, 13, 13, pytest.approx(13 / 41))]


def test_outcomes_are_all_there_and_rates_are_over_finished_calls(runner: Runner) -> None:
    records = rows(
        runner, "neon/tools_overview", "outcome", "calls", "users", "unattributed", "finished", "success_rate"
    )
    assert records[0] == ("all", 16, 5, 3, 11, pytest.approx(10 / 11))
    assert records[1:] == [
        ("ok", 10, 4, 3, None, None),
        ("running", 3, 2, 0, None, None),
        ("cancelled", 1, 1, 0, None, None),
        ("failed", 1, 1, 0, None, None),
        ("unknown", 1, 1, 0, None, None),
    ]


def test_a_tool_without_a_finished_call_has_no_rate(runner: Runner) -> None:
    columns = ("tool", "calls", "ok", "failed", "unfinished", "unknown", "finished", "success_rate")
    by_tool = {row[0]: row[1:] for row in rows(runner, "neon/top_tools", *columns)}
    assert by_tool["search"] == (11, 6, 1, 3, 1, 7, pytest.approx(6 / 7))
    assert by_tool["waits"] == (1, 0, 0, 1, 0, 0, None)


def test_timeouts_do_not_hide_in_an_average(runner: Runner) -> None:
    columns = ("email", "ok_p50_ms", "ok_p95_ms", "ok_max_ms", "ok_avg_ms", "failed_p50_ms", "failed_max_ms")
    by_email = {row[0]: row[1:] for row in rows(runner, "neon/tool_users", *columns, days=2)}
    assert by_email[GUS] == (200, 900, 900, 400, 30_000, 30_000)


def test_every_call_is_somewhere(runner: Runner) -> None:
    by_email = {email: counts for email, *counts in rows(runner, "neon/tool_users", "email", "calls", "unattributed")}
    assert by_email == {
        GUS: [9, 0],
        None: [4, 3],
        "back@x.example": [1, 0],
        "fan@notdatagen.dev": [1, 0],
        "ann.lee@mail.example": [1, 0],
    }
    assert sum(calls for calls, _ in by_email.values()) == 16  # as in neon/tools_overview


def test_failing_tools_say_whom_they_hit(runner: Runner) -> None:
    columns = ("tool", "failures", "finished", "failure_rate", "affected_users", "top_error_type", "failed_p95_ms")
    assert rows(runner, "neon/failing_tools", *columns) == [
        ("search", 1, 7, pytest.approx(1 / 7), 1, "TimeoutError", 30_000)
    ]


def test_days_have_no_holes_and_today_is_marked(runner: Runner) -> None:
    records = rows(runner, "neon/tool_days", "day", "calls", "success_rate", "complete", days=5)
    assert [row[:2] for row in records] == [
        (date(2026, 11, 20), 0),
        (date(2026, 11, 19), 14),
        (date(2026, 11, 18), 1),
        (date(2026, 11, 17), 1),
        (date(2026, 11, 16), 0),
    ]
    assert [row[3] for row in records] == [False, True, True, True, True]
    assert records[0][2] is None


def test_days_are_those_of_the_timezone(runner: Runner) -> None:
    calls_by_day = dict(rows(runner, "neon/tool_days", "day", "calls", zone="Europe/Berlin", days=5))
    assert calls_by_day[date(2026, 11, 17)] == 0
    assert calls_by_day[date(2026, 11, 18)] == 2


def test_an_underscore_is_no_wildcard(runner: Runner) -> None:
    def used(tool: str) -> list[tuple[Any, ...]]:
        return rows(runner, "neon/user_tool_use", "tool", "uses", email=[GUS], tool=tool)

    assert used("A_b") == [("a_b", 1)]
    assert used("%") == []


def test_share_of_mcp(runner: Runner) -> None:
    records = rows(runner, "neon/user_tool_kinds", "kind", "calls", "share", email=[GUS], days=60)
    assert records == [("mcp", 9, pytest.approx(9 / 11)), ("default", 2, pytest.approx(2 / 11))]


def test_own_people_by_domain_subdomain_and_address(runner: Runner) -> None:
    emails = {email for (email,) in rows(runner, "neon/tool_activity", "email")}
    assert emails == {GUS, None, "back@x.example", "fan@notdatagen.dev", "ann.lee@mail.example"}


def test_a_visit_is_a_session_and_has_one_source(runner: Runner) -> None:
    records = rows(runner, "posthog/traffic_sources", "domain", "visits", "visitors", "pageviews")
    assert records == [("google.com", 2, 2, 3), ("$direct", 1, 1, 1), ("(no session)", 0, 2, 2)]


def test_a_visit_has_one_country(runner: Runner) -> None:
    records = rows(runner, "posthog/traffic_countries", "country", "visits", "visitors", "pageviews")
    assert records == [("DE", 2, 1, 3), ("(not recorded)", 1, 1, 1), ("(no session)", 0, 2, 2)]


def test_pageviews_are_not_visits(runner: Runner) -> None:
    records = rows(runner, "posthog/pages", "page", "pageviews", "visits", "visitors")
    assert records == [("/a", 4, 2, 2), ("(not recorded)", 1, None, 1), ("/b", 1, 1, 1)]


def test_clicks_per_server_and_the_first_referrer(runner: Runner) -> None:
    records = rows(
        runner, "posthog/mcp_clicks", "email", "clicks", "servers", "clicks_per_server", "mcp_click_referrer"
    )
    assert records == [
        (GUS, 3, ["Gmail", "Slack"], [1, 2], "$direct"),
        (None, 1, ["Neon"], [1], "(not recorded)"),
    ]


def test_a_setup_is_complete_when_the_address_is_copied(runner: Runner) -> None:
    columns = ("email", "clicks", "mcp_url_copies", "first_mcp_url_copied_at", "last_mcp_url_copied_at")
    assert rows(runner, "posthog/mcp_setups", *columns) == [
        (GUS, 3, 2, ago(1, -240), ago(1, -360)),
        (None, 1, 0, None, None),
    ]


def test_servers_of_one_person_by_template(runner: Runner) -> None:
    records = rows(runner, "posthog/user_mcp", "server", "template_id", "has_oauth", "clicks", email=[GUS])
    assert records == [("Slack", "tpl_Slack", False, 2), ("Gmail", "tpl_Gmail", True, 1)]


def test_success_is_another_word_for_completed(runner: Runner) -> None:
    assert (EVA, 3, 1) in rows(runner, "neon/run_activity", "email", "runs_completed", "runs_failed")
    assert rows(runner, "neon/user_account", "runs_ok", "success_rate", email=[EVA]) == [(3, 0.75)]


def test_a_timeline_says_why_a_run_failed(runner: Runner) -> None:
    records = rows(runner, "neon/user_timeline", "outcome", "detail", email=[EVA])
    assert [why for outcome, why in records if outcome == "failed"] == ["KeyError: 'HUBSPOT_API_KEY'"]


def test_one_noisy_visitor_counts_once(runner: Runner) -> None:
    records = rows(
        runner, "posthog/ux_pages", "page", "persons", "rage_clicks", "exceptions", "visitors", "top_message"
    )
    assert records == [("/a", 2, 3, 1, 2, "boom")]
    assert len(rows(runner, "posthog/ux_issues", "at")) == 4


def test_anonymous_events_are_counted_and_your_own_are_not(runner: Runner) -> None:
    by_event = {row[0]: row[1:] for row in rows(runner, "posthog/events_overview", "event", "events", "persons")}
    assert by_event["$pageview"] == (6, 2)
    assert by_event["mcp_connect_clicked"] == (4, 2)


def test_without_own_people_nobody_is_left_out(engines: Office) -> None:
    with engines.runner(internal=("nowhere.example",)) as runner:
        assert dict(rows(runner, "posthog/events_overview", "event", "events"))["$pageview"] == 7
        assert len(rows(runner, "neon/tool_activity", "email")) == 9
