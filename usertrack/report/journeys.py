"""Journeys as a document: a tree of how sessions go on, the paths of most, where they begin and where they end.

What is not shown stands in a row of its own, so that the sessions of every table add up.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from usertrack.analytics.journeys import Count, Group, Journeys, Steps, rest
from usertrack.document import Block, Document, Listing, Section, Shown
from usertrack.measures import number
from usertrack.report.flow import flow
from usertrack.report.funnel import duration
from usertrack.report.journey_tree import OTHERS, short, tree
from usertrack.table import Column, Row, Table

_PATH = 120  # characters of a path that people read
_TOP = 10
_COLUMNS = (
    Column("breakdown"),
    Column("kind"),
    Column("step", "BIGINT"),
    Column("source"),
    Column("target"),
    Column("path", "VARCHAR[]"),
    Column("other", "BOOLEAN"),
    Column("sessions", "BIGINT"),
    Column("people", "BIGINT"),
    Column("share", "DOUBLE"),
    Column("completion", "DOUBLE"),
    Column("left", "BIGINT"),
    Column("reached", "BIGINT"),
    Column("mean_seconds", "DOUBLE"),
)


def journeys_document(found: Journeys, limit: int | None = None) -> Document:
    """Tables have the ``limit`` most frequent, ten without one and everything with 0; the others are a row together.

    Files hold a row per edge, path, entry and exit, and one for what is beyond the most frequent: `kind` tells."""
    frame = found.frame
    notes = tuple(_notes(found))
    return Document(
        title=_title(found),
        subtitle=" · ".join([frame.said, *_size(found), *frame.scope]),
        blocks=tuple(_blocks(found, _TOP if limit is None else limit or None)),
        notes=notes,
        data=lambda: _json(found, notes),
        table=replace(
            found.table,
            columns=_COLUMNS,
            rows=[row for group in found.groups for row in _rows(group, group.name if frame.breakdown else None)],
            name="journeys",
            timezone=frame.timezone,
            as_of=frame.as_of,
        ),
        timezone=frame.timezone,
        as_of=frame.as_of,
    )


def _title(found: Journeys) -> str:
    asked = found.asked
    ends = [f"{word} {short(step)}" for word, step in (("from", asked.start), ("to", asked.goal)) if step]
    return " ".join(["Journeys", *(ends or [f"by {asked.by}"])])


def _size(found: Journeys) -> Iterator[str]:
    sessions = sum(group.total.sessions for group in found.groups)
    people = sum(group.total.persons for group in found.groups)
    yield f"{number(sessions)} session{'s' * (sessions != 1)} of {number(people)} people"
    if found.asked.goal and sessions:
        reached = sum(group.total.reached for group in found.groups)
        yield f"{number(reached)} ({reached / sessions:.1%}) got there".replace("%", " %")


def _blocks(found: Journeys, top: int | None) -> Iterator[Block]:
    for group in found.groups:
        blocks = tuple(_of_group(found, group, top))
        if found.frame.breakdown:
            yield Section(f"{found.frame.breakdown} = {group.name} · {number(group.total.sessions)} sessions", blocks)
        else:
            yield from blocks


def _of_group(found: Journeys, group: Group, top: int | None) -> Iterator[Block]:
    asked = found.asked
    yield tree(found, group)
    yield _paths(found, group, top)
    yield flow(group, asked)
    yield _edges(found, group, top)
    if not asked.start:
        yield _pages(found, group, dict(islice(group.entries.items(), top)), "Where they begin", "Bounced")
    yield _pages(found, group, dict(islice(group.exits.items(), top)), "Where they end", "Time before")


def _paths(found: Journeys, group: Group, top: int | None) -> Listing:
    """Common paths: how many who began there took all of it, and where most got lost; or the ways to a goal."""
    goal = bool(found.asked.goal)
    shown_paths = dict(islice(group.paths.items(), top))
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
        for path, count in shown_paths.items()
    ]
    if others := rest(group.journeys, shown_paths.values()):
        rows.append((OTHERS, number(others), others / group.journeys, None, None, None, None))
    shown = {
        "path": Shown("Path", grows=True),
        "sessions": Shown("Sessions", align="right"),
        "share": _share(shown_paths, group.journeys),
        "people": Shown("People", align="right"),
        "completion": Shown("Of all sessions" if goal else "Completed", "percent"),
        "worst": Shown("Most lost after", hidden=goal, spare=True),
        "time": Shown("Takes", align="right", spare=True),
    }
    kinds = ("VARCHAR", "VARCHAR", "DOUBLE", "VARCHAR", "DOUBLE", "VARCHAR", "VARCHAR")
    heading = "The ways to it" if goal else "Common paths"
    return Listing(Table(tuple(map(Column, shown, kinds)), rows, as_of=found.frame.as_of), heading, shown)


def _share(counts: Mapping[Any, Count], whole: int) -> Shown:
    """A bar that is full for the most frequent: all others together may be more."""
    most = max((count.sessions for count in counts.values()), default=0)
    return Shown("Share", "bar", full=most / whole if most else None)


def _worst(group: Group, path: Steps) -> str | None:
    """The step of ``path`` after which most of those who came so far did something else."""
    known = [(lost, -at) for at, lost in enumerate(group.drop_offs(path)) if lost is not None]
    if not known:
        return None
    lost, at = max(known)
    return f"{short(path[-at], 24)}\u00a0({lost:.0%})".replace("%", "\u00a0%")


def _edges(found: Journeys, group: Group, top: int | None) -> Listing:
    """The most frequent ways from one step to the next: the numbers of the flow."""
    edges = [edge for edge in group.edges if edge.target is not None]
    whole = sum(count.sessions for count in group.at[2:])
    rows: list[Row] = [
        (
            edge.step,
            short(edge.source),
            short(edge.target or ""),
            number(edge.count.sessions),
            number(edge.count.persons),
            duration(edge.count.seconds),
        )
        for edge in edges[:top]
    ]
    if others := rest(whole, [edge.count for edge in edges[:top]]):
        rows.append((None, OTHERS, None, number(others), None, None))
    shown = {
        "step": Shown("Step"),
        "source": Shown("From"),
        "target": Shown("To"),
        "sessions": Shown("Sessions", align="right"),
        "people": Shown("People", align="right"),
        "time": Shown("After", align="right"),
    }
    kinds = ("BIGINT", *["VARCHAR"] * 5)
    return Listing(Table(tuple(map(Column, shown, kinds)), rows, as_of=found.frame.as_of), "From step to step", shown)


def _pages(found: Journeys, group: Group, head: dict[str, Count], heading: str, last: str) -> Listing:
    total, goal = group.total.sessions, bool(found.asked.goal)
    entries = last == "Bounced"
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
        for name, count in head.items()
    ]
    if others := rest(total, head.values()):
        rows.append((OTHERS, number(others), others / total, None, None, None, None))
    shown = {
        "page": Shown(found.asked.by.capitalize()),
        "sessions": Shown("Sessions", align="right"),
        "share": _share(head, total),
        "people": Shown("People", align="right"),
        "bounced": Shown(last, "percent", hidden=not entries),
        "reached": Shown("Got to the goal", "percent", hidden=not (goal and entries)),
        "time": Shown("Time before, mean", align="right", hidden=entries),
    }
    kinds = ("VARCHAR", "VARCHAR", "DOUBLE", "VARCHAR", "DOUBLE", "DOUBLE", "VARCHAR")
    return Listing(Table(tuple(map(Column, shown, kinds)), rows, as_of=found.frame.as_of), heading, shown)


def _rows(group: Group, value: str | None) -> Iterator[Row]:
    def row(kind: str, whole: int, count: Count, **more: Any) -> Row:
        own = {
            "breakdown": value,
            "kind": kind,
            "other": False,
            "sessions": count.sessions,
            "people": count.persons,
            "share": count.sessions / whole if whole else None,
            "left": count.stayed,
            "reached": count.reached,
            "mean_seconds": count.seconds,
        }
        return tuple({**own, **more}.get(column.name) for column in _COLUMNS)

    def others(kind: str, whole: int, parts: list[Count], **more: Any) -> Iterator[Row]:
        if left_over := rest(whole, parts):
            unknown = dict.fromkeys(("people", "left", "reached", "mean_seconds"))
            yield row(kind, whole, Count(left_over), **unknown, other=True, **more)

    for path, count in group.paths.items():
        yield row("path", group.journeys, count, path=list(path), step=len(path), completion=group.completion(path))
    yield from others("path", group.journeys, list(group.paths.values()))
    for step, whole in enumerate(group.at[1:], start=1):
        edges = [edge for edge in group.edges if edge.step == step]
        for edge in edges:
            yield row("edge", whole.sessions, edge.count, step=step, source=edge.source, target=edge.target)
        yield from others("edge", whole.sessions, [edge.count for edge in edges], step=step)
    for kind, pages in (("entry", group.entries), ("exit", group.exits)):
        for page, count in pages.items():
            yield row(kind, group.total.sessions, count, source=page)
        yield from others(kind, group.total.sessions, list(pages.values()))


def _notes(found: Journeys) -> Iterator[str]:
    asked = found.asked
    if not any(group.total.sessions for group in found.groups):
        yield "nobody took any step in this time"
        return
    yield "a session ends with a pause of 30 minutes, and a step repeated is one step, as in PostHog's paths"
    if asked.by == "page" and not asked.urls:
        own = f"; {', '.join(asked.patterns)} are one page each" if asked.patterns else ""
        yield f"pages are paths without query and last slash, ids in them are :id{own}; --urls takes whole addresses"
    if not asked.goal:
        yield "completed: of the sessions that began with the same step"
    if found.frame.breakdown:
        yield "a person is counted once, under the first value that came with a step"


def _json(found: Journeys, notes: tuple[str, ...]) -> dict[str, Any]:
    asked = found.asked
    names = [column.name for column in _COLUMNS]
    return {
        **found.frame.as_dict(),
        "by": asked.by,
        "from": asked.start or None,
        "to": asked.goal or None,
        "steps": asked.steps,
        "groups": [
            {
                "value": group.name if found.frame.breakdown else None,
                "other": group.other,
                "sessions": group.total.sessions,
                "people": group.total.persons,
                "reached": group.total.reached if asked.goal else None,
                **_kinds([dict(zip(names, row, strict=True)) for row in _rows(group, None)]),
                "steps": [
                    {"step": at, "sessions": count.sessions, "people": count.persons, "left": count.stayed}
                    for at, count in enumerate(group.at[1:], start=1)
                ],
            }
            for group in found.groups
        ],
        "notes": list(notes),
    }


_KEYS = {
    "path": ("path", "other", "sessions", "people", "share", "completion", "left", "reached", "mean_seconds"),
    "edge": ("step", "source", "target", "other", "sessions", "people", "share", "left", "mean_seconds"),
    "entry": ("source", "other", "sessions", "people", "share", "left", "reached"),
    "exit": ("source", "other", "sessions", "people", "share", "mean_seconds"),
}
_PLURAL = {"path": "paths", "edge": "edges", "entry": "entries", "exit": "exits"}


def _kinds(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {
        plural: [{key: row[key] for key in _KEYS[kind]} for row in rows if row["kind"] == kind]
        for kind, plural in _PLURAL.items()
    }
