"""The JSON document of `usertrack activity --full`. null means not known; 0 means counted.

Its schema is user_activity.schema.json. Rates are percentages, lengths seconds, dates local. A part without an answer
is null or empty, and the notes say why.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

from usertrack.core.document import Document
from usertrack.core.errors import UsertrackError
from usertrack.core.words import plural
from usertrack.product.activity.numbers import Activity
from usertrack.product.activity.view import figures
from usertrack.product.churn.numbers import Churn
from usertrack.product.churn.view import churn_document, narrowed_notes
from usertrack.product.compare import change
from usertrack.product.features.numbers import Features
from usertrack.product.funnel.numbers import FunnelAnswer
from usertrack.product.journeys.numbers import JourneyCount, JourneyGroup, Journeys, most_frequent
from usertrack.product.journeys.tree import REST
from usertrack.product.retention.numbers import DAYS, Cohort, DayRetention
from usertrack.product.scope import GroupName
from usertrack.product.sessions.numbers import TRAITS, SessionComparison, SessionCounts, Sessions
from usertrack.product.sessions.view import by_length, missing_trait_notes, no_sessions_notes
from usertrack.reports.activity import ActivityReport, known
from usertrack.reports.activity_segments import SegmentActivity

_DEVICES = ("desktop", "mobile", "tablet")
_TOP = 10


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the document."""
    text = resources.files(__package__).joinpath("user_activity.schema.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def user_activity_document(report: ActivityReport, workspace: str) -> Document:
    """A document with JSON alone; raises the error of the active people, without whom there is no document."""
    activity = report.activity.answer
    if isinstance(activity, UsertrackError):
        raise activity
    scope = activity.scope
    return Document(
        title="User activity",
        subtitle=" · ".join([scope.window, *scope.conditions]),
        data=lambda: _user_activity(report, activity, workspace),
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def _user_activity(report: ActivityReport, activity: Activity, workspace: str) -> dict[str, Any]:
    scope, sessions = activity.scope, known(report.sessions)
    goals = [journeys for goal in report.goals if (journeys := known(goal))]
    return {
        "userId": scope.user.name if scope.user else None,
        "workspaceId": workspace,
        "timeframe": f"{len(scope.starts)}d",
        "since": scope.since,
        "until": scope.until,
        "timezone": scope.timezone,
        "counted": scope.counted,
        "segment": scope.segment or None,
        "where": scope.where or None,
        "activityMetrics": _metrics(activity),
        "sessionAnalytics": _sessions(sessions),
        "featureUsage": _features(known(report.features), known(report.adoption)),
        "userJourney": _journeys(known(report.journeys), goals),
        "retention": {**_retention(known(report.cohorts)), "churnAnalysis": _churn(known(report.churn))},
        "segments": list(_segments(known(report.segments))),
        "notes": [
            *scope.notes,
            *(no_sessions_notes(sessions) if sessions else ()),
            *(missing_trait_notes(sessions) if sessions else ()),
            *_one_step_notes(goals),
            *(narrowed_notes(churn) if (churn := known(report.churn)) else ()),
            *dict.fromkeys(error.message for error in report.errors),
        ],
    }


def _metrics(activity: Activity) -> dict[str, Any]:
    now, before = figures(activity)
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
        "activityByHour": activity.by_hour,
        "activityByDayOfWeek": activity.by_weekday,
        "activityByDate": [
            {
                "date": day.start.date(),
                "activeUsers": day.dau,
                "sessions": activity.sessions.at(at).count,
                "events": activity.events(day.start.date()),
            }
            for at, day in enumerate(activity.now.active.days)
        ],
    }


def _sessions(sessions: Sessions | None) -> dict[str, Any]:
    now = sessions.all.now if sessions else SessionCounts(known=False)
    by = {label: sessions.by.get(label, {}) if sessions else {} for label in TRAITS}
    return {
        "totalSessions": now.count,
        "avgSessionLength": rounded(now.mean),
        "medianSessionLength": rounded(now.median),
        "sessionLengthDistribution": by_length(now),
        "deviceBreakdown": _devices(by["Device"], now.count),
        "browserBreakdown": {name.written: comparison.now.sessions for name, comparison in by["Browser"].items()},
        "locationBreakdown": {
            name.written: {"users": comparison.now.people, "sessions": comparison.now.sessions}
            for name, comparison in by["Country"].items()
        },
    }


def _devices(by: Mapping[GroupName, SessionComparison], total: int | None) -> dict[str, int | None]:
    """Sessions on each device; ``other`` are those on another or an unknown device."""
    if total is None:
        return dict.fromkeys((*_DEVICES, "other"))
    counts = {
        name: sum(comparison.now.sessions for key, comparison in by.items() if key.lower() == name) for name in _DEVICES
    }
    return {**counts, "other": total - sum(counts.values())}


def _features(features: Features | None, adoption: FunnelAnswer | None) -> dict[str, Any]:
    [group] = features.groups if features else [None]
    used, unused = (group.features, group.unused) if group else ((), ())
    steps = adoption.groups[0].steps if adoption else ()
    return {
        "features": [
            {
                "featureName": feature.name,
                "category": feature.category or None,
                "usageCount": feature.uses,
                "uniqueUsers": feature.people,
                "avgTimeSpent": rounded(feature.seconds),
                "adoptionRate": percent(feature.adoption),
                "retentionRate": percent(feature.retention),
            }
            for feature in used
        ],
        "adoptionFunnel": [
            {
                "stage": step.step.text,
                "users": step.persons,
                "dropoffRate": _drop_off(step.of_previous) if at else None,
            }
            for at, step in enumerate(steps)
        ],
        "topFeatures": [
            {"feature": feature.name, "usage": feature.uses, "trend": feature.trend.word if feature.trend else None}
            for feature in used[:_TOP]
        ],
        "unusedFeatures": [{"feature": feature.name, "lastUsed": feature.last_at} for feature in unused],
    }


def _drop_off(share: float | None) -> float | None:
    return None if share is None else percent(1 - share)


def _journeys(journeys: Journeys | None, goals: Sequence[Journeys]) -> dict[str, Any]:
    empty: dict[str, Any] = {"commonPaths": [], "entryPoints": [], "exitPoints": []}
    return {
        **(_paths(journeys.groups[0]) if journeys and journeys.groups else empty),
        "conversionPaths": [
            {"goal": goal.query.goal, "paths": [path for group in goal.groups for path in _conversion_paths(group)]}
            for goal in goals
        ],
    }


def _one_step_notes(goals: Sequence[Journeys]) -> Iterator[str]:
    """Notes on paths that are the goal alone: they count, so that the rates of all paths add up."""
    for goal in goals:
        if goal.at_once:
            begun = f"{plural(goal.at_once, 'session')} began with {goal.query.goal}"
            yield f"{begun}: their conversion path is that step alone"


def _paths(group: JourneyGroup) -> dict[str, Any]:
    total = group.total.sessions
    paths, other_paths = most_frequent(group.journeys, group.paths, _TOP)
    (entries, other_entries), (exits, other_exits) = (
        most_frequent(total, counts, _TOP) for counts in (group.entries, group.exits)
    )
    return {
        "commonPaths": [
            *(
                {
                    "path": list(path),
                    "frequency": count.sessions,
                    "avgCompletion": percent(group.completion(path)),
                    "dropoffPoints": [
                        {"step": step, "dropoffRate": percent(lost)}
                        for step, lost in zip(path, group.drop_offs(path), strict=False)
                    ],
                }
                for path, count in paths.items()
            ),
            *_rest(other_paths, "frequency", path=[REST], avgCompletion=None, dropoffPoints=[]),
        ],
        "entryPoints": [
            *(
                {"page": page, "count": count.sessions, "bounceRate": percent(count.stayed / count.sessions)}
                for page, count in entries.items()
            ),
            *_rest(other_entries, "count", page=REST, bounceRate=None),
        ],
        "exitPoints": [
            *(
                {"page": page, "count": count.sessions, "avgTimeBeforeExit": rounded(count.seconds)}
                for page, count in exits.items()
            ),
            *_rest(other_exits, "count", page=REST, avgTimeBeforeExit=None),
        ],
    }


def _conversion_paths(group: JourneyGroup) -> Iterator[dict[str, Any]]:
    """The rates are of all sessions, so that they add up."""
    paths, rest = most_frequent(group.journeys, group.paths, _TOP)
    for path, count in [*paths.items(), *([((REST,), rest)] if rest else [])]:
        rate = percent(count.sessions / group.total.sessions) if group.total.sessions else None
        yield {"steps": list(path), "conversions": count.sessions, "conversionRate": rate}


def _rest(count: JourneyCount | None, measure: str, **values: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    if count:
        yield {**values, measure: count.sessions}


def _churn(churn: Churn | None) -> dict[str, Any]:
    if churn is None:
        return {"churnRate": None, "avgLifetime": None, "riskSegments": []}
    [group] = churn.groups
    last = group.periods[-1].left.value if group.periods else None
    table = churn_document(churn).table
    return {
        "churnRate": percent(last),
        "avgLifetime": rounded(group.lifetime.mean),
        "riskSegments": [
            {
                "segment": row["segment"],
                "users": row["people"],
                "churnProbability": percent(row["churn_probability"]),
                "characteristics": row["characteristics"],
            }
            for row in (table.dicts() if table else ())
        ],
    }


def _retention(cohorts: DayRetention | None) -> dict[str, Any]:
    if cohorts is None:
        return {"retentionCurve": [], "cohorts": []}
    [everybody] = cohorts.groups
    return {
        "retentionCurve": [
            {"day": day, "retentionRate": percent(people / size), "activeUsers": people}
            for day, (people, size) in enumerate(everybody.curve)
            if size
        ],
        "cohorts": [_cohort(cohort) for cohort in everybody.cohorts],
    }


def _cohort(cohort: Cohort) -> dict[str, Any]:
    rates = {f"day{day}": percent(cohort.rate(at)) for at, day in enumerate(DAYS, start=1)}
    return {"cohortDate": cohort.start.date(), "cohortSize": cohort.size, "retention": rates}


def _segments(segments: Sequence[SegmentActivity] | None) -> Iterator[dict[str, Any]]:
    for segment in segments or ():
        yield {
            "segmentName": segment.segment.name,
            "segmentSet": segment.set_name,
            "segmentType": segment.kind,
            "userCount": segment.people,
            "characteristics": list(segment.rule),
            "avgEngagement": rounded(segment.engagement.score if segment.engagement else None),
            "avgRevenue": rounded(segment.revenue),
        }


def percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
