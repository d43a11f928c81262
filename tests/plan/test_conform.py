"""What an event breaks of the plan: the rule and the property, without values."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from usertrack.plan.conform import MESSAGES, conformance
from usertrack.plan.model import Plan, PlannedEvent, PlannedProperty, PropertyUse


def planned(name: str, **rest: Any) -> PlannedProperty:
    return PlannedProperty(name, **rest)


def by_name(*things: Any) -> dict[str, Any]:
    return {thing.name: thing for thing in things}


PLAN = Plan(
    Path("tracking.yaml"),
    events=by_name(
        PlannedEvent(
            "integration_connected",
            scope=["team"],
            properties=[PropertyUse("team_slug", True), PropertyUse("provider", True), PropertyUse("repos_tracked")],
            replaces=["github_connected"],
            aliases=["integration_added"],
        ),
        PlannedEvent("settings_updated", scope=["team"], properties=[PropertyUse("team_slug", True)]),
        PlannedEvent("error_occurred"),
    ),
    properties=by_name(
        planned("team_slug", type="string"),
        planned("provider", type="string", values=["github", "jira", "slack"]),
        planned("repos_tracked", type="integer", aliases=["repos_count"]),
    ),
    scopes={"team": ["team_slug"]},
    person_properties=by_name(planned("role", values=["admin", "member"])),
    group_properties={"team": by_name(planned("ai_adoption_rate", type="number"))},
)
check = conformance(PLAN)
CONNECTED = {"team_slug": "acme", "provider": "github"}


def broken(event: str, **properties: Any) -> list[tuple[str, str | None]]:
    return [(violation.rule, violation.property) for violation in check(event, properties)]


def test_an_event_of_the_plan_breaks_nothing() -> None:
    assert broken("integration_connected", **CONNECTED, repos_tracked=3) == []
    assert broken("integration_added", **CONNECTED, repos_count=3) == []
    assert broken("$pageview", anything=1) == []
    assert broken("integration_connected", **CONNECTED, utm_source="ad", **{"$lib": "web"}) == []


def test_each_value_is_judged_though_others_of_its_type_were() -> None:
    for provider, broken_rules in (("github", []), ("gitlab", [("unlisted-value", "provider")]), ("jira", [])):
        assert broken("integration_connected", team_slug="acme", provider=provider) == broken_rules
    assert broken("integration_connected", team_slug="acme", provider=None) == [("absent-property", "provider")]


def test_more_shapes_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usertrack.plan.conform.MOST_SHAPES", 2)
    for _ in range(2):
        for name in ("a", "b", "c"):
            assert broken("integration_connected", **CONNECTED, **{name: 1}) == [("unplanned-property", name)]


def test_a_planned_pattern_stands_for_its_events() -> None:
    event = PlannedEvent("command_*", properties=[PropertyUse("provider", True)])
    check_pattern = conformance(Plan(Path("tracking.yaml"), events=by_name(event)))
    assert check_pattern("command_run", {"provider": "github"}) == ()
    [violation] = check_pattern("command_run", {})
    assert (violation.rule, violation.event) == ("absent-property", "command_run")
    assert [each.rule for each in check_pattern("comand_run", {})] == ["unplanned-event"]


def test_events_that_the_plan_does_not_know() -> None:
    assert broken("integratoin_connected", **CONNECTED) == [("unplanned-event", None)]
    assert broken("github_connected") == [("retired-event", None)]


def test_required_properties_may_come_under_an_alias_and_are_missing_when_null() -> None:
    assert broken("integration_connected", provider="jira") == [("absent-property", "team_slug")]
    assert broken("integration_connected", team_slug=None, provider="jira") == [("absent-property", "team_slug")]


def test_a_property_that_is_not_the_events() -> None:
    assert broken("integration_connected", **CONNECTED, org_name="Acme") == [("unplanned-property", "org_name")]


def test_an_event_that_lists_none_of_its_own_may_have_any() -> None:
    assert broken("settings_updated", team_slug="acme", tab="billing") == []
    assert broken("error_occurred", view="x", repos_tracked="many") == [("wrong-type", "repos_tracked")]


def test_types_and_values() -> None:
    assert broken("integration_connected", team_slug=7, provider="github") == [("wrong-type", "team_slug")]
    assert broken("integration_connected", team_slug="a", provider="Github") == [("unlisted-value", "provider")]
    assert broken("integration_connected", **CONNECTED, repos_count="3") == [("wrong-type", "repos_count")]


def test_properties_of_persons_and_groups() -> None:
    violations = check("$identify", {"$set": {"role": "owner", "shoe_size": 9}, "$set_once": {"role": "admin"}})
    assert [(each.rule, each.property, each.of) for each in violations] == [
        ("unlisted-value", "role", "person"),
        ("unplanned-property", "shoe_size", "person"),
    ]
    (violation,) = check("$groupidentify", {"$group_type": "team", "$group_set": {"ai_adoption_rate": "40 %"}})
    assert str(violation) == (
        "$groupidentify: ai_adoption_rate of a group: the value is not of the type that the plan says"
    )


MOMENT = datetime(2026, 11, 20, tzinfo=UTC)
OF_TYPE: dict[str, list[Any]] = {
    "string": ["", "x"],
    "number": [1, 1.5, Decimal("1.5")],
    "integer": [1, 3.0, 10**30],
    "boolean": [True, False],
    "datetime": [MOMENT, date(2026, 1, 1), "2026-11-20T09:00:00Z", "2026-11-20"],
    "list": [[], ("a",)],
    "object": [{}],
}
NOT_OF_TYPE: dict[str, list[Any]] = {
    "string": [1, True, ["x"]],
    "number": ["1", True],
    "integer": [1.5, "1", False, float("nan"), float("inf")],
    "boolean": [0, "true"],
    "datetime": ["yesterday", 1_700_000_000, "20", "2026-13-01"],
    "list": ["a", {}],
    "object": [[], "x"],
}


@pytest.mark.parametrize("kind", OF_TYPE)
def test_a_type_takes_its_values_and_no_others(kind: Any) -> None:
    plan = Plan(Path("p"), by_name(PlannedEvent("e")), properties=by_name(planned("x", type=kind)))
    check = conformance(plan)
    assert [value for value in OF_TYPE[kind] if check("e", {"x": value})] == []
    assert [value for value in NOT_OF_TYPE[kind] if not check("e", {"x": value})] == []


def test_lists_and_numbers_of_an_enum() -> None:
    plan = Plan(Path("p"), by_name(PlannedEvent("e")), properties=by_name(planned("x", values=["1", "true", "b"])))
    check = conformance(plan)
    assert [bool(check("e", {"x": value})) for value in (1, True, ["b", 1], ["c"], 2)] == [0, 0, 0, 1, 1]


def test_no_violation_holds_a_value() -> None:
    violations = check("integration_connected", {"team_slug": 5, "provider": "ada@x.example", "mail": "ada@x.example"})
    assert len(violations) == 3
    assert "ada" not in repr(violations) + "".join(map(str, violations))
    assert {violation.rule for violation in violations} <= set(MESSAGES)
