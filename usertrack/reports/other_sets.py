"""Adds what other sets say to a week: who lapsed, and which power users to approach."""

from collections.abc import Iterator

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Facts, Field, Paragraph, Section
from usertrack.core.spool import identifier
from usertrack.core.words import number
from usertrack.reports.alike import Alike, alike, names_of
from usertrack.reports.members import segment_origins
from usertrack.reports.use_cases import use_cases
from usertrack.reports.weekly import Weekly
from usertrack.segments.rules import Segment, find_segment
from usertrack.segments.what_if import doubt, members, otherwise

LAPSED, OFFERS = ("lifecycle", "lapsed"), "offers"
A_WEEK_AGO = {"as_of": "as_of - INTERVAL 7 DAY"}
_BUSY = "SELECT {key} FROM classified WHERE list_has_any(segments, ['failing', 'frustrated'])"
LINES, NAMES = 2, 3  # lines of each offer, and who lapsed, unless --limit says otherwise


def other_sections(weekly: Weekly, limit: int | None) -> Iterator[tuple[str, Section]]:
    """Yield what to write, whom to offer what, and who lapsed, by the ids of the sections."""
    for id_, make in (("use_cases", use_cases), ("offers", offers), ("lapsed", lapsed)):
        if section := make(weekly, limit):
            yield id_, section


def lapsed(weekly: Weekly, limit: int | None) -> Section | None:
    """Return who lapsed within the last week, by the set `lifecycle`; None where segments.yaml has no such segment."""
    profiles = weekly.classification.profiles
    segment_set = profiles.rules.sets.get(LAPSED[0])
    segment = find_segment(segment_set.segments, LAPSED[1]) if segment_set else None
    if segment_set is None or segment is None:
        return None
    everybody = members(profiles, segment_set, segment)
    people = [person for person, _ in members(profiles, segment_set, segment, but_not=otherwise(profiles, A_WEEK_AGO))]
    most = NAMES if limit is None else limit or len(people)
    names = f" · {names_of(people, most)}" if people else ""
    unsure = doubt(profiles, segment_set, segment)
    known = f"{number(len(people))} (in all {number(len(everybody))}){names}" if everybody or not unsure else "unknown"
    fact = (f"{segment.name} this week", "; ".join(filter(None, (known, unsure))))
    return Section("Who lapsed", (Facts((fact,)),), segment_origins(weekly.classification))


def offers(weekly: Weekly, limit: int | None) -> Section | None:
    """Return whom to offer what, by the rules of the set `offers`; None where segments.yaml has none.

    Who is to be helped first is left out.
    """
    profiles = weekly.classification.profiles
    segment_set = profiles.rules.sets.get(OFFERS)
    if segment_set is None:
        return None
    most = LINES if limit is None else limit
    busy = {person for (person,) in profiles.connection.execute(_BUSY.format(key=identifier(profiles.key))).fetchall()}
    people = {
        segment.id: [row for row in members(profiles, segment_set, segment) if row[0] not in busy]
        for segment in segment_set.segments
    }
    lines = [(segment, line) for segment in segment_set.segments for line in alike(people[segment.id])[: most or None]]
    columns: Columns[tuple[Segment, Alike]] = Columns(
        Attribute("what", "VARCHAR", lambda row: row[0].task, Field("Do", "tag", tags=segment_set.task_tags)),
        Attribute("people", "BIGINT", lambda row: len(people[row[0].id]), Field("People", "number")),
        Attribute("who", "VARCHAR", lambda row: row[1].who, Field("For", "text")),
        Attribute("why", "VARCHAR", lambda row: row[1].why, Field("Why", "text", grows=True)),
    )
    doubts = [(segment.name, doubt(profiles, segment_set, segment)) for segment in segment_set.segments]
    unsure: list[Block] = [Paragraph(f"{name}: {words}", "warning") for name, words in doubts if words]
    blocks = [columns.listing(lines)] if lines else [] if unsure else [Paragraph("nobody", "dim")]
    return Section("Power users to approach", (*blocks, *unsure), segment_origins(weekly.classification))
