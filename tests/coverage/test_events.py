"""Each event of plan × code × data has one state."""

from datetime import datetime
from pathlib import Path

import pytest

from usertrack.coverage.arrivals import Arrival, Arrivals
from usertrack.coverage.events import CoveredEvent, State, covered_events, state_of
from usertrack.plan.scan.site import CallSite, Scan

from .conftest import written

NOW = datetime(2026, 11, 20)
ABC = "events: {a: {}}"


def arrived(**events: int) -> Arrivals:
    return Arrivals({name: Arrival(name, count, NOW, NOW, [count]) for name, count in events.items()}, 1, NOW)


def sent(*names: str) -> Scan:
    sites = [
        CallSite(None if "*" in name else name, name if "*" in name else None, "a.py", line, "posthog.capture")
        for line, name in enumerate(names, 1)
    ]
    return Scan(sites, [], 1, 0.0)


def states(events: list[CoveredEvent]) -> dict[str, str]:
    return {event.name: event.state.value for event in events}


@pytest.mark.parametrize(
    ("planned", "code", "data", "state"),
    [
        (True, True, True, "working"),
        (True, True, False, "silent"),
        (True, False, False, "missing"),
        (True, False, True, "from elsewhere"),
        (False, True, True, "unplanned"),
        (False, True, False, "unplanned and silent"),
        (False, False, True, "stray"),
        (True, True, None, "in code"),
        (True, None, False, "not in data"),
    ],
)
def test_the_truth_table(*, planned: bool, code: bool | None, data: bool | None, state: str) -> None:
    assert state_of(planned=planned, code=code, data=data).value == state


def test_seven_states_at_once(tmp_path: Path) -> None:
    plan = written(tmp_path, "events: {works: {}, quiet: {}, absent: {}, elsewhere: {}}")
    events = covered_events(
        plan, sent("works", "quiet", "new", "new_quiet"), arrived(works=3, elsewhere=1, new=2, odd=1)
    )
    assert states(events) == {
        "absent": "missing",
        "quiet": "silent",
        "elsewhere": "from elsewhere",
        "odd": "stray",
        "new_quiet": "unplanned and silent",
        "new": "unplanned",
        "works": "working",
    }


def test_an_alias_is_the_event_itself(tmp_path: Path) -> None:
    plan = written(tmp_path, "events: {a: {aliases: [b, c]}}")
    [event] = covered_events(plan, sent("b"), arrived(a=1, c=2))
    assert (event.name, event.state, event.arrival and event.arrival.events) == ("a", State.WORKING, 3)


def test_what_was_replaced_is_no_stranger_and_in_no_denominator(tmp_path: Path) -> None:
    plan = written(tmp_path, "events: {connected: {replaces: [github_connected, jira_connected]}}")
    events = covered_events(plan, sent("github_connected"), arrived(github_connected=1))
    assert states(events) == {"connected": "missing", "github_connected": "working"}
    assert [(event.name, event.counts, event.replaced_by) for event in events] == [
        ("connected", True, ""),
        ("github_connected", False, "connected"),
    ]


def test_a_deprecated_event_is_there_until_nobody_sends_it(tmp_path: Path) -> None:
    plan = written(tmp_path, "events: {old: {status: deprecated}}")
    assert states(covered_events(plan, sent("old"), arrived(old=1))) == {"old": "working"}
    assert states(covered_events(plan, sent(), arrived(old=0))) == {}


def test_a_pattern_in_the_code_is_every_event_that_it_matches(tmp_path: Path) -> None:
    plan = written(tmp_path, "events: {command_run: {}}")
    events = covered_events(plan, sent("command_*"), arrived(command_run=1, command_add=1))
    assert states(events) == {"command_add": "unplanned", "command_run": "working"}
    plan = written(tmp_path, "events: {other: {}}")
    events = covered_events(plan, sent("command_*"), arrived(command_add=1, command_drop=2))
    assert states(events) == {"other": "missing", "command_add": "unplanned", "command_drop": "unplanned"}


def test_a_pattern_in_the_plan(tmp_path: Path) -> None:
    plan = written(tmp_path, "events: {command_*: {}}")
    [event] = covered_events(plan, sent("command_add", "command_*"), arrived(command_add=1, command_drop=2))
    assert (event.state, len(event.sites), event.arrival and event.arrival.events) == (State.WORKING, 2, 3)


def test_a_name_that_is_wholly_computed_covers_nothing(tmp_path: Path) -> None:
    assert states(covered_events(written(tmp_path, ABC), sent("*"), arrived(b=1))) == {"a": "missing", "b": "stray"}


def test_events_of_posthog_are_nobodys_to_plan(tmp_path: Path) -> None:
    arrivals = Arrivals({"$pageview": Arrival("$pageview", 5, NOW, NOW)}, 1, NOW)
    assert states(covered_events(written(tmp_path, ABC), sent("$pageview"), arrivals)) == {"a": "missing"}
    planned = written(tmp_path, "events: {$pageview: {}}")
    assert states(covered_events(planned, sent("$pageview"), arrivals)) == {"$pageview": "working"}


def test_an_event_of_long_ago_is_silent_and_knows_when(tmp_path: Path) -> None:
    [event] = covered_events(written(tmp_path, ABC), sent("a"), arrived(a=0, forgotten=0))
    assert (event.state, event.arrival and event.arrival.last_at) == (State.SILENT, NOW)


def test_what_was_not_asked_is_not_said(tmp_path: Path) -> None:
    plan = written(tmp_path, "events: {a: {}, b: {}}")
    assert states(covered_events(plan, sent("a", "c"), None)) == {"b": "not in code", "c": "unplanned", "a": "in code"}
    assert states(covered_events(plan, None, arrived(a=1))) == {"b": "not in data", "a": "in data"}


def test_near_names_are_named_on_both_sides(tmp_path: Path) -> None:
    plan = written(tmp_path, "events: {report_exported: {}, chart_interacted: {}}")
    events = covered_events(plan, sent("report_export"), arrived(chart_interaction=1))
    assert {event.name: list(event.near) for event in events} == {
        "chart_interacted": ["chart_interaction"],
        "report_exported": ["report_export"],
        "chart_interaction": ["chart_interacted"],
        "report_export": ["report_exported"],
    }
