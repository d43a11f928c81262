"""Classifies people as if some facts were otherwise; derived facts are computed anew."""

from collections.abc import Mapping, Sequence

from usertrack.core.spool import identifier
from usertrack.core.table import Row
from usertrack.core.words import number
from usertrack.segments.classify import condition, reason_sql
from usertrack.segments.expressions import bracketed
from usertrack.segments.profiles import Profiles
from usertrack.segments.rules import Segment, SegmentSet


def otherwise(profiles: Profiles, facts: Mapping[str, str], join: str = "") -> str:
    """SQL for `profile` with other ``facts``: SQL over `base` by name. Those that no profile has are passed over."""
    changed = [f"{sql} AS {identifier(name)}" for name, sql in facts.items() if name in profiles.facts]
    derived = [
        f"CASE WHEN NOT ({profiles.facts[fact.name].of}) THEN {bracketed(fact.sql)} END AS {identifier(fact.name)}"
        for fact in profiles.rules.derived
    ]
    replaced = f" REPLACE ({', '.join(changed)})" if changed else ""
    base = f"SELECT base.*{replaced} FROM base {join}"
    return f"(SELECT {', '.join(['*', *derived])} FROM ({base}))"


def members(
    profiles: Profiles, segment_set: SegmentSet, segment: Segment, of: str = "profile", but_not: str = ""
) -> list[Row]:
    """(key, reason) of who is in a segment for sure, most urgent first.

    ``of`` is SQL for the profiles. Who is in it by the profiles of ``but_not`` is left out. In an exclusive set, who is
    in an earlier segment, or may be, is not in this one.
    """
    rule = _rule(profiles, segment_set, segment)
    key = identifier(profiles.key)
    others = f"AND {key} NOT IN (SELECT {key} FROM {but_not} WHERE {rule})" if but_not else ""
    rows: list[Row] = profiles.connection.execute(
        f"SELECT {key}, {reason_sql(profiles, segment)} FROM {of} WHERE {rule} {others} "
        f"ORDER BY {bracketed(segment.priority)} DESC NULLS LAST, {key}"
    ).fetchall()
    return rows


def doubt(profiles: Profiles, segment_set: SegmentSet, segment: Segment) -> str:
    """Return ``12 undecided, because …`` for people who may be in a segment; empty where everybody is decided."""
    [count] = profiles.row(f"SELECT count(*) FROM profile WHERE ({_rule(profiles, segment_set, segment)}) IS NULL")
    rules = (condition(profiles, decisive) for decisive in _decisive(segment_set, segment))
    why = dict.fromkeys(reason for rule in rules for reason in profiles.missing(rule))
    return f"{number(count)} undecided, because {'; '.join(why)}" if count else ""


def _rule(profiles: Profiles, segment_set: SegmentSet, segment: Segment) -> str:
    """SQL for whether somebody is in a segment; NULL where a fact that decides it is unknown in this run."""
    *before, own = (
        profiles.judged(condition(profiles, decisive), met_or_not=True) for decisive in _decisive(segment_set, segment)
    )
    return " AND ".join([own, *(f"NOT {earlier}" for earlier in before)])


def _decisive(segment_set: SegmentSet, segment: Segment) -> Sequence[Segment]:
    """Return the segments that decide who is in ``segment``, the last: in an exclusive set the earlier ones, too."""
    at = segment_set.segments.index(segment)
    return segment_set.segments[0 if segment_set.exclusive else at : at + 1]
