"""Filters of product analytics: the options for time, people and breakdown, the same for every command."""

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from usertrack.cli import complete
from usertrack.cli.options import with_common

if TYPE_CHECKING:
    from usertrack.cli.session import Session
    from usertrack.core.document import Document
    from usertrack.product.scope import Interval, Scope, WeekStart
    from usertrack.segments.profiles import Profiles
    from usertrack.segments.rules import Rules

PANEL = "Product analytics"
_OPTIONS_PANEL = "Filters"


@dataclass(frozen=True)
class Filters:
    """The options of an analysis as they were typed."""

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


def _option(*names: str, **more: Any) -> Any:
    return typer.Option(*names, rich_help_panel=_OPTIONS_PANEL, **more)


_OPTIONS: dict[str, Any] = {
    "since": Annotated[
        str | None,
        _option("--since", metavar="DATE", help="Start of the range; buckets begin at the start of theirs."),
    ],
    "until": Annotated[str | None, _option("--until", metavar="DATE", help="End of the range; default: now.")],
    "days": Annotated[
        int | None,
        _option(
            "--days", min=1, max=3660, help="Range of so many calendar days; the last is today, or that of --until."
        ),
    ],
    "interval": Annotated[
        str | None, _option("--interval", "--period", metavar="UNIT", help="hour, day, week or month.")
    ],
    "week_start": Annotated[
        str | None,
        _option(
            "--week-start",
            metavar="DAY",
            help="monday or sunday; default: `week_start` in usertrack.yaml, else as in PostHog's project, "
            "else monday.",
        ),
    ],
    "segment": Annotated[
        str | None,
        _option(
            "--segment",
            "-s",
            metavar="NAME",
            help="Only people who are in this segment now; SET/NAME where two sets have the name.",
            autocompletion=complete.segments,
        ),
    ],
    "people": Annotated[
        str | None,
        _option(
            "--people",
            metavar="WHO",
            help="all: also anonymous visitors; identified: only persons with an identified profile or an e-mail; "
            "default: `people` in usertrack.yaml, else all.",
        ),
    ],
    "where": Annotated[
        str | None,
        _option("--where", metavar="HOGQL", help="Only events for which this is true: properties.$os = 'Linux'."),
    ],
    "breakdown": Annotated[
        str | None,
        _option(
            "--breakdown",
            "-b",
            metavar="PROPERTY",
            help="Split by this property of events, or by person.PROPERTY; a person counts in their first value.",
        ),
    ],
    "top": Annotated[
        int | None,
        _option(
            "--top",
            min=1,
            max=100,
            help="How many values of --breakdown to show, the largest first; default: 5.",
        ),
    ],
}
_DEFAULTS = Filters()


def with_filters(*without: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give ``command(…, filters, common)`` these options, except ``without``, and those of every command."""

    def wrap(command: Callable[..., None]) -> Callable[..., None]:
        options = {name: annotation for name, annotation in _OPTIONS.items() if name not in without}

        @functools.wraps(command)
        def wrapper(**values: Any) -> None:
            filters = Filters(**{name: values.pop(name) for name in options})
            command(**values, filters=filters)

        own = inspect.signature(command)
        shared = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=getattr(_DEFAULTS, name), annotation=kind)
            for name, kind in options.items()
        ]
        arguments = [p for p in own.parameters.values() if p.name not in ("filters", "common")]
        wrapper.__signature__ = own.replace(  # type: ignore[attr-defined]
            parameters=[*arguments, *shared, own.parameters["common"]]
        )
        return with_common(wrapper)

    return wrap


def scope_of(session: "Session", filters: Filters, *, days: int = 30, interval: str = "day") -> "Scope":
    """The scope of an analysis; raises UsageError. Asks the sources for the people of a segment."""
    from usertrack.core.errors import UsageError
    from usertrack.library.sql import condition_of, properties_of
    from usertrack.product.ask import require_known
    from usertrack.product.scope import TOP, Interval, Population, Range, Scope, one_of

    if filters.top is not None and not filters.breakdown:
        raise UsageError("--top needs a --breakdown", "add --breakdown PROPERTY")
    zone, as_of = session.settings["timezone"], session.runner.as_of
    since, until = Range(filters.since, filters.until, filters.days).window(as_of, zone, days)
    unit: Interval = one_of(filters.interval or interval, Interval, "--interval")
    scope = Scope(
        since,
        until,
        as_of,
        unit,
        zone,
        week_start(session, filters.week_start, unit),
        condition_of(filters.where, "posthog") if filters.where else "",
        breakdown=filters.breakdown or "",
        top=filters.top or TOP,
        population=one_of(filters.people or session.settings["people"], Population, "--people"),
    )
    require_known(session.runner, properties_of(scope.where), scope.since, scope.until)
    if not filters.segment:
        return scope
    from usertrack.cli import diagnostics

    rules = session.rules()
    rules.set_of(filters.segment)
    incomplete = session.incomplete
    profiles = session.profiles(rules)
    segment_scope = scope_of_segment(session, scope, filters.segment, profiles, rules)
    if profiles.doubled:
        diagnostics.note(profiles.doubled)
    session.incomplete = incomplete or bool(profiles.doubled)  # else a known segment is complete, whatever is missing
    return segment_scope


def week_start(session: "Session", typed: str | None, unit: "Interval") -> "WeekStart":
    """The day of the option, else of the settings, else of PostHog's project, else Monday; raises UsageError."""
    from usertrack.product.scope import WeekStart, one_of
    from usertrack.workspace.settings import WEEK_STARTS

    requested = one_of(typed, WeekStart, "--week-start") if typed else session.settings["week_start"]
    if requested is None and unit == "week":
        day = session.runner.about().get("week_start_day")
        requested = WEEK_STARTS[day] if day in (0, 1) else None
    return cast("WeekStart", requested or "monday")


def scope_of_segment(session: "Session", scope: "Scope", segment: str, profiles: "Profiles", rules: "Rules") -> "Scope":
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
    most = MOST_EMBEDDED if session.runner.about().get("usertrack_parquet") else MOST_PEOPLE
    return replace(scope, segment=segment, people=tuple(str(row[key]) for row in people.rows), most_people=most)


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


def emit_analysis(
    session: "Session", scope: "Scope", document: "Document", limit: int | None = None, extra_notes: Sequence[str] = ()
) -> None:
    """Write an analysis with the notes of its scope, on who has opted out, and ``extra_notes``."""
    from dataclasses import replace

    notes = (*extra_notes, *scope.notes, *session.runner.opted_out.notes())
    data = document.data
    session.emit(
        replace(
            document,
            notes=tuple(dict.fromkeys((*document.notes, *notes))),
            data=data and (lambda: _with_notes(data(), notes)),
        ),
        limit,
    )


def _with_notes(data: dict[str, Any], notes: Sequence[str]) -> dict[str, Any]:
    return data | {"notes": list(dict.fromkeys((*data["notes"], *notes)))}
