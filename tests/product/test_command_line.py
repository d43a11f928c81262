"""The commands of product analytics on a server of their own: what they take from the project, and what is wrong."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import openpyxl
import pytest

from usertrack.library.sql import properties_of
from usertrack.server.database.store import Store

from ..conftest import Cli, CommandResult, slow_but
from ..server.capture_fixtures import SETTINGS, AppThread, Client
from .logs import capture


@pytest.fixture
def on(cli: Cli, clean_env: pytest.MonkeyPatch, client: Client) -> Callable[..., CommandResult]:
    """`usertrack` on the store, which a server of its own serves."""
    clean_env.setenv("POSTHOG_HOST", str(client.http.base_url))
    clean_env.setenv("POSTHOG_PROJECT_ID", "1")
    clean_env.setenv("POSTHOG_PERSONAL_API_KEY", SETTINGS.personal_api_key)
    return cli


@pytest.mark.parametrize(("day", "first"), [(None, "2 Nov"), (0, "1 Nov"), (1, "2 Nov")])
def test_weeks_start_as_in_posthogs_project(
    on: Cli, clean_env: pytest.MonkeyPatch, store: Store, day: int | None, first: str
) -> None:
    with AppThread(store, replace(SETTINGS, week_start_day=day)) as server:
        clean_env.setenv("POSTHOG_HOST", server.url)
        result = on("lifecycle", "--since", "2026-11-04", "--until", "2026-11-10")
    assert result.code == 0, result.err
    assert f" {first} " in result.out


LINES = [f"p{n} | a | 2026-11-02 00:00:00 | plan=plan{n} $session_id=s{n}" for n in range(12)]
SINCE = ["--since", "2026-11-01", "--until", "2026-11-07"]
THIS_YEAR = ["--as-of", "2026-11-20"]  # its dates are shown without it, and its properties are known
BROKEN_DOWN = [
    ["journeys", "--by", "event"],
    ["funnel", "a", "a"],
    ["funnel", "a", "a", "--order", "unordered"],
    ["retention"],
    ["cohorts", "--target", "a"],
    ["features", "--event", "a", "--property", ""],
    ["churn", "--gone", "1"],
    ["lifecycle"],
    ["stickiness"],
    ["trends"],
    ["activity"],
    ["sessions"],
]
TWO_COMMANDS = [["funnel", "a", "a"], ["sessions"]]


@pytest.mark.parametrize("command", slow_but(TWO_COMMANDS, BROKEN_DOWN), ids=" ".join)
def test_a_property_that_nothing_has(on: Cli, client: Client, command: list[str]) -> None:
    capture(client, LINES)
    result = on(*command, *SINCE, "--breakdown", "plann")
    assert (result.code, result.out) == (2, "")
    assert "no event in this time has a property 'plann'" in result.err
    assert "did you mean 'plan'?" in result.err


@pytest.mark.parametrize("command", TWO_COMMANDS, ids=" ".join)
def test_a_property_of_events_that_no_person_has(on: Cli, client: Client, command: list[str]) -> None:
    capture(client, LINES)
    assert "no person in this time has a property 'plan'" in on(*command, *SINCE, "--breakdown", "person.plan").err


@pytest.mark.parametrize("command", slow_but(TWO_COMMANDS, BROKEN_DOWN), ids=" ".join)
def test_what_is_said_of_all_others_and_of_days_to_come(on: Cli, client: Client, command: list[str]) -> None:
    """The days are not counted."""
    capture(client, [*LINES, "none | a | 2026-11-02 00:00:00"])
    window = ["--as-of", "2026-11-20", "--since", "2026-11-01", "--until", "2026-12-31", "--interval", "day"]
    result = on(*command, *window, "--breakdown", "plan", "--top", 3)
    assert result.code == 0, result.err
    assert "all others: 9 more values of plan" in result.out + result.err
    assert result.err.count("41 days of this time are yet to come") == 1
    assert "21 Nov" not in result.out
    assert " Dec  " not in result.out


@pytest.mark.parametrize("command", ["retention", "cohorts", "lifecycle", "stickiness", "funnel a b"])
@pytest.mark.parametrize(
    "condition",
    [
        "1 = 1) UNION ALL (SELECT 1",
        "event IN (SELECT event FROM events)",
        "true; DROP TABLE events",
        "true -- ",
        "{internal}",
        "properties.plan = 'a' LIMIT 1",
    ],
)
def test_a_condition_smuggles_nothing_in(on: Cli, command: str, condition: str) -> None:
    result = on(*command.split(), "--where", condition)
    assert (result.code, result.out) == (2, "")
    assert "is not a condition" in result.err


def test_an_event_that_never_occurred(on: Cli, client: Client) -> None:
    capture(client, LINES)
    for command in ("retention --target aa", "cohorts --target aa", "lifecycle --event aa", "stickiness --event aa"):
        result = on(*command.split())
        assert (result.code, result.out) == (2, "")
        assert "no event 'aa' ever occurred" in result.err


NAMED = [["stickiness", "--event"], ["retention", "--target"], ["funnel", "a"]]


@pytest.mark.parametrize("command", slow_but(NAMED[:1], NAMED))
def test_blanks_around_a_name(on: Cli, client: Client, command: list[str]) -> None:
    """They are of it, where an event is called so."""
    capture(client, LINES)
    client.batch({"event": " b ", "distinct_id": "p0", "timestamp": "2026-11-03T00:00:00Z"}, historical_migration=True)
    result = on(*command, " a | b ", *SINCE)
    assert result.code == 0, result.err
    assert "nobody" not in result.err + result.out
    assert "ever occurred" not in result.err
    assert "no event 'b'" in on(*command, "b", *SINCE).err


@pytest.mark.parametrize("command", ["funnel a bb", "funnel activation"])
def test_people_who_stopped_before_what_never_occurred(on: Cli, client: Client, command: str) -> None:
    capture(client, [*LINES, "p0 | b | 2026-11-03 00:00:00"])
    result = on(*command.split(), *SINCE, "--stopped-at", 1)
    assert (result.code, result.out) == (2, "")
    assert "ever occurred" in result.err


def test_a_project_whose_signups_have_another_name(on: Cli, client: Client, clean_env: pytest.MonkeyPatch) -> None:
    capture(client, ["p | signup | 2026-11-02 00:00:00", "p | a | 2026-11-03 00:00:00"])
    result = on("cohorts")
    assert (result.code, result.out) == (2, "")
    assert "no event 'user_signed_up' or 'signed_up' ever occurred" in result.err
    assert "did you mean 'signup'?" in result.err
    assert "--target EVENT" in result.err
    clean_env.setenv("USERTRACK_EVENTS_SIGNED_UP", "signup")
    result = on("cohorts", *SINCE)
    assert "n=1" in result.out
    assert "ever occurred" not in result.out + result.err


def test_the_people_of_a_step_are_of_all_groups(on: Cli, client: Client) -> None:
    result = on("funnel", "a", "b", "--stopped-at", 1, "--breakdown", "person.plan")
    assert (result.code, result.out) == (2, "")
    assert "without a --breakdown" in result.err


def test_values_of_no_breakdown_are_not_told_apart(on: Cli, client: Client) -> None:
    result = on("activity", "--top", 3)
    assert (result.code, result.out) == (2, "")
    assert "--breakdown PROPERTY" in result.err


@pytest.mark.slow
def test_one_is_no_plural(on: Cli, client: Client) -> None:
    capture(client, ["p0 | a | 2026-11-02 00:00:00", "p0 | b | 2026-11-02 00:01:00"])
    stopped = on("funnel", "a", "b", "--stopped-at", 2, *SINCE).out
    assert " 1 person " in stopped
    assert "did all 2 steps" in stopped
    assert "−0" not in on("funnel", "a", "b", *SINCE).out
    assert "1 journey of 1 person" in on("journeys", "--by", "event", *SINCE).out
    assert "of 1 active person\n" in on("features", "--event", "a", "--property", "", *SINCE).out


def test_nobody_is_left_by_an_exclusion(on: Cli, client: Client) -> None:
    capture(client, ["p | a | 2026-11-02 00:00:00", "p | c | 2026-11-02 01:00:00", "p | b | 2026-11-02 02:00:00"])
    result = on("funnel", "a", "b", "--exclude", "c", *SINCE)
    assert "nobody took the first step in this time, but for who then did c" in result.err


def test_nothing_at_all_is_said_and_is_no_error(on: Cli, client: Client) -> None:
    capture(client, ["p | a | 2020-01-01 00:00:00", "p | b | 2020-01-01 00:00:00"])
    for command in (
        "retention --target a",
        "cohorts --target a",
        "lifecycle --event a",
        "stickiness --event a",
        "funnel a b",
    ):
        result = on(*command.split(), *SINCE)
        assert result.code == 0, result.err
        assert "nobody" in result.err + result.out
        assert "nan" not in result.out.lower()


@pytest.mark.parametrize(
    "command", slow_but(["lifecycle", "report activity"], ["activity", "lifecycle", "funnel a b", "report activity"])
)
def test_a_segment_that_is_absent_is_not_empty(on: Cli, client: Client, command: str) -> None:
    capture(client, LINES)
    result = on(*command.split(), *SINCE, "--segment", "power")
    assert (result.code, result.out) == (2, "")
    assert "segment 'power' rests on what is not here: accounts" in result.err


ON_NO_DEVICE = ["p | a | 2026-11-02 00:00:00 | $session_id=s $browser=Firefox"]


def test_sessions_on_no_known_device(on: Cli, client: Client) -> None:
    capture(client, ON_NO_DEVICE)
    result = on("sessions", *SINCE, "-f", "json")
    assert result.code == 0, result.err
    assert "no session has $device_type or $os or $geoip_country_code" in result.out
    assert "Firefox" in result.out
    assert "property" not in result.err


@pytest.mark.slow
def test_a_report_without_signups_and_devices(on: Cli, client: Client) -> None:
    capture(client, ON_NO_DEVICE)
    text = on("report", "activity", *SINCE, "-f", "markdown").out
    assert text.count("unknown: no event 'user_signed_up' or 'signed_up' ever occurred") == 2
    result = on("report", "activity", *SINCE, "-f", "json")
    assert "no session has $device_type or $os or $geoip_country_code" in result.out
    assert "Firefox" in result.out
    assert "property" not in result.err


def test_an_exclusion_that_never_occurred(on: Cli, client: Client) -> None:
    capture(client, [*LINES, "p0 | b | 2026-11-03 00:00:00", "p1 | cancelled | 2026-11-02 01:00:00"])
    for more in ([], ["--stopped-at", "1"]):
        result = on("funnel", "a", "b", *SINCE, "--exclude", "canceled", *more)
        assert (result.code, result.out) == (2, "")
        assert "no event 'canceled' ever occurred" in result.err
        assert "did you mean 'cancelled'?" in result.err


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["activity", "--where", "plann = 1"], "events have no field 'plann'", "did you mean 'plan'? properties are"),
        (["sessions", "--where", "properties.plann = 'a'"], "has a property 'plann'", "did you mean 'plan'?"),
        (
            ["churn", "--where", "person.properties['mail'] = 'a'"],
            "no person in this time has a property 'mail'",
            "email",
        ),
        (["funnel", "a", "a[properties.plann = 'a']"], "has a property 'plann'", "did you mean 'plan'?"),
        (["features", "--event", "a", "--property", "plann"], "has a property 'plann'", "did you mean 'plan'?"),
    ],
)
def test_a_condition_on_what_nothing_has(on: Cli, client: Client, args: list[str], message: str, hint: str) -> None:
    named = {"event": "a", "distinct_id": "n", "timestamp": "2026-11-02T00:00:00Z"}
    client.batch({**named, "properties": {"$set": {"email": "n@x.example"}}}, historical_migration=True)
    capture(client, LINES)
    result = on(*args, *SINCE, *THIS_YEAR)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert hint in result.err
    assert "posthog/" not in result.err


def test_properties_of_a_condition() -> None:
    text = "properties.plan = 'properties.x' AND person.properties['a.b'] > events.properties.$os + p.properties.z"
    assert properties_of(text) == ["plan", "person.a.b", "$os"]


def test_who_opted_out_is_left_out_and_said(on: Cli, client: Client) -> None:
    """On the other questions: test_who_is_counted.py."""
    capture(client, [*LINES, "p0 | b | 2026-11-03 00:00:00"])
    said_no = {"event": "a", "distinct_id": "gone", "timestamp": "2026-11-02T00:00:00Z"}
    command_line = ["funnel", "a", "b", "--stopped-at", 1, *SINCE, "-f", "csv"]
    before = on(*command_line)
    client.batch({**said_no, "properties": {"$set": {"$opt_out": "true"}}}, historical_migration=True)
    result = on(*command_line)
    assert result.code == 0, result.err
    assert result.out == before.out
    assert "1 person has opted out, and is left out" in result.err


def test_whole_weeks_are_said(on: Cli, client: Client) -> None:
    capture(client, LINES)
    result = on("lifecycle", "--since", "2026-11-04", "--until", "2026-11-10", *THIS_YEAR)
    assert "whole weeks are counted: from 2 Nov on" in result.err
    assert "whole" not in on("lifecycle", "--since", "2026-11-02", "--until", "2026-11-08").err


@pytest.mark.parametrize("begins", [["--since", "2026-11-02"], ["--days", "6"]])
def test_only_one_option_says_when_it_begins(on: Cli, begins: list[str]) -> None:
    for command in ("stickiness", "retention", "cohorts", "lifecycle", "features"):
        result = on(command, *begins, "--periods", 3)
        assert (result.code, result.out) == (2, "")
        assert f"{begins[0]} and --periods both set the start of the range" in result.err


@pytest.mark.slow
def test_so_many_days_are_so_many_days(on: Cli, client: Client) -> None:
    capture(client, LINES)
    until = ["--until", "2026-11-07"]
    assert "active on how many of 6 days" in on("stickiness", "--days", 6, *until).out
    for command in ("activity", "sessions", "lifecycle --interval day"):
        assert "2 Nov – 7 Nov 2026" in on(*command.split(), "--days", 6, *until).out
    assert len(json.loads(on("activity", "--days", 6, *until, "-f", "json").out)["days"]) == 6


@pytest.mark.parametrize("command", BROKEN_DOWN, ids=" ".join)
def test_a_time_that_is_yet_to_come(on: Cli, client: Client, command: list[str]) -> None:
    capture(client, LINES)
    result = on(*command, "--as-of", "2026-11-20", "--since", "2026-11-21", "--until", "2026-11-29")
    assert (result.code, result.out) == (2, "")
    assert result.err.count("this time is yet to come: it begins 2026-11-21 00:00") == 1


@pytest.mark.slow
def test_a_limit_is_for_every_table_and_heatmap(on: Cli, client: Client) -> None:
    moments = ", ".join(f"2026-11-02 0{hour}:00:00" for hour in range(9))
    capture(
        client,
        [
            f"p{n} | $pageview | {moments} | $session_id=s{n} $browser=B{n} $pathname=/page-{n} name=f{n}"
            for n in range(50)
        ],
    )
    used = ["features", "--event", "$pageview", "--property", "name", *SINCE]
    shown = on(*used).out
    assert shown.count("\n") < 120
    assert shown.count("10 more · `--limit 0` shows all") == 2
    assert on(*used, "--limit", 2).out.count("48 more") == 2
    assert on(*used, "-f", "markdown").out.count("10 more") == 2
    everything = on(*used, "--limit", 0).out
    assert "more" not in everything
    assert everything.count("f49") == 2
    pages = [on("journeys", *SINCE, *more).out.count("/page-") for more in ([], ["--limit", 1], ["--limit", 0])]
    assert pages[1] < pages[0] < pages[2]
    assert "more" in on("sessions", *SINCE, "--limit", 1).out


@pytest.mark.slow
def test_activity_draws_by_week(on: Cli, client: Client) -> None:
    capture(client, [f"p{n} | a | 2026-10-{day:02} 00:00:00" for n in range(4) for day in range(1, 31, n + 1)])
    october = ["--since", "2026-10-05", "--until", "2026-11-01"]
    by_week, by_day = (on("activity", *october, *more) for more in (["--interval", "week"], []))
    assert "charts by week: DAU of an average day" in by_week.err
    assert by_week.out != by_day.out
    assert by_week.out.splitlines()[:20] == by_day.out.splitlines()[:20]  # the figures are of days, whatever is drawn
    assert "counted in days, not hours" in on("activity", *october, "--interval", "hour").err


def test_steps_at_one_time_are_in_no_median(on: Cli, client: Client) -> None:
    capture(client, ["p | a | 2026-11-02 00:00:00", "p | b | 2026-11-02 00:00:00"])
    ordered, unordered = on("funnel", "a", "b", *SINCE), on("funnel", "a", "b", *SINCE, "--order", "unordered")
    assert "taken in the order of the steps, and are in no median or mean: 1" in ordered.err
    assert "steps at the very time of the one before are in no median or mean: 1" in unordered.err


def test_people_of_a_step_under_pseudonyms(on: Cli, client: Client) -> None:
    event = {"event": "a", "distinct_id": "n", "timestamp": "2026-11-02T00:00:00Z"}
    client.batch({**event, "properties": {"$set": {"email": "n@x.example"}}}, historical_migration=True)
    command_line = ["funnel", "a", "a", *SINCE, "--stopped-at", "1", "-f", "csv"]
    [who] = csv.reader(on(*command_line).out.splitlines()[1:])
    assert who[1] == "n@x.example"
    result = on(*command_line, "--pseudonyms")
    assert (result.code, result.out.count("\n")) == (0, 2)
    assert not any(each in result.out for each in who[:2])


ENDS = [["activity", "--days", "3"], ["lifecycle", "--period", "day"], ["retention", "--period", "day"], ["churn"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    slow_but(ENDS[:1], ENDS),
)
def test_a_day_that_ends_with_as_of_is_over(on: Cli, client: Client, command: list[str]) -> None:
    """To the last second of it."""
    capture(client, [f"p{n} | a | 2026-09-0{n} 00:00:00, 2026-10-3{n % 2} 08:00:00" for n in range(1, 6)])
    capture(client, ["q | a | 2026-10-31 08:00:00, 2026-11-01 23:59:59"])
    then, until = (
        json.loads(on(*command, option, "2026-11-01", "-f", "json").out) for option in ("--as-of", "--until")
    )
    assert then == until


@pytest.mark.slow
def test_people_are_in_the_same_groups_on_all_commands(on: Cli, client: Client) -> None:
    """By the first value in the window: p and t were free before it, q is dormant; of r's two the first counts."""
    capture(
        client,
        [
            "p | a | 2026-10-20 00:00:00 | plan=free",
            "p | a | 2026-11-02 00:00:00 | plan=team",
            "p | a | 2026-11-03 00:00:00, 2026-11-04 00:00:00",
            "q | a | 2026-11-01 00:00:00 | plan=free",
            "r | a | 2026-11-02 00:00:00 | plan=pro",
            "r | a | 2026-11-03 00:00:00 | plan=free",
            "s | a | 2026-11-02 01:00:00 | plan=pro",
            "t | a | 2026-10-31 00:00:00, 2026-11-01 00:00:00 | plan=free",
            "t | a | 2026-11-02 00:00:00, 2026-11-03 00:00:00, 2026-11-04 00:00:00",
        ],
    )
    window = ["--since", "2026-11-02", "--until", "2026-11-04", "-b", "plan", "-f", "json"]

    def rows(*command: str) -> list[dict[str, object]]:
        document = json.loads(on(*command, *window).out)
        return [row for name in ("rows", "cells", "days", "features") for row in document.get(name, ())]

    lifecycle = rows("lifecycle", "--interval", "day")
    active = [row["breakdown"] for row in lifecycle if row["start"] == "2026-11-02"]
    assert active == ["pro", "team", "free", None]  # nobody's value wins no ranking
    assert next(row["dormant"] for row in lifecycle if row["breakdown"] == "free") == 1
    people = {row["breakdown"]: row["at_least"] for row in rows("stickiness") if row["periods"] == 1}
    assert people == {"pro": 2, "team": 1, None: 1}
    cells = rows("retention", "--interval", "day", "--type", "recurring", "--target", "a")
    first = [row for row in cells if row["period"] == 0 and row["cohort"] == cells[0]["cohort"]]
    assert [(row["breakdown"], row["size"]) for row in first] == [("pro", 2), ("team", 1), (None, 1)]
    days = [row for row in rows("activity") if row["group"] != "everybody" and row["start"] == "2026-11-02"]
    assert [(row["breakdown"], row["dau"]) for row in days] == [("pro", 2), ("team", 1), ("free", 0), (None, 1)]
    uses = rows("features", "--event", "a", "--property", "")
    assert [(row["breakdown"], row["people"]) for row in uses] == [("pro", 2), ("team", 1), (None, 1)]


@pytest.mark.slow
def test_churn_counts_who_is_identified_where_visitors_make_the_rate(on: Cli, client: Client) -> None:
    """A person who stays, one who leaves, and six visitors who never come back."""
    capture(
        client,
        ["p | a | 2026-11-02 00:00:00, 2026-11-04 00:00:00", "q | a | 2026-11-02 00:00:00"],
        {"browser p": "p", "browser q": "q"},
    )
    capture(client, [f"v{n} | a | 2026-11-02 00:00:00" for n in range(6)])
    churn = ("churn", "--gone", "2", "--since", "2026-11-01", "--until", "2026-11-05", "-f", "json")
    usual, everybody = json.loads(on(*churn).out), json.loads(on(*churn, "--people", "all").out)
    assert (usual["counted"], everybody["counted"]) == ("identified", "all")
    assert [document["groups"][0]["periods"][-1]["n"] for document in (usual, everybody)] == [2, 8]
    assert "churn: most people are anonymous visitors, who are left out" in str(usual["notes"])


LOG = [
    "p | A | 2026-11-02 00:00:00 | amount=50",
    "p | B | 2026-11-02 01:00:00",
    "q | A | 2026-11-02 02:00:00 | amount=9",
]
ODD = ["a|b", "[red]bold[/red]", "it's\\"]


@pytest.fixture
def odd(client: Client) -> Client:
    """Some events with plain names, and one person with all the odd ones, a minute after each other."""
    capture(client, LOG)
    times = [f"2026-11-03T00:0{n}:00Z" for n in range(len(ODD))]
    client.batch(*({"event": name, "distinct_id": "r", "timestamp": at} for name, at in zip(ODD, times, strict=True)))
    return client


EITHER = [
    ["funnel", "A", "{}"],
    ["retention", "--target", "{}"],
    ["retention", "--returning", "{}"],
    ["cohorts", "--target", "{}"],
    ["lifecycle", "--event", "{}"],
    ["stickiness", "--event", "{}"],
    ["features", "--property", "", "--event", "{}"],
    ["churn", "--gone", "1", "--event", "{}"],
]


@pytest.mark.parametrize("command", slow_but(EITHER[:3], EITHER), ids=" ".join)
def test_of_several_events_some_or_none_occurred(on: Cli, odd: Client, command: list[str]) -> None:
    none = on(*(word.format("Nope|BB") for word in command), *SINCE)
    assert (none.code, none.out) == (2, "")
    assert "no event 'Nope' or 'BB' ever occurred" in none.err
    result = on(*(word.format("Nope|b|B") for word in command), *SINCE)
    assert result.code == 0, result.err
    assert "no event 'Nope' ever occurred" in result.err
    assert "no event 'b' ever occurred: did you mean 'B'" in result.err


@pytest.mark.slow
def test_names_with_signs_are_reached(on: Cli, odd: Client) -> None:
    steps = [r"a\|b", r"\[red]bold\[/red]", "it's\\"]
    for order in ("ordered", "unordered"):
        [group] = json.loads(on("funnel", *steps, *SINCE, "--order", order, "-f", "json").out)["groups"]
        assert [step["people"] for step in group["steps"]] == [1, 1, 1]
    for step in steps:
        rows = json.loads(on("stickiness", "--event", step, *SINCE, "-f", "json").out)["rows"]
        assert rows[0]["people"] == 1


def test_what_makes_a_member_takes_a_condition(on: Cli, odd: Client) -> None:
    target = ["--target", "A[toInt(properties.amount) = 50]"]
    cells = json.loads(on("retention", *target, "--period", "day", *SINCE, "-f", "json").out)["cells"]
    assert {cell["period"]: cell["size"] for cell in cells if cell["size"]} == dict.fromkeys(range(6), 1)
    result = on("retention", "--target", "A[properties.amonut = 50]", *SINCE)
    assert "did you mean 'amount'?" in result.err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["funnel", "A[properties.plan", "B"], "'A[properties.plan' lacks the ] that ends its condition"),
        (["funnel", "a", "b"], "did you mean 'A'"),
        (["stickiness", "--event", "A[properties.amount = 50]"], "no condition is taken here"),
        (["funnel", "A", "B", "--exclude", "Nope|Nada"], "no event 'Nope' ever occurred"),
    ],
)
def test_what_is_no_step(on: Cli, odd: Client, command: list[str], message: str) -> None:
    result = on(*command, *SINCE)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_days_to_come_are_none_to_be_active_on(on: Cli, client: Client) -> None:
    capture(client, ["p | a | 2026-11-18 00:00:00, 2026-11-20 00:00:00", "p | a | 2026-11-22 00:00:00"])
    result = on("stickiness", "--as-of", "2026-11-20T09:00", "--since", "2026-11-18", "--until", "2026-11-30")
    assert "active on how many of 3 days" in result.out
    assert "the last day is not over" in result.err
    assert "10 days of this time are yet to come" in result.err
    rows = on(
        "stickiness", "--as-of", "2026-11-20T09:00", "--since", "2026-11-18", "--until", "2026-11-30", "-f", "csv"
    ).out
    assert [row.split(",")[3] for row in rows.split()[1:]] == ["0", "1", "0"]


def test_what_the_whole_document_does_not_take(on: Cli, client: Client) -> None:
    for more in ([], ["-f", "json"]):
        result = on("activity", "--full", "--breakdown", "plan", *more)
        assert (result.code, result.out) == (2, "")
        assert "--full takes no --breakdown" in result.err


@pytest.mark.slow
def test_of_more_cohorts_than_fit_the_latest_and_their_first_periods(on: Cli, client: Client) -> None:
    capture(client, ["p | a | 2026-11-01 00:00:00, 2026-11-07 23:00:00"])
    command_line = ["retention", "--period", "hour", *SINCE, *THIS_YEAR]
    result = on(*command_line)
    assert max(map(len, result.out.splitlines())) <= 100
    assert "128 earlier · `--limit 0` shows all" in result.out
    assert "too narrow for 157 more columns · `-f csv` has all" in result.out
    assert "\n  7 Nov 23:00" in result.out
    assert "\n  1 Nov 00:00" not in result.out
    assert "\n  1 Nov 00:00" in on(*command_line, "--limit", "0").out
    assert "earlier" not in on("retention", "--period", "hour", "--periods", 40).out
    assert len(on(*command_line, "-f", "csv").out.splitlines()) == 1 + 168 * 169 // 2


def test_nobody_is_dormant_before_a_period_is_over(on: Cli, client: Client) -> None:
    capture(client, ["p | a | 2026-11-02 00:00:00"])
    command_line = ["lifecycle", "--interval", "week", "--since", "2026-11-02", "--until", "2026-11-10"]
    dormant = [row["dormant"] for row in json.loads(on(*command_line, "-f", "json").out)["rows"]]
    assert dormant == [0, None]
    assert on(*command_line, "-f", "csv").out.splitlines()[2].split(",")[6] == ""


def test_cohorts_reach_day_90_on_the_first_day_of_a_week(on: Cli, client: Client) -> None:
    capture(client, ["p | signed_up | 2026-08-16 12:00:00", "p | a | 2026-11-14 12:00:00"])
    rows = json.loads(on("cohorts", "--as-of", "2026-11-16T09:00", "-f", "json").out)["cells"]
    assert [row["people"] for row in rows if row["period"] == 90 and row["size"]] == [1]


def test_blanks_of_retention_are_explained(on: Cli, client: Client) -> None:
    capture(client, LINES)
    result = on("retention", *SINCE, "--interval", "day")
    assert "· of n=0 is a cohort without people" in result.err
    assert "not over yet" not in result.err


@pytest.mark.slow
def test_why_there_are_no_sessions(on: Cli, client: Client) -> None:
    capture(client, ["p | a | 2026-11-02 00:00:00", "p | a | 2026-11-12 00:00:00 | $session_id=s"])
    assert "no session began in this time" in on("sessions", "--since", "2026-11-08", "--until", "2026-11-10").err
    assert "no session began" not in on("sessions", "--since", "2026-11-12", "--until", "2026-11-12").err
    result = on("sessions", *SINCE)
    assert "0-30s" not in result.out
    assert "no event has a $session_id: there are no sessions" in result.err
    for command in ("sessions", "activity"):  # they are unknown, and not 0
        document = json.loads(on(command, *SINCE, "-f", "json").out)
        assert "no event has a $session_id: there are no sessions" in document["notes"]
        assert (document["now"]["sessions"], document["now"]["visitors"]) == (None, None)
    assert {row["sessions"] for row in document["days"]} == {None}


def test_the_curve_ends_where_it_is_known_of_few(on: Cli, client: Client) -> None:
    lines = [f"p{n} | a | 2026-11-01 01:00:00" + ", 2026-11-02 01:00:00" * (n < 8) for n in range(29)]
    capture(client, [*lines, "late | a | 2026-11-05 01:00:00", "later | a | 2026-11-06 01:00:00"])
    command_line = ["cohorts", "--target", "a", *SINCE, "--as-of", "2026-11-08T12:00"]
    result = on(*command_line)
    assert "Day 1 – 2 " in result.out
    assert "26 % of 31 on day 1 (14 to 43 %), 0 % of 30 on day 2 (0 to 11 %)" in " ".join(result.out.split())
    assert "known of 30 people or more" in " ".join(result.err.split())
    curve = json.loads(on(*command_line, "-f", "json").out)["curve"]
    assert [(curve[3]["size"], curve[3]["low"]), round(curve[3]["high"], 3)] == [(29, 0), 0.117]
    assert "rate,low,high" in on(*command_line, "-f", "csv").out
    few = on(*command_line, "--where", "distinct_id = 'late'")
    assert (few.code, "Day 1" in few.out) == (0, False)


BERLIN = ["--timezone", "Europe/Berlin", "--since", "2026-10-19", "--until", "2026-11-04", "--as-of", "2026-11-05"]


@pytest.mark.parametrize(
    ("command", "column"),
    slow_but(
        [("lifecycle", "start")],
        [
            ("retention", "cohort"),
            ("cohorts --target a", "cohort"),
            ("lifecycle", "start"),
            ("sessions", "start"),
            ("journeys --by event", "start"),
            ("churn --gone 1", "start"),
            ("funnel a a", "start"),
            ("activity", "start"),
        ],
    ),
)
def test_buckets_are_dates_of_the_zone_in_all_data(
    on: Cli, client: Client, tmp_path: Path, command: str, column: str
) -> None:
    capture(client, ["p | a | 2026-10-18 22:30:00, 2026-10-19 01:00:00, 2026-10-28 12:00:00 | $session_id=s"])
    command_line = [*command.split(), "--interval", "day" if command == "activity" else "week", *BERLIN]
    for form in ("csv", "jsonl", "json", "parquet", "xlsx"):
        result = on(*command_line, "-f", form, "-o", f"found.{form}")
        assert result.code == 0, result.err
    written = (tmp_path / "found.csv").read_text()
    days = {row[column] for row in csv.DictReader(written.splitlines())} - {""}
    assert "2026-10-19" in days
    assert {len(start) for start in days} == {10}
    lines = [json.loads(line) for line in (tmp_path / "found.jsonl").read_text().splitlines()]
    assert {row[column] for row in lines} - {None} == days
    assert '"2026-10-19"' in (tmp_path / "found.json").read_text()
    types = duckdb.sql(
        f"SELECT DISTINCT typeof({column}), {column}::VARCHAR FROM '{tmp_path / 'found.parquet'}'"
    ).fetchall()
    assert set(types) - {("DATE", None)} == {("DATE", start) for start in days}
    sheet = openpyxl.load_workbook(tmp_path / "found.xlsx")["Data"]
    [at] = [cell.column for cell in sheet[1] if cell.value == column]
    cells = [row[at - 1] for row in sheet.iter_rows(min_row=2) if row[at - 1].value]
    assert {(f"{cell.value:%Y-%m-%d}", cell.number_format) for cell in cells} == {(day, "yyyy-mm-dd") for day in days}


def test_hours_are_moments_with_their_offset(on: Cli, client: Client) -> None:
    capture(client, ["p | a | 2026-10-25 00:30:00, 2026-10-25 01:30:00"])  # 02:30 in Berlin, twice
    hours = ["--interval", "hour", "--since", "2026-10-25", "--until", "2026-10-25", *BERLIN[:2]]
    rows = csv.DictReader(on("lifecycle", *hours, "-f", "csv").out.splitlines())
    assert [row["start"] for row in rows if row["active"] == "1"] == ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"]


@pytest.mark.slow
def test_periods_of_days_are_dates_of_the_zone_too(on: Cli, client: Client) -> None:
    capture(client, ["p | a | 2026-10-18 22:30:00, 2026-10-31 12:00:00"])
    churn = json.loads(on("churn", "--gone", 3, *BERLIN, "-f", "json").out)
    assert [(period["start"], period["end"]) for period in churn["groups"][0]["periods"]][-1] == (
        "2026-11-02",
        "2026-11-05",
    )
    heat = json.loads(
        on("features", "--event", "a", "--property", "", "--interval", "week", *BERLIN, "-f", "json").out
    )["heatmap"]
    assert [cell["start"] for cell in heat] == ["2026-10-19", "2026-10-26", "2026-11-02"]


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_what_a_group_has_stands_below_its_name(on: Cli, client: Client, form: str) -> None:
    capture(client, LINES)
    result = on("lifecycle", *SINCE, "--interval", "day", "--breakdown", "plan", "--top", 1, "-f", form).out
    places = [result.index(words) for words in ("plan = plan0", "dormant", "Active", "plan = all others")]
    assert places == sorted(places)


def test_sessions_by_browser_are_told_once(on: Cli, client: Client) -> None:
    capture(client, ["p | a | 2026-11-02 00:00:00 | $session_id=s $browser=Lynx"])
    assert on("sessions", *SINCE, "--breakdown", "$browser").out.count("Lynx") == 1


def test_retention_of_more_hours_than_fit_in_memory(on: Cli) -> None:
    result = on("retention", "--interval", "hour", "--since", "2026-09-01", "--until", "2026-10-30")
    assert (result.code, result.out) == (2, "")
    assert "1 440 hours" in result.err
    assert "longer --interval" in result.err
