"""Journeys as a document: a tree of how sessions go on, the paths of most, where they begin and where they end.

What is not shown stands in a row of its own, so that the sessions of every table add up.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from usertrack.core.document import Block, Document, Field, Listing, Section
from usertrack.core.table import Column, Row, Table
from usertrack.core.words import number, people_words, plural
from usertrack.product.ask import more_values_note
from usertrack.product.funnel.view import duration
from usertrack.product.journeys import export as journey_rows
from usertrack.product.journeys import periods as journey_periods
from usertrack.product.journeys.flow import flow
from usertrack.product.journeys.numbers import Count, JourneyGroup, Journeys, Steps, most_frequent
from usertrack.product.journeys.tree import REST, short, tree

_PATH = 120  # characters of a path that people read
_TOP = 10


def journeys_document(journeys: Journeys, limit: int | None = None) -> Document:
    """Tables have the ``limit`` most frequent, ten without one and everything with 0; the others are a row together.

    Files hold a row per path, edge, entry, exit and period, and one for what is beyond the most frequent: `kind` tells.
    """
    scope = journeys.scope
    notes = tuple(_notes(journeys))
    return Document(
        title=_title(journeys),
        subtitle=" · ".join([scope.window, *_size(journeys), *scope.conditions]),
        blocks=tuple(_blocks(journeys, _TOP if limit is None else limit or None)),
        notes=notes,
        data=lambda: journey_rows.as_json(journeys, notes),
        table=replace(
            journeys.table,
            columns=journey_rows.columns(journeys),
            rows=[row for group in journeys.groups for row in journey_rows.rows(journeys, group)],
            name="journeys",
            timezone=scope.timezone,
            as_of=scope.as_of,
        ),
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def _title(journeys: Journeys) -> str:
    query = journeys.query
    ends = [f"{word} {short(step)}" for word, step in (("from", query.start), ("to", query.goal)) if step]
    return " ".join(["Journeys", *(ends or [f"by {query.by}"])])


def _size(journeys: Journeys) -> Iterator[str]:
    sessions = sum(group.total.sessions for group in journeys.groups)
    people = sum(group.total.persons for group in journeys.groups)
    yield f"{plural(sessions, 'session')} of {people_words(people)}"
    if journeys.query.goal and sessions:
        reached = sum(group.total.reached for group in journeys.groups)
        yield f"{number(reached)} ({reached / sessions:.1%}) got there".replace("%", " %")


def _blocks(journeys: Journeys, top: int | None) -> Iterator[Block]:
    for group in journeys.groups:
        blocks = tuple(_of_group(journeys, group, top))
        if heading := journeys.scope.heading(group.name):
            yield Section(f"{heading} · {plural(group.total.sessions, 'session')}", blocks)
        else:
            yield from blocks


def _of_group(journeys: Journeys, group: JourneyGroup, top: int | None) -> Iterator[Block]:
    query = journeys.query
    yield flow(group, query)
    if query.periods:
        yield from journey_periods.blocks(journeys, group)
    yield tree(journeys, group)
    yield _paths(journeys, group, top)
    yield _edges(journeys, group, top)
    if not query.start:
        yield _pages(journeys, group.total.sessions, group.entries, "Where they begin", top)
    yield _pages(journeys, group.total.sessions, group.exits, "Where they end", top)


def _paths(journeys: Journeys, group: JourneyGroup, top: int | None) -> Listing:
    """Common paths: how many who began there took all of it, and where most got lost; or the ways to a goal."""
    goal = bool(journeys.query.goal)
    frequent, rest = most_frequent(group.journeys, group.paths, top)
    rows: list[Row] = [
        (
            short(" → ".join(map(short, path)), _PATH),
            number(count.sessions),
            count.sessions / group.journeys,
            number(count.persons),
            count.sessions / group.total.sessions if goal else group.completion(path),
            None if goal else _worst(group, path),
            duration(count.seconds),
        )
        for path, count in frequent.items()
    ]
    if rest:
        share = rest.sessions / group.journeys
        rows.append((REST, number(rest.sessions), share, number(rest.persons), None, None, None))
    fields = {
        "path": Field("Path", grows=True),
        "sessions": Field("Sessions", align="right"),
        "share": Field("Share", "bar"),
        "people": Field("People", align="right"),
        "completion": Field("Of all sessions" if goal else "Completed", "percent"),
        "worst": Field("Most lost after", hidden=goal, spare=True),
        "time": Field("Takes", align="right", spare=True),
    }
    kinds = ("VARCHAR", "VARCHAR", "DOUBLE", "VARCHAR", "DOUBLE", "VARCHAR", "VARCHAR")
    heading = "The ways to it" if goal else "Common paths"
    return Listing(Table(tuple(map(Column, fields, kinds)), rows, as_of=journeys.scope.as_of), heading, fields)


def _worst(group: JourneyGroup, path: Steps) -> str | None:
    """The step of ``path`` after which most of those who came so far did something else."""
    known = [(lost, -at) for at, lost in enumerate(group.drop_offs(path)) if lost is not None]
    if not known:
        return None
    lost, at = max(known)
    return f"{short(path[-at], 24)}\u00a0({lost:.0%})".replace("%", "\u00a0%")


def _edges(journeys: Journeys, group: JourneyGroup, top: int | None) -> Listing:
    """The most frequent ways from one step to the next: the numbers of the flow."""
    edges, rest = most_frequent(sum(count.sessions for count in group.at[2:]), group.moves, top)
    rows: list[Row] = [
        (
            edge.step,
            short(edge.source),
            short(edge.target or ""),
            number(edge.count.sessions),
            number(edge.count.persons),
            duration(edge.count.seconds),
        )
        for edge in edges
    ]
    if rest:
        rows.append((None, REST, None, number(rest.sessions), number(rest.persons), None))
    fields = {
        "step": Field("Step"),
        "source": Field("From"),
        "target": Field("To"),
        "sessions": Field("Sessions", align="right"),
        "people": Field("People", align="right"),
        "time": Field("After", align="right"),
    }
    kinds = ("BIGINT", *["VARCHAR"] * 5)
    return Listing(
        Table(tuple(map(Column, fields, kinds)), rows, as_of=journeys.scope.as_of), "From step to step", fields
    )


def _pages(journeys: Journeys, total: int, pages: Mapping[str, Count], heading: str, top: int | None) -> Listing:
    frequent, rest = most_frequent(total, pages, top)
    goal, entries = bool(journeys.query.goal), heading == "Where they begin"
    rows: list[Row] = [
        (
            short(name),
            number(count.sessions),
            count.sessions / total,
            number(count.persons),
            count.stayed / count.sessions if entries else None,
            count.reached / count.sessions,
            None if entries else duration(count.seconds),
        )
        for name, count in frequent.items()
    ]
    if rest:
        share, persons = rest.sessions / total, number(rest.persons)
        rows.append((REST, number(rest.sessions), share, persons, None, None, None))
    fields = {
        "page": Field(journeys.query.by.capitalize()),
        "sessions": Field("Sessions", align="right"),
        "share": Field("Share", "bar"),
        "people": Field("People", align="right"),
        "bounced": Field("Bounced", "percent", hidden=not entries),
        "reached": Field("Got to the goal", "percent", hidden=not (goal and entries)),
        "time": Field("Time before, mean", align="right", hidden=entries),
    }
    kinds = ("VARCHAR", "VARCHAR", "DOUBLE", "VARCHAR", "DOUBLE", "DOUBLE", "VARCHAR")
    return Listing(Table(tuple(map(Column, fields, kinds)), rows, as_of=journeys.scope.as_of), heading, fields)


def _notes(journeys: Journeys) -> Iterator[str]:
    query = journeys.query
    if not any(group.total.sessions for group in journeys.groups):
        yield (
            f"nobody came to {short(query.start)} in this time" if query.start else "nobody took any step in this time"
        )
        return
    yield "a session ends with a pause of 30 minutes, and a step repeated is one step, as in PostHog's paths"
    if query.by == "page" and not query.urls:
        own = f"; {', '.join(query.patterns)} are one page each" if query.patterns else ""
        yield f"pages are paths without query and last slash, ids in them are :id{own}; --urls takes whole addresses"
    if query.by == "event":
        named = any(name.startswith("$") for name in (query.start, query.goal))
        yield f"PostHog's own events, which begin with $, are no steps{', but for the one named' if named else ''}"
    if query.periods:
        yield from journey_periods.notes(journeys)
    if not query.goal:
        yield "completed: of the sessions that began with the same step"
    if query.goal and not query.start and journeys.at_once:
        yield f"{plural(journeys.at_once, 'session')} began with {short(query.goal)}: no step is known before it"
    yield from more_values_note(journeys.more, journeys.scope)
    if journeys.scope.breakdown:
        yield "a person is counted once, under the first value that came with a step"
