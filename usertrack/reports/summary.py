"""The first section of the weekly report: whom to act on first, and the figures of the week or 'unknown'."""

from collections.abc import Iterator
from typing import Any

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Facts, Field, Origin, Section
from usertrack.core.errors import Absent, UsertrackError
from usertrack.core.source_names import POSTGRES
from usertrack.core.words import number, people_words
from usertrack.failures.checklist import span
from usertrack.product.scorecard.numbers import Scorecard
from usertrack.reports.members import segment_origins
from usertrack.reports.weekly import DAYS, REACH, Weekly
from usertrack.reports.weekly_facts import changed_fact, changed_segments, week_count
from usertrack.segments.classify import SegmentCount
from usertrack.segments.view import sizes_words

_ACTIONS: Columns[tuple[str, str, str]] = Columns(
    Attribute("action", "VARCHAR", lambda row: row[0], Field("Do")),
    Attribute("person", "VARCHAR", lambda row: row[1], Field("For", "person")),
    Attribute("why", "VARCHAR", lambda row: row[2], Field("Why", "text", grows=True)),
)


def summary_section(weekly: Weekly, timezone: str) -> Section:
    """The most urgent person of each segment, and the figures of the week."""
    blocks: list[Block] = []
    if rows := list(_first(weekly)):
        blocks.append(_ACTIONS.listing(rows, "Act on these first"))
    origins = (
        *segment_origins(weekly.classification),
        *weekly.origins("traffic", "new_users"),
        *failures_origins(weekly),
    )
    return Section(
        "In short",
        (*blocks, Facts((changed_fact(weekly), *summary_facts(weekly, timezone))), *changed_segments(weekly)),
        origins,
    )


def failures_origins(weekly: Weekly) -> tuple[Origin, ...]:
    """The queries of the report's failures."""
    names = ("failure_levels", "failure_messages", "failure_windows")
    params = {"days": REACH, "since": weekly.week.since}
    return tuple(Origin(f"{POSTGRES}/{name}", params, POSTGRES, weekly.as_of) for name in names)


def scorecard_origins(scorecard: Scorecard) -> tuple[Origin, ...]:
    """The queries of its metrics."""
    return tuple(
        Origin(score.query.name, {"days": DAYS}, score.query.source, scorecard.until) for score in scorecard.scores
    )


def summary_facts(weekly: Weekly, timezone: str) -> tuple[tuple[str, Any], ...]:
    """The figures of the week, or why they are unknown."""
    return (*_changes(weekly), *_traffic(weekly), *_new_users(weekly), *_failures(weekly, timezone))


def size_before(weekly: Weekly, count: SegmentCount) -> int | None:
    """Return how many people were in the segment a week before."""
    moved = weekly.moved.counts.get(count.segment.id)
    return None if moved is None or count.people is None or count.open else count.people - moved[0] + moved[1]


def inhabited(weekly: Weekly) -> list[SegmentCount]:
    """The segments but for those that are known to have nobody, and had nobody a week before."""
    counts = weekly.classification.counts
    return [count for count in counts if count.people != 0 or count.doubt or size_before(weekly, count)]


def _changes(weekly: Weekly) -> Iterator[tuple[str, str]]:
    """The segments whose size changed, the largest change first."""
    sizes = [(count, size_before(weekly, count)) for count in weekly.classification.counts]
    known = [(count.segment, was, count.people) for count, was in sizes if was is not None and count.people is not None]
    if words := sizes_words(known):
        yield SIZES, words


SIZES = "Segments, largest change first"


def _first(weekly: Weekly) -> Iterator[tuple[str, str, str]]:
    """Return the most urgent person of each segment whose primary segment it is."""
    table = weekly.classification.people()
    names = table.names
    key, primary, because, segments = map(
        names.index, (weekly.classification.profiles.key, "primary", "because", "segments")
    )
    for segment in weekly.classification.segment_set.segments:
        row = next((row for row in table.rows if row[primary] == segment.id), None)
        if row:
            yield segment.task, row[key], row[because][row[segments].index(segment.id)]


def _traffic(weekly: Weekly) -> Iterator[tuple[str, Any]]:
    if "traffic" in weekly.missing:
        yield "Visits", f"unknown: {weekly.missing['traffic']}"
    if "traffic" not in weekly.parts:
        return
    visits = week_count(weekly, "traffic")
    growth = f" ({visits.growth})" if visits.growth else ""
    yield weekly.traffic_unit.capitalize(), f"{number(visits.total)}{growth}"


def _new_users(weekly: Weekly) -> Iterator[tuple[str, Any]]:
    if "new_users" in weekly.missing:
        yield "New users", f"unknown: {weekly.missing['new_users']}"
    if "new_users" not in weekly.parts:
        return
    people_by_step = {row["did"]: row["people"] for row in weekly.parts["new_users"].dicts()}
    if "signed_up" not in people_by_step:  # a query of the workspace's own
        return
    ran = people_by_step.get("run")
    of_them = "" if not ran else f", {number(ran)} of them {weekly.words('ran {a workflow}')}"
    yield "New users", number(people_by_step["signed_up"]) + of_them


def _failures(weekly: Weekly, timezone: str) -> Iterator[tuple[str, Any]]:
    failures = weekly.failures
    if isinstance(failures, Absent):
        return
    if isinstance(failures, UsertrackError):
        yield weekly.words("Failed {runs}"), f"unknown: {failures.message}"
        yield "Platform incidents", f"unknown: {failures.message}"
        return
    failed_runs = weekly.words("Failed {runs}")
    runs = failures.levels.get("workflow")
    if why := failures.unknown("workflow", *(["levels"] if runs else [])):
        yield failed_runs, f"unknown: {why}"
    elif runs:
        rate = f" ({runs.failed / runs.finished:.1%})".replace("%", " %") if runs.finished else ""
        yield failed_runs, f"{number(runs.failed)} of {number(runs.finished)}{rate}"
    incidents = [
        f"{incident.cause}, {span(incident, timezone)}, {people_words(len(incident.people))} hit"
        for incident in failures.incidents
    ]
    why = failures.unknown("windows", "messages")
    yield "Platform incidents", f"unknown: {why}" if why else "; ".join(incidents) or "none"
