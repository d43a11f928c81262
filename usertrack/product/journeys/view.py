"""Journeys as a document: a tree of how sessions go on, the paths of most, where they begin and where they end.

What is not shown has a row of its own, so that the journeys of every table add up.
"""

from collections.abc import Iterator
from dataclasses import replace

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Chart, Document, Field, Listing, Section
from usertrack.core.table import Table
from usertrack.core.words import number, people_words, plural
from usertrack.product.ask import more_values_note
from usertrack.product.funnel.view import duration
from usertrack.product.journeys import export
from usertrack.product.journeys.export import JourneyRow
from usertrack.product.journeys.flow import flow
from usertrack.product.journeys.numbers import JourneyGroup, Journeys, Move, Steps, periods
from usertrack.product.journeys.tree import REST, short, tree
from usertrack.product.people import unknown_note
from usertrack.product.scope import Scope

_PATH = 120  # characters of a path that people read
_TOP = 10  # lines of a list, unless --limit says otherwise
_PEOPLE = 200  # rows of a page; the query has all


def journeys_document(journeys: Journeys, limit: int | None = None) -> Document:
    """Listings have the ``limit`` most frequent, ten without one and everything with 0; the rest is one row.

    Files hold a row per path, edge, entry, exit and period, and one for the rest of each ``kind``.
    """
    scope = journeys.scope
    notes = tuple(_notes(journeys))
    query = journeys.query
    ends = [f"{word} {short(step)}" for word, step in (("from", query.start), ("to", query.goal)) if step]
    return Document(
        title=" ".join(["Journeys", *(ends or [f"by {query.by}"])]),
        subtitle=" · ".join([scope.window, *_size(journeys), *scope.conditions]),
        blocks=tuple(_blocks(journeys, _TOP if limit is None else limit or None)),
        notes=notes,
        data=lambda: export.as_json(journeys, notes),
        table=export.columns(journeys).table(
            (row for group in journeys.groups for row in export.rows(journeys, group)),
            "journeys",
            source=journeys.table,
            timezone=scope.timezone,
            as_of=scope.as_of,
        ),
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def travellers_document(move: Move, scope: Scope, people: Table) -> Document:
    """The people who took a path, the last to do so first."""
    sessions = people.names.index("sessions")
    fields = {
        "email": Field("Person", "person"),
        "person_id": Field("PostHog person"),
        "sessions": Field("Journeys", "number"),
        "last_at": Field("Last", "when"),
    }
    total = plural(sum(int(row[sessions]) for row in people.rows), "journey")
    return Document(
        title=f"From {short(move.source)} to {short(move.target)}",
        subtitle=f"{total} of {people_words(len(people.rows))}, as step {move.step} and the next · {scope.window}",
        blocks=(Listing(replace(people, rows=people.rows[:_PEOPLE]), fields=fields, columns=tuple(fields)),),
        notes=tuple(_travellers_notes(people)),
        table=people,
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def _travellers_notes(people: Table) -> Iterator[str]:
    if not people.rows:
        yield "nobody took this path in this time"
    if len(people.rows) > _PEOPLE:
        yield f"shown are the {_PEOPLE} who took it last; the query below has all"
    yield from unknown_note(people)


def _size(journeys: Journeys) -> Iterator[str]:
    sessions = sum(group.total.sessions for group in journeys.groups)
    people = sum(group.total.persons for group in journeys.groups)
    yield f"{plural(sessions, 'journey')} of {people_words(people)}"
    if journeys.query.goal and sessions:
        reached = sum(group.total.reached for group in journeys.groups)
        yield f"{number(reached)} ({reached / sessions:.1%}) got there".replace("%", " %")


def _blocks(journeys: Journeys, top: int | None) -> Iterator[Block]:
    for group in journeys.groups:
        blocks = tuple(_of_group(journeys, group, top))
        if heading := journeys.scope.heading(group.name):
            yield Section(f"{heading} · {plural(group.total.sessions, 'journey')}", blocks)
        else:
            yield from blocks


def _of_group(journeys: Journeys, group: JourneyGroup, top: int | None) -> Iterator[Block]:
    query = journeys.query
    yield flow(group, query)
    if query.periods:
        yield from _charts(journeys, group)
        yield _periods(journeys, group)
    yield tree(journeys, group)
    yield _paths(journeys, group, top)
    yield _edges(journeys, group, top)
    if not query.start:
        yield _entries(journeys, group, top)
    yield _exits(journeys, group, top)


def _counts(columns: Columns[JourneyRow]) -> tuple[Attribute[JourneyRow], ...]:
    """The columns with counts: the same in the listings of paths and of pages."""
    return (
        columns.show("sessions", Field("Journeys", align="right"), lambda row: number(row.count.sessions)),
        columns.show("share", Field("Share", "bar")),
        columns.show("people", Field("People", align="right"), lambda row: number(row.count.persons)),
    )


def _seconds(columns: Columns[JourneyRow], field: Field) -> Attribute[JourneyRow]:
    return columns.show("mean_seconds", field, lambda row: None if row.other else duration(row.count.seconds))


def _periods(journeys: Journeys, group: JourneyGroup) -> Listing:
    scope, known = journeys.scope, export.columns(journeys)
    rows = list(export.period_rows(journeys, group))

    def label(row: JourneyRow) -> str | None:
        unfinished = row is rows[-1] and row.bucket is not None and not row.bucket.complete
        return scope.label(row.bucket.start) + "…" * unfinished if row.bucket else None

    columns = Columns(
        known.show("start", Field(scope.of_bucket), label),
        known.show("sessions", Field("Journeys", "bar")),
        known.show("people", Field("People", align="right"), lambda row: number(row.count.persons)),
        *([known.show("completion", Field("Got to the goal", "percent"))] if journeys.query.goal else []),
    )
    return columns.listing(rows, as_of=scope.as_of)


def _paths(journeys: Journeys, group: JourneyGroup, top: int | None) -> Listing:
    """Common paths: how many who began there took all of it, and where most got lost; or the ways to a goal."""
    known, goal = export.columns(journeys), bool(journeys.query.goal)
    of_all: Attribute[JourneyRow] = Attribute(
        "share_of_all",
        "DOUBLE",
        lambda row: None if row.other else row.count.sessions / group.total.sessions,
        Field("Of all journeys", "percent"),
    )
    drop_off: Attribute[JourneyRow] = Attribute(
        "drop_off", "VARCHAR", lambda row: row.path and _worst(group, row.path), Field("Most lost after", spare=True)
    )
    columns = Columns(
        known.show("path", Field("Path", grows=True), _path),
        *_counts(known),
        *((of_all,) if goal else (known.show("completion", Field("Completed", "percent")), drop_off)),
        _seconds(known, Field("Takes", align="right", spare=True)),
    )
    heading = "The ways to it" if goal else "Common paths"
    return columns.listing(export.path_rows(group, top), heading, as_of=journeys.scope.as_of)


def _path(row: JourneyRow) -> str:
    return REST if row.path is None else short(" → ".join(map(short, row.path)), _PATH)


def _worst(group: JourneyGroup, path: Steps) -> str | None:
    """The step of ``path`` after which the largest share went elsewhere."""
    known = [(lost, -at) for at, lost in enumerate(group.drop_offs(path)) if lost is not None]
    if not known:
        return None
    lost, at = max(known)
    return f"{short(path[-at], 24)}\u00a0({lost:.0%})".replace("%", "\u00a0%")


def _edges(journeys: Journeys, group: JourneyGroup, top: int | None) -> Listing:
    """The most frequent ways from one step to the next: the numbers of the flow."""
    known = export.columns(journeys)
    columns = Columns(
        known.show("step", Field("Step")),
        known.show("source", Field("From"), _source),
        known.show("target", Field("To"), lambda row: None if row.other else short(row.target or "")),
        known.show("sessions", Field("Journeys", align="right"), lambda row: number(row.count.sessions)),
        known.show("people", Field("People", align="right"), lambda row: number(row.count.persons)),
        _seconds(known, Field("After", align="right")),
    )
    rows = export.edge_rows(group, sum(count.sessions for count in group.at[2:]), group.moves, top)
    return columns.listing(rows, "From step to step", as_of=journeys.scope.as_of)


def _source(row: JourneyRow) -> str:
    return REST if row.other else short(row.source or "")


def _entries(journeys: Journeys, group: JourneyGroup, top: int | None) -> Listing:
    known, query = export.columns(journeys), journeys.query
    reached = known.show(
        "reached", Field("Got to the goal", "percent"), lambda row: _of_sessions(row, row.count.reached)
    )
    columns = Columns(
        known.show("source", Field(query.by.capitalize()), _source),
        *_counts(known),
        known.show("left", Field("Left here", "percent"), lambda row: _of_sessions(row, row.count.stayed)),
        *([reached] if query.goal else []),
    )
    rows = export.page_rows(group, "entry", group.entries, top)
    return columns.listing(rows, "Where they begin", as_of=journeys.scope.as_of)


def _of_sessions(row: JourneyRow, sessions: int) -> float | None:
    return None if row.other else sessions / row.count.sessions


def _exits(journeys: Journeys, group: JourneyGroup, top: int | None) -> Listing:
    known = export.columns(journeys)
    columns = Columns(
        known.show("source", Field(journeys.query.by.capitalize()), _source),
        *_counts(known),
        _seconds(known, Field("Time before, mean", align="right")),
    )
    rows = export.page_rows(group, "exit", group.exits, top)
    return columns.listing(rows, "Where they end", as_of=journeys.scope.as_of)


def _notes(journeys: Journeys) -> Iterator[str]:
    query = journeys.query
    if not any(group.total.sessions for group in journeys.groups):
        yield (
            f"nobody came to {short(query.start)} in this time" if query.start else "nobody took any step in this time"
        )
        return
    yield "a journey ends with a pause of 30 minutes, and a step repeated is one step, as in PostHog's paths"
    if query.by == "page" and not query.urls:
        own = f"; {', '.join(query.patterns)} are one page each" if query.patterns else ""
        yield f"pages are paths without query and last slash, ids in them are :id{own}; --urls takes whole addresses"
    if query.by == "event":
        named = any(name.startswith("$") for name in (query.start, query.goal))
        yield f"PostHog's own events, which begin with $, are no steps{', but for the one named' if named else ''}"
    if query.periods:
        yield from _period_notes(journeys)
    if not query.goal:
        yield "completed: of the journeys that began with the same step"
    if query.goal and not query.start and journeys.at_once:
        yield f"{plural(journeys.at_once, 'session')} began with {short(query.goal)}: no step is known before it"
    yield from more_values_note(journeys.more, journeys.scope)
    if journeys.scope.breakdown:
        yield "a person is counted once, under the first value that came with a step"


def _period_notes(journeys: Journeys) -> Iterator[str]:
    """Notes on a first bucket that is cut off and a last one that is not over."""
    scope, starts = journeys.scope, journeys.scope.starts
    if starts[0] < scope.since:
        yield f"the {scope.interval} of {scope.label(starts[0])} counts from {scope.window.partition(' – ')[0]} on"
    if scope.unfinished(starts[-1]):
        yield f"… the {scope.interval} is not over"


def _charts(journeys: Journeys, group: JourneyGroup) -> Iterator[Chart]:
    """Yield charts of the complete periods, where there are three or more."""
    complete = [period for period in periods(journeys, group) if period.complete]
    if len(complete) < 3:
        return
    x = journeys.scope.axis([period.start for period in complete])
    sessions = f"Journeys by {journeys.scope.interval}"
    yield Chart("trend", sessions, x, {sessions: [period.count.sessions for period in complete]})
    if journeys.query.goal:
        goal = "Got to the goal"
        yield Chart("trend", goal, x, {goal: [period.reached for period in complete]}, "percent")
