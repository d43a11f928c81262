"""Roles of events: what `events:` in usertrack.yaml makes of queries, and what rests on one that is not there."""

from pathlib import Path

import pytest

from tests.conftest import problem
from usertrack.library.events import EVENTS, NONE, ROLES, parse_step, role_text
from usertrack.library.library import Library, shipped_root
from usertrack.segments.applicable import applicable
from usertrack.segments.rules import read_rules


def library(**roles: str) -> Library:
    return Library([shipped_root() / "queries"], roles=roles)


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("a", "(event = 'a')"),
        ("a|b", "(event IN ('a', 'b'))"),
        (r"it's|b\|c", r"(event IN ('it\'s', 'b|c'))"),
        (r"back\slash", r"(event = 'back\\slash')"),
        ("a[properties.x = 1]", "(event = 'a' AND (properties.x = 1))"),
        ("*", "(true)"),
    ],
)
def test_a_step_is_a_condition(text: str, sql: str) -> None:
    assert parse_step(text).sql == sql


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (["a", "b"], "a|b"),
        (["a|b", "c[d", "e\\"], r"a\|b|c\[d|e\\"),
        ("a[properties.x = 1]", "a[properties.x = 1]"),
    ],
)
def test_a_role_in_the_settings(value: object, text: str) -> None:
    assert role_text(value, "here") == text


@pytest.mark.parametrize("value", [{"a": 1}, [], [1], 7, "a|", "a[x = 1", ["none"], ["*"], "{rage}", "a\nb"])
def test_no_role_in_the_settings(value: object) -> None:
    assert problem(lambda: role_text(value, "usertrack.yaml:3: 'events.rage'")).message.startswith("usertrack.yaml:3")


def test_queries_name_the_role(tmp_path: Path) -> None:
    assert "event IN ('dead', 'angry')" in library(rage="dead|angry")["posthog/frustration"].sql
    own = tmp_path / "posthog" / "mine.sql"
    own.parent.mkdir()
    own.write_text("-- title: mine\nSELECT count() FROM events WHERE {signed_up}")
    assert "event = 'joined'" in Library([tmp_path], roles={"signed_up": "joined"})["posthog/mine"].sql


def test_without_one_of_two_the_other_goes_on() -> None:
    query = library(rage=NONE)["posthog/frustration"]
    assert not query.absence.empty
    assert sorted(query.facts) == ["exceptions", "last_frustration_at", "worst_page"]


def test_what_rests_on_it_is_not_there() -> None:
    known = library(connect_clicked=NONE)
    assert known["posthog/connect_rate"].absence.causes == {"events.connect_clicked"}
    rules = applicable(read_rules(shipped_root() / "segments.yaml"), known)
    assert "high_intent" not in [segment.id for segment in rules.sets["action"].segments]


def test_without_any_role_other_events_are_there() -> None:
    known = library(**dict.fromkeys(ROLES, NONE))
    assert not known["posthog/presence"].absence.empty
    assert known["posthog/frustration"].absence.empty


def test_a_fragment_of_ones_own_takes_the_place_of_a_role(tmp_path: Path) -> None:
    own = tmp_path / "fragments" / "posthog" / "rage.sql"
    own.parent.mkdir(parents=True)
    own.write_text("-- title: rage\nevent = 'furious'")
    query = Library([shipped_root() / "queries", tmp_path], roles={"rage": NONE})["posthog/frustration"]
    assert "rage_clicks" in query.facts
    assert "event = 'furious'" in query.sql


def test_without_events() -> None:
    without = Library([shipped_root() / "queries"], absent=[EVENTS])
    rules = applicable(read_rules(shipped_root() / "segments.yaml"), without)
    assert not any(name.startswith("posthog/") for name in rules.queries)
    assert [segment.id for segment in rules.sets["action"].segments] == ["failing", "at_risk", "power"]
