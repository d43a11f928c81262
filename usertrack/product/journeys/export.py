"""The columns of journeys, and their JSON: a row per path, edge, entry, exit and period, and one for each rest."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from usertrack.core.columns import Attribute, Columns
from usertrack.product.attributes import bucket_attribute, group_attributes
from usertrack.product.journeys.numbers import (
    Edge,
    JourneyBucket,
    JourneyCount,
    JourneyGroup,
    Journeys,
    Key,
    Steps,
    most_frequent,
    periods,
)
from usertrack.product.scope import GroupName

_KEYS = {
    "path": ("path", "other", "sessions", "people", "share", "completion", "left", "reached", "mean_seconds"),
    "edge": ("step", "source", "target", "other", "sessions", "people", "share", "left", "mean_seconds"),
    "entry": ("source", "other", "sessions", "people", "share", "left", "reached"),
    "exit": ("source", "other", "sessions", "people", "share", "mean_seconds"),
    "period": ("start", "sessions", "people", "share", "reached", "completion", "complete"),
}
_PLURAL = {"path": "paths", "edge": "edges", "entry": "entries", "exit": "exits", "period": "periods"}


@dataclass(frozen=True)
class JourneyRow:
    """The ``count`` of a path, an edge, a page or a bucket, as ``kind`` tells: a row of files and of JSON.

    ``total`` is how many sessions the share is of. As ``other`` it is all that is less frequent: only its sessions and
    people are known.
    """

    group: GroupName
    kind: str
    total: int
    count: JourneyCount
    step: int | None = None
    source: str | None = None
    target: str | None = None
    path: Steps | None = None
    completion: float | None = None
    other: bool = False
    bucket: JourneyBucket | None = None

    @property
    def share(self) -> float | None:
        return self.count.sessions / self.total if self.total else None


def columns(journeys: Journeys) -> Columns[JourneyRow]:
    """With those of buckets where these were asked for; listings choose among them."""
    known: Columns[JourneyRow] = Columns(
        *group_attributes(lambda row: row.group),
        Attribute("kind", "VARCHAR"),
        Attribute("step", "BIGINT"),
        Attribute("source", "VARCHAR"),
        Attribute("target", "VARCHAR"),
        Attribute("path", "VARCHAR[]", lambda row: row.path and list(row.path)),
        Attribute("other", "BOOLEAN"),
        Attribute("sessions", "BIGINT", "count.sessions"),
        Attribute("people", "BIGINT", "count.persons"),
        Attribute("share", "DOUBLE"),
        Attribute("completion", "DOUBLE"),
        Attribute("left", "BIGINT", lambda row: None if row.other else row.count.stayed),
        Attribute("reached", "BIGINT", lambda row: None if row.other else row.count.reached),
        Attribute("mean_seconds", "DOUBLE", lambda row: None if row.other else row.count.seconds),
    )
    scope = journeys.scope
    periods: tuple[Attribute[JourneyRow], ...] = (
        bucket_attribute(scope, lambda row: row.bucket.start if row.bucket else None),
        Attribute("complete", "BOOLEAN", "bucket.complete"),
    )
    return Columns(*known.attributes, *periods) if journeys.query.periods else known


def rows(journeys: Journeys, group: JourneyGroup) -> Iterator[JourneyRow]:
    """Everything that is known of ``group``."""
    yield from path_rows(group)
    for step, reached in enumerate(group.at[1:], start=1):
        edges = {edge: _of_step(edge) for edge in group.edges if edge.step == step}
        yield from edge_rows(group, reached.sessions, edges, step=step)
    for kind, pages in (("entry", group.entries), ("exit", group.exits)):
        yield from page_rows(group, kind, pages)
    yield from period_rows(journeys, group)


def path_rows(group: JourneyGroup, top: int | None = None) -> Iterator[JourneyRow]:
    """The ``top`` most frequent paths, and the rest as one; so do the rows of edges and of pages."""
    for path, count in _with_rest(group.journeys, group.paths, top):
        if path is None:
            yield JourneyRow(group.name, "path", group.journeys, count, other=True)
        else:
            completion = group.completion(path)
            yield JourneyRow(
                group.name, "path", group.journeys, count, step=len(path), path=path, completion=completion
            )


def edge_rows(
    group: JourneyGroup, total: int, edges: Mapping[Edge, JourneyCount], top: int | None = None, step: int | None = None
) -> Iterator[JourneyRow]:
    """With ``step`` the rest is of that step."""
    for edge, count in _with_rest(total, edges, top):
        if edge is None:
            yield JourneyRow(group.name, "edge", total, count, step=step, other=True)
        else:
            yield JourneyRow(group.name, "edge", total, count, edge.step, edge.source, edge.target)


def page_rows(
    group: JourneyGroup, kind: str, pages: Mapping[str, JourneyCount], top: int | None = None
) -> Iterator[JourneyRow]:
    for page, count in _with_rest(group.total.sessions, pages, top):
        yield JourneyRow(group.name, kind, group.total.sessions, count, source=page, other=page is None)


def period_rows(journeys: Journeys, group: JourneyGroup) -> Iterator[JourneyRow]:
    for bucket in periods(journeys, group):
        completion = bucket.reached if journeys.query.goal else None
        yield JourneyRow(group.name, "period", group.total.sessions, bucket.count, completion=completion, bucket=bucket)


def _with_rest(
    total: int, counts: Mapping[Key, JourneyCount], top: int | None
) -> Iterator[tuple[Key | None, JourneyCount]]:
    """The ``top`` most frequent, and then the rest, which has no key."""
    frequent, rest = most_frequent(total, counts, top)
    yield from frequent.items()
    if rest:
        yield None, rest


def _of_step(edge: Edge) -> JourneyCount:
    return replace(edge.count, with_rarer=edge.count.with_rarer_of_step)


def as_json(journeys: Journeys, notes: tuple[str, ...]) -> dict[str, object]:
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


def _group(journeys: Journeys, group: JourneyGroup) -> dict[str, object]:
    records = columns(journeys).dicts(rows(journeys, group))
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
