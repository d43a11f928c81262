"""The query behind everything about activity: for `activity --full` and for `report activity`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from usertrack.cli.session import Session
    from usertrack.product.scope import Scope
    from usertrack.reports.activity import ActivityQuery, ActivityReport
    from usertrack.segments.profiles import Profiles
    from usertrack.segments.rules import Rules


def activity_query(session: "Session", scope: "Scope") -> "ActivityQuery":
    """The parts of the page on activity, with the workspace's settings."""
    from dataclasses import replace

    from usertrack.product.features.numbers import feature_source
    from usertrack.product.retention.numbers import COHORT_WEEKS
    from usertrack.reports.activity import ActivityQuery

    settings = session.settings
    weeks = replace(scope, interval="week").last(COHORT_WEEKS)
    return ActivityQuery(scope, weeks, settings["events.signed_up"], feature_source(settings), tuple(settings["pages"]))


def gather_activity(
    session: "Session", query: "ActivityQuery", profiles: "Profiles", rules: "Rules"
) -> "ActivityReport":
    """The answers to ``query``; on a terminal with the name of the last query that was answered."""
    from usertrack.reports.activity import gather

    progress = session.progress
    return gather(session.runner, query, profiles, rules, lambda statement, _: progress(statement.name, passing=True))
