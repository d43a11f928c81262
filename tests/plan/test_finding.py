"""Findings: their order, and the key by which a baseline knows them again."""

from dataclasses import replace

from usertrack.plan.finding import PlanFinding, Rule, in_order

CASE = Rule("name-case", "Names have one case", "People search for names.")
FINDING = PlanFinding(CASE, "events.A", "it is not snake_case", "tracking.yaml", 9, "a")


def test_a_baseline_knows_a_finding_after_its_line_moved() -> None:
    assert replace(FINDING, line=12).key == FINDING.key == "name-case events.A"


def test_findings_are_read_from_top_to_bottom_and_the_worst_first() -> None:
    error = replace(FINDING, rule=replace(CASE, severity="error"))
    above = replace(FINDING, line=2)
    assert in_order([FINDING, error, above]) == [above, error, FINDING]
