"""Journeys for files: a row per path, edge, entry, exit and period, and one for what is beyond the most frequent."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from usertrack.core.table import Column, Row, Table
from usertrack.product.journeys.numbers import Count, Edge, JourneyGroup, Journeys, Key, Steps, most_frequent
from usertrack.product.journeys.periods import periods

_COLUMNS = (
    Column("breakdown"),
    Column("group"),
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
_KEYS = {
    "path": ("path", "other", "sessions", "people", "share", "completion", "left", "reached", "mean_seconds"),
    "edge": ("step", "source", "target", "other", "sessions", "people", "share", "left", "mean_seconds"),
    "entry": ("source", "other", "sessions", "people", "share", "left", "reached"),
    "exit": ("source", "other", "sessions", "people", "share", "mean_seconds"),
    "period": ("start", "sessions", "people", "share", "reached", "completion", "complete"),
}
_PLURAL = {"path": "paths", "edge": "edges", "entry": "entries", "exit": "exits", "period": "periods"}


def columns(journeys: Journeys) -> tuple[Column, ...]:
    """With those of periods where these were asked for."""
    periods = (journeys.scope.column(), Column("complete", "BOOLEAN")) if journeys.query.periods else ()
    return (*_COLUMNS, *periods)


def rows(journeys: Journeys, group: JourneyGroup) -> list[Row]:
    """Of what is beyond the most frequent, only sessions and people are known."""
    names = [column.name for column in columns(journeys)]
    return [tuple({**group.name.columns, **record}.get(name) for name in names) for record in _records(journeys, group)]


def _records(journeys: Journeys, group: JourneyGroup) -> Iterator[dict[str, Any]]:
    for path, count in _with_rest("path", group.journeys, group.paths):
        yield {**count, "path": path and list(path), "step": path and len(path), **_completed(group, path)}
    for step, total in enumerate(group.at[1:], start=1):
        edges = {edge: _of_step(edge) for edge in group.edges if edge.step == step}
        for edge, count in _with_rest("edge", total.sessions, edges):
            yield {**count, "step": step, "source": edge and edge.source, "target": edge and edge.target}
    for kind, pages in (("entry", group.entries), ("exit", group.exits)):
        for page, count in _with_rest(kind, group.total.sessions, pages):
            yield {**count, "source": page}
    for period in periods(journeys, group):
        yield {
            **_record("period", group.total.sessions, period.count),
            "start": journeys.scope.stored(period.start),
            "completion": period.reached if journeys.query.goal else None,
            "complete": period.complete,
        }


def _with_rest(kind: str, total: int, counts: Mapping[Key, Count]) -> Iterator[tuple[Key | None, dict[str, Any]]]:
    """What is told apart, and then all others, which have no key."""
    frequent, rest = most_frequent(total, counts)
    for key, count in frequent.items():
        yield key, _record(kind, total, count)
    if rest:
        unknown = dict.fromkeys(("left", "reached", "mean_seconds"))
        yield None, {**_record(kind, total, rest), **unknown, "other": True}


def _record(kind: str, total: int, count: Count) -> dict[str, Any]:
    return {
        "kind": kind,
        "other": False,
        "sessions": count.sessions,
        "people": count.persons,
        "share": count.sessions / total if total else None,
        "left": count.stayed,
        "reached": count.reached,
        "mean_seconds": count.seconds,
    }


def _completed(group: JourneyGroup, path: Steps | None) -> dict[str, Any]:
    return {"completion": group.completion(path)} if path else {}


def _of_step(edge: Edge) -> Count:
    return replace(edge.count, with_rarer=edge.count.with_rarer_of_step)


def as_json(journeys: Journeys, notes: tuple[str, ...]) -> dict[str, Any]:
    """The command's own document."""
    query = journeys.query
    return {
        **journeys.scope.as_dict(),
        "by": query.by,
        "from": query.start or None,
        "to": query.goal or None,
        "steps": query.steps,
        "groups": [_group(journeys, group) for group in journeys.groups],
        "notes": list(notes),
    }


def _group(journeys: Journeys, group: JourneyGroup) -> dict[str, Any]:
    records = Table(columns(journeys), rows(journeys, group)).dicts()
    return {
        "value": group.name.columns["breakdown"],
        "group": group.name.kind,
        "other": group.name.kind == "others",
        "sessions": group.total.sessions,
        "people": group.total.persons,
        "reached": group.total.reached if journeys.query.goal else None,
        **{
            plural: [{key: record[key] for key in _KEYS[kind]} for record in records if record["kind"] == kind]
            for kind, plural in _PLURAL.items()
            if kind != "period" or journeys.query.periods
        },
        "steps": [
            {"step": at, "sessions": count.sessions, "people": count.persons, "left": count.stayed}
            for at, count in enumerate(group.at[1:], start=1)
        ],
    }
