"""The people of one segment in a report: whom to act on and why, and who entered and left."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from string import Formatter
from types import MappingProxyType
from typing import Any

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Field, Origin, Paragraph
from usertrack.core.period import in_zone
from usertrack.core.spool import identifier
from usertrack.core.table import Row
from usertrack.core.words import number
from usertrack.segments.classify import Classification, condition, other_segments_words
from usertrack.segments.expressions import base_columns, parse
from usertrack.segments.history.week_ago import Moves
from usertrack.segments.profiles import Profiles
from usertrack.segments.rules import Segment


def segment_origins(classification: Classification, segment: Segment | None = None) -> tuple[Origin, ...]:
    """The profile queries, or those that decide who is listed under ``segment``, in which order and why.

    Queries of more urgent segments are included, because people in these are listed there.
    """
    profiles = classification.profiles
    if segment is None:
        return profile_origins(profiles, profiles.queries)
    segments = classification.segment_set.segments
    reasons = [identifier(name) for _, name, *_ in Formatter().parse(segment.because) if name]
    own = [condition(profiles, segment), *(parse(text, "") for text in (segment.priority, *reasons))]
    more_urgent = [condition(profiles, earlier) for earlier in segments[: segments.index(segment)]]
    facts = {name for expression in (*own, *more_urgent) for name in base_columns(expression, profiles.derived)}
    # facts of today excuse a difference where this rule reads them: an event that came late is none
    read = {profiles.facts[name].label for expression in own for name in base_columns(expression, profiles.derived)}
    return tuple(
        replace(origin, current=tuple(label for label in origin.current if label in read))
        for origin in profile_origins(profiles, {profiles.facts[name].origin for name in facts})
    )


def profile_origins(profiles: Profiles, names: Collection[str]) -> tuple[Origin, ...]:
    """The profile queries of these names, as origins."""
    return tuple(
        Origin(
            name,
            dict(profiles.rules.queries[name]),
            query.source,
            profiles.as_of,
            tuple(fact.label for fact in query.facts.values() if fact.current),
        )
        for name, query in profiles.queries.items()
        if name in names
    )


def people(
    classification: Classification,
    id_: str,
    limit: int,
    *,
    all_members: bool = False,
    reasons: Mapping[str, str] = MappingProxyType({}),
) -> list[Block]:
    """People whose primary segment this is; a note counts the others, or ``all_members`` lists them too.

    ``reasons`` are those of some people in place of the reason of the rule.
    """
    table = classification.people([id_], to_act_on=not all_members)
    names = table.names
    key, because, priority = (names.index(name) for name in (classification.profiles.key, "because", "priority"))
    segments = names.index("segments")
    cells: Columns[Row] = Columns(
        Attribute("person", "VARCHAR", lambda row: row[key], Field("Person", "person")),
        Attribute("priority", "DOUBLE", lambda row: row[priority], Field("Priority", "number")),
        Attribute(
            "why",
            "VARCHAR",
            lambda row: reasons.get(row[key], row[because][row[segments].index(id_)]),
            Field("Why", "text", grows=True),
        ),
    )
    listing = cells.listing(table.rows, "Act on these first", limit=limit)
    blocks: list[Block] = [listing] if len(table.rows) else []
    if elsewhere := (classification.count(id_).people or 0) - len(table.rows):
        blocks.append(Paragraph(other_segments_words(elsewhere), "dim"))
    return blocks or [Paragraph("nobody is in it", "dim")]


def moves(moved: Moves, key: str, id_: str, most: int, timezone: str) -> list[Block]:
    """List who entered and who left, the first ``most`` of each."""
    rows = [row for row in moved.moves.dicts() if row["segment"] == id_]
    cells: Columns[dict[str, Any]] = Columns(
        Attribute("change", "VARCHAR", lambda row: row["change"], Field("Change")),
        Attribute("person", "VARCHAR", lambda row: row[key], Field("Person", "person")),
        Attribute("why", "VARCHAR", lambda row: row["why"], Field("Why", "text", grows=True)),
    )
    by = {change: [row for row in rows if row["change"] == change] for change in ("entered", "left")}
    first = [row for listed in by.values() for row in listed[:most]]
    counts = " and ".join(f"{number(len(listed))} {change}" for change, listed in by.items())
    more = "" if len(first) == len(rows) else "; all: ".join(filter(None, (counts, _command(moved, id_, timezone))))
    listing = cells.listing(first, "Came and went since last week", limit=0)
    return [replace(listing, more=more)] if rows else []


def _command(moved: Moves, id_: str, timezone: str) -> str:
    """The command that lists all who moved between these two snapshots, if the history has both."""
    if not moved.recorded:
        return ""
    first, last = (
        f"{in_zone(snapshot.as_of, timezone):%Y-%m-%dT%H:%M}" for snapshot in (moved.pair.before, moved.pair.after)
    )
    own = "" if moved.pair.after.set_name == "action" else f" --set {moved.pair.after.set_name}"
    return f"`usertrack history{own} --segment {id_} --from {first} --to {last}`"
