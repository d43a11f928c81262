"""Figures with their denominators, and the properties behind them."""

from pathlib import Path

from usertrack.coverage.arrivals import Arrival, Arrivals, PropertyPresence
from usertrack.coverage.numbers import Coverage, CoverageCounts, cover
from usertrack.coverage.uses import PlannedUse
from usertrack.plan.scan.site import CallSite, Scan, SentProperty

from .conftest import written
from .test_events import NOW, arrived, sent

PLAN = """
tiers: {one: Critical, two: Nice}
properties: {size: integer, team_slug: {aliases: [team]}}
events:
  a: {tier: one, required: [size, team_slug]}
  b: {tier: two, owner: core}
  c: {}
  old: {status: deprecated, required: [size]}
metrics:
  a day: {measure: events_per_day, event: a, targets: {soon: 3}}
  funnel: {measure: funnel_steps, targets: {soon: 100%}}
  by hand: {targets: {soon: 1}}
"""


def site(event: str, **properties: bool) -> CallSite:
    return CallSite(event, None, "a.py", 1, "capture", (), [SentProperty(*pair) for pair in properties.items()])


def with_properties(total: int, **holders: int) -> Arrivals:
    return Arrivals({"a": Arrival("a", total, NOW, NOW, [total], total=total, properties=holders)}, 1, NOW)


def covered(
    folder: Path, *sites: CallSite, arrivals: Arrivals | None = None, uses: list[PlannedUse] | None = None
) -> Coverage:
    return cover(written(folder, PLAN), Scan(sites, [], 1, 0.0), arrivals, uses or [])


def test_three_figures_of_one_denominator(tmp_path: Path) -> None:
    coverage = cover(written(tmp_path, PLAN), sent("a", "b", "old", "new"), arrived(a=1, c=1, old=1))
    assert coverage.of_events == CoverageCounts(total=3, in_code=2, in_data=2, in_both=1)
    assert [
        (each.name, each.events.total, each.events.in_both, each.required.total) for each in coverage.by("tier")
    ] == [
        ("one", 1, 1, 2),
        ("two", 1, 0, 0),
        ("", 1, 0, 0),
    ]
    assert coverage.by("phase") == []
    assert cover(coverage.plan, coverage.scan, coverage.arrivals, only={"owner": "core"}).of_events.total == 1


def test_nothing_planned_and_nothing_asked_have_no_rate(tmp_path: Path) -> None:
    coverage = cover(written(tmp_path, "events: {}"), sent(), None)
    assert coverage.of_events == CoverageCounts(total=0, in_code=0, in_data=None, in_both=None)
    assert coverage.headline is None


def test_a_required_property_is_in_the_code_when_every_site_always_sends_it(tmp_path: Path) -> None:
    sometimes = covered(tmp_path, site("a", size=True, team=True), site("a", size=False, team=True))
    assert sometimes.of_required == CoverageCounts(2, 1, None, None)
    rows = {row.name: (row.sending, row.sites, row.always) for row in sometimes.properties}
    assert rows == {"size": (2, 2, False), "team_slug": (2, 2, True)}


def test_a_required_property_is_in_the_data_from_99_percent_on(tmp_path: Path) -> None:
    coverage = covered(tmp_path, site("a", size=True), arrivals=with_properties(1000, size=990, team_slug=989))
    assert coverage.of_required == CoverageCounts(2, 1, 1, 1)
    assert [row.presence for row in coverage.properties] == [PropertyPresence(990, 1000), PropertyPresence(989, 1000)]


def test_unplanned_properties_name_what_they_may_be_meant_as(tmp_path: Path) -> None:
    coverage = covered(tmp_path, site("a", sizes=True), arrivals=with_properties(2, other=1))
    rows = {row.name: row.near for row in coverage.properties if not row.planned}
    assert rows == {"other": (), "sizes": ("size",)}


def test_a_step_is_covered_by_the_name_that_it_counts(tmp_path: Path) -> None:
    uses = [
        PlannedUse("funnel", "f", "a", ("a", "z")),
        PlannedUse("funnel", "f", "z", ("z",)),
        PlannedUse("funnel", "f", "a[size]", ("a",), ("size",)),
        PlannedUse("segment", "s", "seen", ()),
    ]
    coverage = covered(tmp_path, site("z"), arrivals=with_properties(2, other=1), uses=uses)
    assert [each.covered for each in coverage.uses] == [True, False, False, True]
    assert coverage.uses[2].lacking == ["size"]
    assert (coverage.visible("funnel"), coverage.visible("segment")) == (PropertyPresence(1, 3), PropertyPresence(1, 1))
    assert [each.covered for each in covered(tmp_path, site("z"), uses=uses).uses] == [True, True, False, None]


def test_success_metrics_beside_their_targets(tmp_path: Path) -> None:
    uses = [PlannedUse("funnel", "f", "a", ("a",))]
    metrics = covered(tmp_path, arrivals=with_properties(2), uses=uses).metrics
    assert [(each.metric.name, each.value) for each in metrics] == [("a day", 2.0), ("funnel", 1.0), ("by hand", None)]
    assert [each.met(1.0) for each in metrics] == [True, True, None]
