"""A plan such as seed 003's beside the code and the events of its product: what is counted, and of what."""

import json
from pathlib import Path

from ..conftest import Cli

PLAN = """
scopes: {team: {requires: [team_slug]}}
tiers: {1: Critical Funnel Events, 2: Engagement Events}
events:
  integration_connected: {tier: 1, scope: team, replaces: [github_connected, jira_connected], required: [provider]}
  team_member_joined: {tier: 1, scope: team, status: active}
  onboarding_completed: {tier: 1, scope: team}
  insight_viewed: {tier: 2, scope: team}
  chart_interacted: {tier: 2, scope: team, properties: [action]}
person_properties: {role: string}
group_properties: {team: {plan: string}}
funnels: {activation: [onboarding_completed, integration_connected]}
metrics:
  Funnel visibility: {measure: funnel_steps, targets: {month 1: 100%}}
  User properties coverage: {measure: person_properties, targets: {month 1: 100%}}
"""
ANALYTICS = """
import posthog


def track_event(user, event, properties=None):
    posthog.capture(user.id, event, properties or {})
"""
VIEWS = """
from apps.utils.analytics import track_event


def connect(request, team):
    track_event(request.user, "github_connected", {"team_slug": team.slug})
    track_event(request.user, "onboarding_completed", {"team_slug": team.slug})
"""
CHARTS = "posthog.capture('chart_interaction', {action: 'click', team_slug: window.teamSlug});\n"
EVENTS = """distinct_id,event,timestamp,team_slug,action,person.role
ann,onboarding_completed,2026-11-19 10:00:00,acme,,admin
bob,onboarding_completed,2026-11-19 11:00:00,,,
ann,github_connected,2026-11-19 12:00:00,acme,,admin
ann,chart_interaction,2026-11-19 13:00:00,acme,click,admin
ann,insight_viewed,2026-11-19 14:00:00,acme,,admin
"""


def test_seed_003(cli: Cli, tmp_path: Path) -> None:
    for name, text in (
        ("tracking.yaml", PLAN),
        ("apps/__init__.py", ""),
        ("apps/utils/__init__.py", ""),
        ("apps/utils/analytics.py", ANALYTICS),
        ("apps/views.py", VIEWS),
        ("assets/charts.js", CHARTS),
        ("log.csv", EVENTS),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    answer = cli("plan", "coverage", "apps", "assets", "--events", "log.csv", "-f", "json")
    assert answer.code == 0, answer.err
    covered = json.loads(answer.out)
    assert {event["event"]: (event["state"], event["near"]) for event in covered["events"]} == {
        "integration_connected": ("missing", []),
        "team_member_joined": ("missing", []),
        "chart_interacted": ("missing", ["chart_interaction"]),
        "insight_viewed": ("from elsewhere", []),
        "chart_interaction": ("unplanned", ["chart_interacted"]),
        "github_connected": ("working", []),
        "onboarding_completed": ("working", []),
    }
    assert {figure["figure"]: (figure["part"], figure["total"]) for figure in covered["figures"]} == {
        "planned events in code": (1, 5),
        "planned events in data": (2, 5),
        "planned events in code and data": (1, 5),
        "required properties in code": (1, 6),
        "required properties in data": (1, 6),
        "required properties in code and data": (0, 6),
        "planned person properties that all have": (None, 1),  # the file has neither persons nor groups
        "planned group properties that all have": (None, 1),
        "steps of funnels covered": (1, 2),
        "facts of segments covered": (13, 19),  # those that count any event
    }
    assert {metric["metric"]: metric["value"] for metric in covered["metrics"]}["Funnel visibility"] == 0.5
    sites = next(event for event in covered["events"] if event["event"] == "onboarding_completed")["sites"]
    assert sites == [{"file": "apps/views.py", "line": 7, "pattern": None}]
