"""Calls of the generated module that type checkers accept, and that are sent."""

from datetime import UTC, datetime
from uuid import UUID

from tracking import Event, ReportExportedProperties, TeamGroup, track

rest: ReportExportedProperties = {
    "team_slug": "acme",
    "format": "pdf",
    "rows": 3,
    "share": 0.5,
    "filtered": True,
    "ready_at": datetime(2026, 11, 20, tzinfo=UTC),
    "tags": ["weekly"],
    "options": {"wide": True},
}
track("42", Event.REPORT_EXPORTED, rest)
track("42", Event.REPORT_EXPORTED, ReportExportedProperties(team_slug="acme", format="csv", share=1))
track("42", "report_exported", {"team_slug": "acme", "format": "csv", "ready_at": "2026-11-20T09:00:00Z"})
track("42", "Plan Chosen", {"Plan Name": UUID(int=7), "class": 1})
track("42", Event.DASHBOARD_VIEWED)
track("42", Event.DASHBOARD_VIEWED, {"$groups": {"team": "acme"}, "$set": {"role": "admin"}})
track("42", "dashboard.viewed", {"tab": None})
track("42", "signed_up", {"method": "github"})
track(42, "dashboard.viewed", None, session_id="s", groups={"team": 7}, timestamp=datetime(2026, 11, 20, tzinfo=UTC))
team: TeamGroup = {"seats": 12}
name: str = Event.PLAN_CHOSEN
