"""Sessions as a document: how many, how long, and by device, browser, system and country."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Chart, Document, Field, Listing, Spark
from usertrack.core.period import day
from usertrack.core.words import plural
from usertrack.product.ask import all_others_note
from usertrack.product.attributes import bucket_attribute
from usertrack.product.compare import Measure, changes, duration_text, listing, values
from usertrack.product.scope import EVERYBODY, GroupName, Scope
from usertrack.product.sessions.numbers import LENGTHS, TRAITS, SessionComparison, SessionCounts, Sessions

_MOST = 20  # rows of a table, unless --limit says otherwise


@dataclass(frozen=True)
class SessionBucket:
    """Sessions that began in the bucket from ``start``, an aware local time. ``complete``: it is over, and whole."""

    start: datetime
    visits: SessionCounts
    complete: bool


@dataclass(frozen=True)
class SessionRow:
    """The sessions of all or of one value of ``by``, in the window or in a ``bucket``: a row of files and of JSON.

    ``total`` is how many sessions there are in all of the window.
    """

    by: str
    group: GroupName
    visits: SessionCounts
    total: int
    bucket: SessionBucket | None = None

    @property
    def share(self) -> float | None:
        return self.visits.sessions / self.total if self.total else None


def _columns(sessions: Sessions) -> Columns[SessionRow]:
    """The columns of sessions, with those of buckets where these were asked for; listings choose among them."""
    known: Columns[SessionRow] = Columns(
        Attribute("by", "VARCHAR"),
        Attribute("value", "VARCHAR", lambda row: row.group.columns["breakdown"], text=lambda row: row.group.written),
        Attribute("group", "VARCHAR", "group.kind"),
        Attribute("people", "BIGINT", lambda row: row.visits.people if row.visits.known else None),
        Attribute("sessions", "BIGINT", "visits.count"),
        Attribute("share", "DOUBLE"),
        Attribute("sessions_per_person", "DOUBLE", "visits.per_person"),
        Attribute("mean_seconds", "DOUBLE", "visits.mean", text=lambda row: duration_text(row.visits.mean)),
        Attribute("median_seconds", "DOUBLE", "visits.median", text=lambda row: duration_text(row.visits.median)),
        Attribute("bounce_rate", "DOUBLE", "visits.bounce_rate"),
        *map(_length, LENGTHS.values()),
    )
    return Columns(*known.attributes, *_bucket_columns(sessions.scope)) if sessions.in_buckets else known


def _length(label: str) -> Attribute[SessionRow]:
    return Attribute(f"length_{label}", "BIGINT", lambda row: by_length(row.visits)[label])


def _bucket_columns(scope: Scope) -> tuple[Attribute[SessionRow], ...]:
    return (
        bucket_attribute(scope, lambda row: row.bucket.start if row.bucket else None),
        Attribute("complete", "BOOLEAN", "bucket.complete"),
    )


def sessions_document(sessions: Sessions) -> Document:
    """All sessions, their lengths, and their devices, browsers, systems and countries; files hold a row for each.

    Where buckets were asked for, one for each of them follows: those of the whole window have no `start`.
    """
    scope, now = sessions.scope, sessions.all.now
    columns, rows = _columns(sessions), list(_rows(sessions))
    figures, before = session_figures(now), session_figures(sessions.all.before)
    compared = listing(figures, before)
    notes = (
        *scope.notes,
        *_notes(sessions),
        *missing_trait_notes(sessions),
        *(all_others_note(sessions.by_value, scope) if sessions.by_value else ()),
    )
    return Document(
        title="Sessions",
        subtitle=" · ".join([scope.window, *scope.conditions, *(scope.weeks if sessions.in_buckets else [])]),
        blocks=(
            compared,
            *_bucket_blocks(sessions),
            *([_lengths(now)] if now.known and now.measured else []),
            *(_values(sessions, by, known) for by, known in _groupings(sessions)),
        ),
        notes=notes,
        data=lambda: {
            **scope.as_dict(),
            "now": values(figures),
            "before": values(before),
            "change": changes(figures, before),
            "lengths": by_length(now),
            "rows": columns.dicts(rows),
            "notes": list(notes),
        },
        table=columns.table(rows, "sessions", source=sessions.table, timezone=scope.timezone),
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def _rows(sessions: Sessions) -> Iterator[SessionRow]:
    """The whole window first, then each bucket, in which traits are not counted."""
    total = sessions.all.now.sessions
    own = [("all", EVERYBODY, sessions.all)]
    own += [(sessions.scope.breakdown, name, comparison) for name, comparison in sessions.groups.items()]
    traits = [(by, name, comparison) for by, groups in sessions.by.items() for name, comparison in groups.items()]
    for by, name, comparison in (*own, *traits):
        yield SessionRow(by, name, comparison.now, total)
    for by, name, comparison in own:
        for bucket in buckets(sessions, comparison):
            yield SessionRow(by, name, bucket.visits, total, bucket)


def _groupings(sessions: Sessions) -> Iterator[tuple[str, Mapping[GroupName, SessionComparison]]]:
    """By the breakdown, if there is one, and by each trait; nothing where there are no sessions."""
    for by, known in ((sessions.scope.breakdown, sessions.groups), *sessions.by.items()):
        if known:
            yield by, known


def by_length(visits: SessionCounts) -> dict[str, int | None]:
    """Count the sessions of each length; None where that is not known."""
    return {
        label: count if visits.known and visits.measured else None
        for label, count in zip(LENGTHS.values(), visits.lengths, strict=True)
    }


def session_figures(visits: SessionCounts) -> dict[str, Measure]:
    """The figures of all sessions of a period by their names in JSON."""
    return {
        "sessions": Measure("Sessions", visits.count, better="higher"),
        "visitors": Measure("People who had one", visits.people if visits.known else None, better="higher"),
        "sessions_per_person": Measure("Sessions per person", visits.per_person, "mean", "higher"),
        "session_mean_seconds": Measure("Session length, mean", visits.mean, "seconds", "higher"),
        "session_median_seconds": Measure("Session length, median", visits.median, "seconds", "higher"),
        "bounce_rate": Measure("Bounce rate", visits.bounce_rate, "share", "lower"),
    }


_LENGTHS: Columns[tuple[str, int, float | None]] = Columns(
    Attribute("length", "VARCHAR", lambda row: row[0].replace("-", " – "), Field("Length")),
    Attribute("sessions", "BIGINT", lambda row: row[1], Field("Sessions", "number")),
    Attribute("share", "DOUBLE", lambda row: row[2], Field("Share", "bar")),
)


def _lengths(now: SessionCounts) -> Listing:
    shares = (count / now.sessions if now.sessions else None for count in now.lengths)
    return _LENGTHS.listing(zip(LENGTHS.values(), now.lengths, shares, strict=True), "How long they were")


def _values(sessions: Sessions, by: str, groups: Mapping[GroupName, SessionComparison]) -> Listing:
    known = _columns(sessions)
    columns = Columns(
        known.show("value", Field(by, grows=True)),
        known.show("people", Field("People", "number")),
        known.show("sessions", Field("Sessions", "number")),
        known.show("share", Field("Share", "bar")),
        known.show("median_seconds", Field("Median", align="right")),
        known.show("bounce_rate", Field("Bounced", "percent")),
    )
    total = sessions.all.now.sessions
    rows = (SessionRow(by, name, comparison.now, total) for name, comparison in groups.items())
    return columns.listing(rows, limit=_MOST)


def missing_trait_notes(sessions: Sessions) -> Iterator[str]:
    """The traits that no session has."""
    if sessions.missing_traits:
        traits = " or ".join(TRAITS[label] for label in sessions.missing_traits)
        yield f"no session has {traits}: there is no table of that"


def no_sessions_notes(sessions: Sessions) -> Iterator[str]:
    """Why there are no sessions, or why nothing is known of their lengths."""
    if sessions.why_none:
        yield sessions.why_none
    yield from unmeasured_notes(sessions.all.now)


def unmeasured_notes(visits: SessionCounts) -> Iterator[str]:
    """Why it is unknown how long sessions lasted."""
    if not visits.measured:
        yield "no session has events of two moments: how long they lasted, and whether they bounced, is unknown"


def _notes(sessions: Sessions) -> Iterator[str]:
    yield from no_sessions_notes(sessions)
    if sessions.log_begin and sessions.all.now.known:
        begin = day(sessions.log_begin, sessions.scope.timezone)
        yield f"the log begins on {begin}: the sessions of the period before are unknown"
    if sessions.scope.where:
        yield "sessions with an event that fulfils --where, each of them whole"
    unseen = sessions.all.now.sessions - sessions.all.now.with_pageview
    if unseen and sessions.all.now.measured:
        yield f"{plural(unseen, 'session')} without any pageview: whether they bounced is not known"


def buckets(sessions: Sessions, comparison: SessionComparison) -> list[SessionBucket]:
    """Every bucket of the window up to now, also those without a session; none where no buckets were requested."""
    scope = sessions.scope
    starts = scope.starts if sessions.in_buckets else []
    return [SessionBucket(start, comparison.at(at), not scope.unfinished(start)) for at, start in enumerate(starts)]


def _bucket_blocks(sessions: Sessions) -> Iterator[Block]:
    """Nothing where no buckets were requested."""
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
        yield _bucket_listing(sessions, known)


def _bucket_listing(sessions: Sessions, known: list[SessionBucket]) -> Listing:
    scope, all_columns = sessions.scope, _columns(sessions)

    def label(row: SessionRow) -> str | None:
        return scope.label(row.bucket.start) + "…" * (not row.bucket.complete) if row.bucket else None

    columns = Columns(
        all_columns.show("start", Field(scope.of_bucket), label),
        all_columns.show("sessions", Field("Sessions", "bar")),
        all_columns.show("people", Field("People", "number")),
        all_columns.show("mean_seconds", Field("Mean", align="right")),
        all_columns.show("median_seconds", Field("Median", align="right")),
        all_columns.show("bounce_rate", Field("Bounced", "percent")),
    )
    total = sessions.all.now.sessions
    rows = (SessionRow("all", EVERYBODY, bucket.visits, total, bucket) for bucket in known)
    return columns.listing(rows, as_of=scope.as_of)
