"""The whole of `usertrack activity` as one JSON document: every field is counted, and null is not known, never 0.

Its schema is user_activity.schema.json. Rates are percentages, lengths seconds, dates local.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from usertrack.analytics.activity import Activity
from usertrack.analytics.retention import DAYS, Cohort, DayCohorts
from usertrack.analytics.sessions import LENGTHS, Compared, Sessions
from usertrack.analytics.standing import Standing
from usertrack.document import Document
from usertrack.report.activity import figures
from usertrack.report.compared import change

_DEVICES = ("desktop", "mobile", "tablet")


@dataclass(frozen=True)
class Parts:
    """What the document is made of; ``workspace`` is how the place is called that it is about."""

    workspace: str
    activity: Activity
    sessions: Sessions
    cohorts: DayCohorts
    segments: Sequence[Standing]


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the document."""
    text = resources.files("usertrack.report").joinpath("user_activity.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def user_activity_document(parts: Parts) -> Document:
    """A document that has JSON alone."""
    frame = parts.activity.frame
    return Document(
        title="User activity",
        subtitle=frame.said,
        data=lambda: user_activity(parts),
        timezone=frame.timezone,
        as_of=frame.as_of,
    )


def user_activity(parts: Parts) -> dict[str, Any]:
    frame = parts.activity.frame
    return {
        "workspaceId": parts.workspace,
        "timeframe": f"{round((frame.until - frame.since).total_seconds() / 86_400)}d",
        "since": frame.since,
        "until": frame.until,
        "timezone": frame.timezone,
        "segment": frame.segment or None,
        "where": frame.where or None,
        "activityMetrics": _metrics(parts.activity),
        "sessionAnalytics": _sessions(parts.sessions),
        "retention": _retention(parts.cohorts),
        "segments": [_segment(standing) for standing in parts.segments],
    }


def _metrics(found: Activity) -> dict[str, Any]:
    now, before = figures(found.now), figures(found.before)
    changes = {f"{name}Change": percent(change(now[name].value, before[name].value)) for name in ("dau", "wau", "mau")}
    return {
        **{name: now[name].value for name in ("dau", "wau", "mau")},
        **changes,
        "newUsers": now["new"].value,
        "returningUsers": now["returning"].value,
        "reactivatedUsers": now["resurrected"].value,
        "churnedUsers": now["churned"].value,
        "avgSessionsPerUser": rounded(now["sessions_per_person"].value),
        "avgSessionDuration": rounded(now["session_mean_seconds"].value),
        "bounceRate": percent(now["bounce_rate"].value),
        "engagementScore": rounded(now["engagement_score"].value),
        "engagementTrend": percent(change(now["engagement_score"].value, before["engagement_score"].value)),
        "activityByHour": found.by_hour,
        "activityByDayOfWeek": found.by_weekday,
        "activityByDate": [
            {
                "date": day.start.date(),
                "activeUsers": day.dau,
                "sessions": found.sessions.days[at].sessions if at in found.sessions.days else 0,
                "events": found.events(day.start.date()),
            }
            for at, day in enumerate(found.now.active.days)
        ],
    }


def _sessions(found: Sessions) -> dict[str, Any]:
    now, by = found.all.now, found.by
    return {
        "totalSessions": now.sessions,
        "avgSessionLength": rounded(now.mean),
        "medianSessionLength": rounded(now.median),
        "sessionLengthDistribution": dict(zip(LENGTHS.values(), now.lengths, strict=True)),
        "deviceBreakdown": _devices(by["Device"], now.sessions),
        "browserBreakdown": {name: one.now.sessions for name, one in by["Browser"].items()},
        "locationBreakdown": {
            name: {"users": one.now.people, "sessions": one.now.sessions} for name, one in by["Country"].items()
        },
    }


def _devices(by: Mapping[str, Compared], total: int) -> dict[str, int]:
    """Sessions on each; ``other`` are those on anything else, or on nobody knows what."""
    counts = {name: sum(one.now.sessions for key, one in by.items() if key.lower() == name) for name in _DEVICES}
    return {**counts, "other": total - sum(counts.values())}


def _retention(found: DayCohorts) -> dict[str, Any]:
    return {
        "retentionCurve": [
            {"day": day, "retentionRate": percent(people / size), "activeUsers": people}
            for day, (people, size) in enumerate(found.curve)
            if size
        ],
        "cohorts": [_cohort(cohort) for cohort in found.cohorts],
    }


def _cohort(cohort: Cohort) -> dict[str, Any]:
    rates = {f"day{day}": percent(cohort.rate(at)) for at, day in enumerate(DAYS, start=1)}
    return {"cohortDate": cohort.start.date(), "cohortSize": cohort.size, "retention": rates}


def _segment(standing: Standing) -> dict[str, Any]:
    return {
        "segmentName": standing.segment.name,
        "segmentSet": standing.set_name,
        "segmentType": standing.kind,
        "userCount": standing.people,
        "characteristics": list(standing.rule),
        "avgEngagement": rounded(standing.engagement.score if standing.engagement else None),
        "avgRevenue": rounded(standing.revenue),
    }


def percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
