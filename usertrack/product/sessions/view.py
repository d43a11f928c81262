"""Sessions as a document: how many and how long, and what they came from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from usertrack.core.document import Block, Chart, Document, Field, Listing, Spark
from usertrack.core.table import Column, Row, Table
from usertrack.core.words import plural
from usertrack.product.ask import rest_note
from usertrack.product.compare import Measure, changes, duration_text, listing, values
from usertrack.product.scope import EVERYBODY, GroupName
from usertrack.product.sessions import view as session_buckets
from usertrack.product.sessions.numbers import LENGTHS, TRAITS, SessionComparison, Sessions, Visits

_COLUMNS = (
    Column("by"),
    Column("value"),
    Column("group"),
    Column("people", "BIGINT"),
    Column("sessions", "BIGINT"),
    Column("share", "DOUBLE"),
    Column("sessions_per_person", "DOUBLE"),
    Column("mean_seconds", "DOUBLE"),
    Column("median_seconds", "DOUBLE"),
    Column("bounce_rate", "DOUBLE"),
    *(Column(f"length_{label}", "BIGINT") for label in LENGTHS.values()),
)


_MOST = 20  # rows of a table, unless --limit says otherwise


def sessions_document(sessions: Sessions) -> Document:
    """All sessions, their lengths, and their devices, browsers, systems and countries; files hold a row for each.

    Where buckets were asked for, one for each of them follows: those of the whole window have no `start`.
    """
    scope, now = sessions.scope, sessions.all.now
    columns, rows = _rows(sessions)
    figures, before = session_figures(now), session_figures(sessions.all.before)
    compared = listing(figures, before)
    notes = (
        *scope.notes,
        *_notes(sessions),
        *missing_trait_notes(sessions),
        *(rest_note(sessions.by_value, scope) if sessions.by_value else ()),
    )
    return Document(
        title="Sessions",
        subtitle=" · ".join([scope.window, *scope.conditions, *(scope.weeks if sessions.in_buckets else [])]),
        blocks=(
            compared,
            *session_buckets.blocks(sessions),
            *([_lengths(now)] if now.known else []),
            *(_values(by, known, now) for by, known in _told_apart(sessions)),
        ),
        notes=notes,
        data=lambda: {
            **scope.as_dict(),
            "now": values(figures),
            "before": values(before),
            "change": changes(figures, before),
            "lengths": by_length(now),
            "rows": Table(columns, rows).dicts(),
            "notes": list(notes),
        },
        table=replace(sessions.table, columns=columns, rows=rows, name="sessions", timezone=scope.timezone),
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def _rows(sessions: Sessions) -> tuple[tuple[Column, ...], list[Row]]:
    now = sessions.all.now
    own = [
        ("all", EVERYBODY, sessions.all),
        *((sessions.scope.breakdown, name, comparison) for name, comparison in sessions.groups.items()),
    ]
    traits = [(by, name, comparison) for by, known in sessions.by.items() for name, comparison in known.items()]
    totals: list[Row] = [
        (by, *name.columns.values(), *_row(comparison.now, now)) for by, name, comparison in (*own, *traits)
    ]
    if not sessions.in_buckets:
        return _COLUMNS, totals
    in_time: list[Row] = [
        (
            by,
            *name.columns.values(),
            *_row(bucket.visits, now),
            sessions.scope.stored(bucket.start),
            bucket.complete,
        )
        for by, name, comparison in own
        for bucket in session_buckets.buckets(sessions, comparison)
    ]
    columns = (*_COLUMNS, sessions.scope.column(), Column("complete", "BOOLEAN"))
    return columns, [*((*row, None, None) for row in totals), *in_time]


def _told_apart(sessions: Sessions) -> Iterator[tuple[str, Mapping[GroupName, SessionComparison]]]:
    """By the breakdown, if there is one, and by each trait; nothing where there are no sessions."""
    for by, known in ((sessions.scope.breakdown, sessions.groups), *sessions.by.items()):
        if known:
            yield by, known


def _row(visits: Visits, of: Visits) -> Row:
    own = (
        visits.people if visits.known else None,
        visits.count,
        _share(visits, of),
        visits.per_person,
        visits.mean,
        visits.median,
        visits.bounce_rate,
    )
    return (*own, *by_length(visits).values())


def by_length(visits: Visits) -> dict[str, int | None]:
    """How many sessions were how long; None where that is not known."""
    return {
        label: count if visits.known else None for label, count in zip(LENGTHS.values(), visits.lengths, strict=True)
    }


def _share(visits: Visits, of: Visits) -> float | None:
    return visits.sessions / of.sessions if of.sessions else None


def session_figures(visits: Visits) -> dict[str, Measure]:
    """The figures of all sessions of a period by their names in JSON."""
    return {
        "sessions": Measure("Sessions", visits.count),
        "visitors": Measure("People who had one", visits.people if visits.known else None),
        "sessions_per_person": Measure("Sessions per person", visits.per_person, "mean"),
        "session_mean_seconds": Measure("Session length, mean", visits.mean, "seconds"),
        "session_median_seconds": Measure("Session length, median", visits.median, "seconds"),
        "bounce_rate": Measure("Bounce rate", visits.bounce_rate, "share"),
    }


def _lengths(now: Visits) -> Listing:
    rows: list[Row] = [
        (label.replace("-", " – "), count, count / now.sessions if now.sessions else None)
        for label, count in zip(LENGTHS.values(), now.lengths, strict=True)
    ]
    fields = {"length": Field("Length"), "sessions": Field("Sessions", "number"), "share": Field("Share", "bar")}
    kinds = ("VARCHAR", "BIGINT", "DOUBLE")
    return Listing(Table(tuple(map(Column, fields, kinds)), rows), "How long they were", fields)


def _values(by: str, known: Mapping[GroupName, SessionComparison], all_: Visits) -> Listing:
    rows: list[Row] = [
        (
            name.written,
            comparison.now.people,
            comparison.now.sessions,
            _share(comparison.now, all_),
            duration_text(comparison.now.median),
            comparison.now.bounce_rate,
        )
        for name, comparison in known.items()
    ]
    fields = {
        "value": Field(by, grows=True),
        "people": Field("People", "number"),
        "sessions": Field("Sessions", "number"),
        "share": Field("Share", "bar"),
        "median": Field("Median", align="right"),
        "bounce_rate": Field("Bounced", "percent"),
    }
    kinds = ("VARCHAR", "BIGINT", "BIGINT", "DOUBLE", "VARCHAR", "DOUBLE")
    return Listing(Table(tuple(map(Column, fields, kinds)), rows), "", fields, limit=_MOST)


def missing_trait_notes(sessions: Sessions) -> Iterator[str]:
    """What sessions cannot be told apart by."""
    if sessions.missing_traits:
        traits = " or ".join(TRAITS[label] for label in sessions.missing_traits)
        yield f"no session has {traits}: there is no table of that"


def no_sessions_notes(sessions: Sessions) -> Iterator[str]:
    """Why there are no sessions."""
    if sessions.why_none:
        yield sessions.why_none


def _notes(sessions: Sessions) -> Iterator[str]:
    yield from no_sessions_notes(sessions)
    if sessions.scope.where:
        yield "sessions with an event that fulfils --where, each of them whole"
    unseen = sessions.all.now.sessions - sessions.all.now.with_pageview
    if unseen:
        yield f"{plural(unseen, 'session')} without any pageview: whether they bounced is not known"


@dataclass(frozen=True)
class SessionBucket:
    """Sessions that began in the bucket from ``start``, an aware local time. ``complete``: it is over, and whole."""

    start: datetime
    visits: Visits
    complete: bool


def buckets(sessions: Sessions, comparison: SessionComparison) -> list[SessionBucket]:
    """Every bucket of the window up to now, also those without a session; none where they were not asked for."""
    scope = sessions.scope
    starts = scope.starts if sessions.in_buckets else []
    return [SessionBucket(start, comparison.at(at), not scope.unfinished(start)) for at, start in enumerate(starts)]


def blocks(sessions: Sessions) -> Iterator[Block]:
    """Nothing where buckets were not asked for."""
    scope, known = sessions.scope, buckets(sessions, sessions.all)
    complete = [bucket for bucket in known if bucket.complete]
    if not sessions.all.now.known:
        return
    if len(complete) > 2:
        label = f"Sessions by {scope.interval}"
        x = scope.axis([bucket.start for bucket in complete])
        yield Chart("trend", label, x, {label: [bucket.visits.sessions for bucket in complete]})
        for name, comparison in sessions.groups.items():
            line = [bucket.visits.sessions for bucket in buckets(sessions, comparison) if bucket.complete]
            yield Spark(scope.heading(name), line)
    if known:
        yield _listing(sessions, known)


def _listing(sessions: Sessions, known: list[SessionBucket]) -> Listing:
    scope = sessions.scope
    rows: list[Row] = [
        (
            scope.label(bucket.start) + "…" * (not bucket.complete),
            bucket.visits.sessions,
            bucket.visits.people,
            duration_text(bucket.visits.mean),
            duration_text(bucket.visits.median),
            bucket.visits.bounce_rate,
        )
        for bucket in known
    ]
    fields = {
        "bucket": Field(scope.of_bucket),
        "sessions": Field("Sessions", "bar"),
        "people": Field("People", "number"),
        "mean": Field("Mean", align="right"),
        "median": Field("Median", align="right"),
        "bounce_rate": Field("Bounced", "percent"),
    }
    kinds = ("VARCHAR", "BIGINT", "BIGINT", "VARCHAR", "VARCHAR", "DOUBLE")
    return Listing(Table(tuple(map(Column, fields, kinds)), rows, as_of=scope.as_of), "", fields)
