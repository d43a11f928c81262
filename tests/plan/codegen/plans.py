"""Plans of tests: one with every type, and small ones of events alone."""

from pathlib import Path

from usertrack.plan.model import Plan, PlannedEvent, PlannedProperty
from usertrack.plan.read import read_plan

FILE = Path(__file__).parent / "tracking.yaml"
REPORTS = read_plan(FILE)


def plan_of(*events: PlannedEvent, properties: tuple[PlannedProperty, ...] = ()) -> Plan:
    return Plan(
        Path("tracking.yaml"),
        {event.name: event for event in events},
        {planned.name: planned for planned in properties},
    )
