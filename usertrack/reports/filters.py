"""Filters of product analytics as they were typed, for a command or in an address, and the scope that they mean."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from usertrack.product.scope import Interval, Scope, WeekStart
    from usertrack.segments.analysis import Analysis
    from usertrack.segments.profiles import Profiles
    from usertrack.segments.rules import Rules


@dataclass(frozen=True)
class Filters:
    """Each empty, or as it was typed: the same words as the options of a command."""

    since: str | None = None
    until: str | None = None
    days: int | None = None
    interval: str | None = None
    week_start: str | None = None
    segment: str | None = None
    people: str | None = None
    where: str | None = None
    breakdown: str | None = None
    top: int | None = None


def scope_of(analysis: "Analysis", filters: Filters, *, days: int = 30, interval: str = "day") -> "Scope":
    """The scope of an analysis; raises UsageError. Asks the sources for the people of a segment."""
    from usertrack.core.errors import UsageError
    from usertrack.library.sql import condition_of, properties_of
    from usertrack.product.ask import require_known
    from usertrack.product.scope import TOP, Interval, Population, Range, Scope, one_of

    if filters.top is not None and not filters.breakdown:
        raise UsageError("--top needs a --breakdown", "add --breakdown PROPERTY")
    zone, as_of = analysis.settings["timezone"], analysis.runner.as_of
    since, until = Range(filters.since, filters.until, filters.days).window(as_of, zone, days)
    unit: Interval = one_of(filters.interval or interval, Interval, "--interval")
    scope = Scope(
        since,
        until,
        as_of,
        unit,
        zone,
        week_start(analysis, filters.week_start, unit),
        condition_of(filters.where, "posthog") if filters.where else "",
        breakdown=filters.breakdown or "",
        top=filters.top or TOP,
        population=one_of(filters.people or analysis.settings["people"], Population, "--people"),
        is_usual=not filters.people and analysis.settings.values["people"].origin == "default",
    )
    require_known(analysis.runner, properties_of(scope.where), scope.since, scope.until)
    if not filters.segment:
        return scope
    rules = analysis.rules()
    rules.set_of(filters.segment)
    incomplete = analysis.incomplete
    profiles = analysis.profiles(rules)
    segment_scope = scope_of_segment(analysis, scope, filters.segment, profiles, rules)
    if profiles.doubled:
        analysis.progress(profiles.doubled)
    analysis.incomplete = incomplete or bool(profiles.doubled)  # else a known segment is complete, whatever is missing
    return segment_scope


def week_start(analysis: "Analysis", typed: str | None, unit: "Interval") -> "WeekStart":
    """The day of the option, else of the settings, else of PostHog's project, else Monday; raises UsageError."""
    from usertrack.product.scope import WeekStart, one_of
    from usertrack.workspace.settings import WEEK_STARTS

    requested = one_of(typed, WeekStart, "--week-start") if typed else analysis.settings["week_start"]
    if requested is None and unit == "week":
        day = analysis.runner.about().get("week_start_day")
        requested = WEEK_STARTS[day] if day in (0, 1) else None
    return cast("WeekStart", requested or "monday")


def scope_of_segment(
    analysis: "Analysis", scope: "Scope", segment: str, profiles: "Profiles", rules: "Rules"
) -> "Scope":
    """``scope`` for the people of a segment alone.

    Raises UsageError for an unknown segment, and Unknown when a source was missing that tells who is in it.
    """
    from dataclasses import replace

    from usertrack.product.scope import MOST_EMBEDDED, MOST_PEOPLE
    from usertrack.segments.classify import classify

    segment_set, name = rules.set_of(segment)
    classification = classify(profiles, segment_set)
    classification.require_known(name)
    people = classification.people([name])
    key = people.names.index(rules.key)
    most = MOST_EMBEDDED if analysis.runner.about().get("usertrack_parquet") else MOST_PEOPLE
    emails = profiles.e_mails([str(row[key]) for row in people.rows])
    return replace(scope, segment=segment, people=emails, most_people=most)


def periods_of(scope: "Scope", filters: Filters, count: int | None, usual: int) -> "Scope":
    """``scope`` of whole buckets: those of its range, if one was given, else the last ``count`` or ``usual`` ones.

    Raises UsageError when two options say where it begins.
    """
    from usertrack.core.errors import UsageError

    begins = "--since" if filters.since else "--days" if filters.days is not None else ""
    if begins and count is not None:
        raise UsageError(f"{begins} and --periods both set the start of the range", "give only one of them")
    if begins:
        return scope.widened_to_buckets
    return scope.last(count or usual)
