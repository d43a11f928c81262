"""What rests on events: steps of funnels, facts of segments, own queries and roles."""

from pathlib import Path

import pytest

from usertrack.core.errors import UsageError
from usertrack.coverage.uses import PlannedUse, funnel_uses, query_uses, role_uses, segment_uses, uses_of
from usertrack.library.events import ROLES
from usertrack.library.library import Library, shipped_root
from usertrack.product.funnel.numbers import named_funnels
from usertrack.segments.rules import read_rules
from usertrack.workspace.settings import load_settings

from .conftest import written

SHIPPED = shipped_root()
LIBRARY = Library([SHIPPED / "queries"])


def test_steps_of_the_funnels_that_the_plan_names(tmp_path: Path) -> None:
    funnels = named_funnels([SHIPPED / "funnels.yaml"])
    plan = written(tmp_path, 'events: {}\nfunnels: {own: ["a|b", "c[properties.plan = \'pro\']"], activation: []}')
    uses = funnel_uses(plan, funnels, ())
    assert uses[:3] == [
        PlannedUse("funnel", "own", "a|b", ("a", "b")),
        PlannedUse("funnel", "own", "c[properties.plan = 'pro']", ("c",), ("plan",)),
        PlannedUse("funnel", "activation", "user_signed_up|signed_up", ("user_signed_up", "signed_up")),
    ]
    assert len(uses) == 7
    assert len(funnel_uses(written(tmp_path, "events: {}"), funnels, funnels)) == 5


def test_a_funnel_that_there_is_not(tmp_path: Path) -> None:
    plan = written(tmp_path, "events: {}\nfunnels:\n  - activation\n  - activatoin")
    with pytest.raises(UsageError, match=r"tracking.yaml:4: no funnel is called 'activatoin'"):
        funnel_uses(plan, named_funnels([SHIPPED / "funnels.yaml"]), ())


def test_facts_of_segments_with_the_events_of_each(tmp_path: Path) -> None:
    rules = read_rules(SHIPPED / "segments.yaml")
    uses = segment_uses(None, rules, LIBRARY, every=True)
    of_frustrated = {use.part: use.events for use in uses if use.name == "action/frustrated"}
    assert of_frustrated == {
        "rage_clicks": ("$rageclick",),
        "exceptions": ("$exception",),
        "worst_page": ("$rageclick", "$exception"),
    }
    planned = segment_uses(
        written(tmp_path, "events: {}\nsegments: {high_intent: [asked]}"), rules, LIBRARY, every=False
    )
    assert {use.name for use in planned} == {"action/high_intent", "high_intent"}
    assert planned[-1] == PlannedUse("segment", "high_intent", "asked", ("asked",))


def test_own_queries_and_roles_that_somebody_chose(tmp_path: Path) -> None:
    folder = tmp_path / "queries" / "posthog"
    folder.mkdir(parents=True)
    sql = "SELECT count() AS n FROM events WHERE event = 'a' OR event IN {also}"
    (folder / "own.sql").write_text(f"-- title: Own\n-- params: {{also: {{type: list, default: [b, c]}}}}\n{sql}\n")
    (folder / "broken.sql").write_text("SELECT {nothing}")
    library = Library(
        [SHIPPED / "queries", tmp_path / "queries"], roles={"rage": "angry|$rageclick", "exception": "none"}
    )
    assert query_uses(library) == [PlannedUse("query", "posthog/own", "a or b or c", ("a", "b", "c"))]
    assert role_uses(library) == [PlannedUse("role", "rage", "angry|$rageclick", ("angry", "$rageclick"))]
    assert {use.name for use in role_uses(library, every=True)} == set(ROLES) - {"exception"}


def test_shipped_funnels_are_there_where_nobody_has_others(tmp_path: Path) -> None:
    def funnels(plan: str, *, every: bool = False) -> set[str]:
        settings = load_settings(workspace=tmp_path, env={})
        uses = uses_of(settings, LIBRARY, written(tmp_path, plan), every=every)
        return {use.name for use in uses if use.kind == "funnel"}

    (tmp_path / "usertrack.yaml").write_text("")
    assert funnels("events: {}") == {"activation"}
    assert funnels("events: {}\nfunnels: {mine: [a, b]}") == {"mine"}
    (tmp_path / "funnels.yaml").write_text("own: {steps: [a, b]}")
    assert funnels("events: {}") == {"own"}
    assert funnels("events: {}\nfunnels: {mine: [a, b]}") == {"mine", "own"}
    assert funnels("events: {}\nfunnels: {mine: [a, b]}", every=True) == {"mine", "own", "activation"}
