"""A plan with every type, a scope, a person, and an event that requires nothing."""

from pathlib import Path

from usertrack.plan.model import Plan, PlannedEvent, PlannedProperty, PropertyUse


def plan_of(*events: PlannedEvent, properties: tuple[PlannedProperty, ...] = ()) -> Plan:
    return Plan(
        Path("tracking.yaml"),
        {event.name: event for event in events},
        {planned.name: planned for planned in properties},
    )


REPORTS = Plan(
    Path("tracking.yaml"),
    events={
        event.name: event
        for event in (
            PlannedEvent(
                "report_exported",
                "A report was exported.",
                properties=(
                    PropertyUse("team_slug", required=True),
                    PropertyUse("format", required=True),
                    PropertyUse("rows"),
                    PropertyUse("share"),
                    PropertyUse("filtered"),
                    PropertyUse("ready_at"),
                    PropertyUse("tags"),
                    PropertyUse("options"),
                ),
            ),
            PlannedEvent("Plan Chosen", properties=(PropertyUse("Plan Name", required=True), PropertyUse("class"))),
            PlannedEvent("dashboard.viewed", properties=(PropertyUse("tab"),)),
            PlannedEvent("signed_up"),
            PlannedEvent("report-export", status="deprecated"),
        )
    },
    properties={
        planned.name: planned
        for planned in (
            PlannedProperty("team_slug", "string"),
            PlannedProperty("format", "string", values=("csv", "pdf")),
            PlannedProperty("rows", "integer", unit="rows", description="How many were exported."),
            PlannedProperty("share", "number"),
            PlannedProperty("filtered", "boolean"),
            PlannedProperty("ready_at", "datetime"),
            PlannedProperty("tags", "list"),
            PlannedProperty("options", "object"),
            PlannedProperty("Plan Name", "string"),
            PlannedProperty("class", None),
            PlannedProperty("tab", "string"),
        )
    },
    person_properties={"role": PlannedProperty("role", "string", values=("admin", "member"))},
    group_properties={"team": {"seats": PlannedProperty("seats", "integer")}},
)
