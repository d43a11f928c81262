"""Asks everything about activity: for `activity --full` and for `report activity`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from usertrack.cli.session import Session
    from usertrack.reports.activity import ActivityQuery, ActivityReport
    from usertrack.segments.profiles import Profiles
    from usertrack.segments.rules import Rules


def gather_activity(
    session: "Session", query: "ActivityQuery", profiles: "Profiles", rules: "Rules"
) -> "ActivityReport":
    """The answers to ``query``; on a terminal with the name of the last query that was answered."""
    from usertrack.reports.activity import gather

    progress = session.progress
    return gather(session.runner, query, profiles, rules, lambda statement, _: progress(statement.name, passing=True))
