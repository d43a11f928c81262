"""The segments of a set as a document: how many people are in each, whom to talk to first, and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Document, Field, Kind, Listing
from usertrack.core.period import moment
from usertrack.core.table import Column, MappedRows, Row, Table
from usertrack.core.words import number, plural
from usertrack.library.entities import EMAIL
from usertrack.segments.classify import OWN_COLUMNS, Classification, SegmentCount, other_segments_words
from usertrack.segments.keys import ORGANIZATION, a_key, key_words, subject_words, subjects_heading, subjects_words
from usertrack.segments.match import Match
from usertrack.segments.profiles import Profiles
from usertrack.segments.rules import Segment

_EVIDENCE = 3  # facts beside a reason; files have them all
_NAMED = 10  # of the undecided, as many as a paragraph takes


@dataclass(frozen=True)
class SegmentChanges:
    """Counts of people who entered and left each segment since ``as_of``: ``counts`` are (entered, left) by segment id.

    ``heading`` is that of their column.
    """

    as_of: datetime
    heading: str
    counts: Mapping[str, tuple[int, int]]
    notes: Sequence[str] = ()


def segments_document(
    classification: Classification,
    only: Sequence[str],
    timezone: str,
    limit: int | None = None,
    since: SegmentChanges | None = None,
    *,
    all_members: bool = False,
) -> Document:
    """A summary of the segments, then the people, most urgent first. ``only``: segments of these ids.

    It lists people whose primary segment is one of them, or with ``all_members`` everybody who is in one of them. Files
    hold all of them, or the ``limit`` most urgent; a page or terminal shows 20, or ``limit``.
    """
    profiles = classification.profiles
    table = classification.people(only, to_act_on=not all_members)
    members = len(classification.people(only).rows)
    reasons = {count.unknown for count in classification.counts}  # `undecided_notes` names them with their segments
    notes = [note for note in profiles.notes if note not in reasons]
    notes += [*(since.notes if since else ()), *undecided_notes(classification, only)]
    notes += [*other_segments_note(members - len(table.rows)), *match_notes(profiles.match, profiles.key)]
    return Document(
        title=f"Segments on {moment(profiles.as_of, timezone)}",
        subtitle=_subtitle(profiles),
        blocks=(_summary(classification, only, since, members), _who_first(classification, table, only)),
        notes=tuple(notes),
        data=lambda: {
            "as_of": profiles.as_of,
            "timezone": timezone,
            "set": classification.segment_set.name,
            "sources": source_states(profiles),
            "match": profiles.match.as_dict(),
            "since": since.as_of if since else None,
            "segments": _counts(since).dicts(classification.counts),
            "organizations" if profiles.key == ORGANIZATION else "users": [
                person_json(profiles.key, table.names, row)
                for row in classification.people(only, limit, to_act_on=not all_members).rows
            ],
            "undecided": [
                {profiles.key: key, "segments": segments} for key, segments, *_ in classification.undecided(only).rows
            ],
            "notes": [*notes, *cut_note(len(table.rows), limit)],
        },
        table=table,
        timezone=timezone,
        as_of=profiles.as_of,
    )


def _counts(since: SegmentChanges | None) -> Columns[SegmentCount]:
    """The columns of the segments in JSON."""
    moved = since.counts if since else {}
    return Columns(
        Attribute("id", "VARCHAR", "segment.id"),
        Attribute("name", "VARCHAR", "segment.name"),
        Attribute("action", "VARCHAR", "segment.action"),
        Attribute("count", "BIGINT", "people"),
        Attribute("to_act_on", "BIGINT"),
        Attribute("undecided", "BIGINT"),
        Attribute("unknown", "VARCHAR", lambda count: count.unknown or None),
        Attribute("entered", "BIGINT", lambda count: moved.get(count.segment.id, (None, None))[0]),
        Attribute("left", "BIGINT", lambda count: moved.get(count.segment.id, (None, None))[1]),
    )


def other_segments_note(count: int) -> list[str]:
    """Say how many members are not listed, because a more urgent segment acts on them."""
    return [f"{other_segments_words(count)}: --all-members lists them, too"] if count else []


def cut_note(total: int, limit: int | None) -> list[str]:
    """Say how many rows `--limit` left out, for formats that do not show it."""
    return [f"only {number(limit)} of {number(total)}, as --limit says"] if limit and limit < total else []


def _subtitle(profiles: Profiles) -> str:
    parts = [subjects_words(profiles.people, profiles.key)]
    if profiles.match.matched is not None:
        parts.append(f"events ⋈ accounts {number(profiles.match.matched)} matched")
    return " · ".join(parts)


def sizes_words(sizes: Iterable[tuple[Segment, int, int]]) -> str:
    """``Failing 30 → 42 · Power 12 → 11``: what changed of segments with their sizes then and now, the most first."""
    changed = sorted((size for size in sizes if size[1] != size[2]), key=lambda size: -abs(size[2] - size[1]))
    return " · ".join(f"{segment.name} {number(then)} → {number(now)}" for segment, then, now in changed)


def moves_text(counts: tuple[int, int] | None) -> str | None:
    """``+4 −2``: how many entered, how many left."""
    return None if counts is None else f"+{number(counts[0])} −{number(counts[1])}"


def _summary(classification: Classification, only: Sequence[str], since: SegmentChanges | None, anyone: int) -> Listing:
    """Each segment with its size. ``anyone``: how many people are in at least one of them."""
    total, key = classification.profiles.people, classification.profiles.key
    tags = classification.segment_set.tags
    segment_counts = [count for count in classification.counts if not only or count.segment.id in only]
    overlap = sum(count.people or 0 for count in segment_counts) > anyone
    to_act_on = None if classification.segment_set.exclusive else Field("To act on", align="right")

    undecided = Field("Undecided", "number") if any(count.open for count in segment_counts) else None

    columns: Columns[SegmentCount] = Columns(
        Attribute("segment", "VARCHAR", "segment.name", Field("Segment", "tag", tags=tags)),
        Attribute("people", "VARCHAR", lambda count: _known(count.people), Field(subjects_heading(key), align="right")),
        Attribute("to_act_on", "VARCHAR", lambda count: _known(count.to_act_on), to_act_on),
        Attribute("undecided", "BIGINT", field=undecided),
        Attribute("share", "DOUBLE", lambda count: count.share(total), Field("Share", "bar", full=1.0)),
        Attribute(
            "since",
            "VARCHAR",
            lambda count: moves_text(since.counts.get(count.segment.id)) if since else None,
            Field(since.heading, align="right") if since else None,
        ),
        Attribute("action", "VARCHAR", "segment.action", Field("Action")),
    )
    more = f"{subjects_words(anyone, key)} in all: who is in several segments counts in each" if overlap else ""
    return replace(columns.listing(segment_counts, as_of=classification.profiles.as_of), more=more)


def _known(count: int | None) -> str:
    return "unknown" if count is None else number(count)


def _who_first(classification: Classification, table: Table, only: Sequence[str]) -> Listing:
    names = {segment.id: segment.name for segment in classification.segment_set.segments}
    key = classification.profiles.key
    size = classification.profiles.size_facts
    evidence = [name for name in classification.evidence(only) if name not in size][:_EVIDENCE]
    facts = {
        name: Field(_title(classification.profiles.facts[name].label), _kind(classification, name), spare=True)
        for name in evidence
    }
    return Listing(
        replace(_with_one_reason(table, names, only), as_of=classification.profiles.as_of),
        heading="Who to talk to first",
        fields={
            key: Field(subject_words(key), "text" if size else "person"),
            **{name: Field(_title(classification.profiles.facts[name].label)) for name in size},
            "primary": Field("Segment", "tag", tags=classification.segment_set.tags),
            "priority": Field("Priority", "number", spare=True),
            "because": Field("Why", "text", grows=True, lines=2),
            **facts,
        },
        # of one segment, everybody is in it
        columns=(key, *size, *(("primary",) if len(only) != 1 else ()), "priority", *evidence, "because"),
        limit=20,
        more="why? `usertrack explain ORGANIZATION --by organization`"
        if size
        else f"why? `usertrack explain {'EMAIL' if key == EMAIL else 'ID'}`",
    )


def _title(label: str) -> str:
    return label[:1].upper() + label[1:]


def _kind(classification: Classification, name: str) -> Kind:
    fact = classification.profiles.facts[name]
    return "percent" if fact.unit == "percent" else "when" if fact.type == "TIMESTAMP" else "auto"


def _with_one_reason(table: Table, names: dict[str, str], only: Sequence[str]) -> Table:
    """The table of people with the name of their segment and one reason each."""
    primary, because, segments = (table.names.index(name) for name in ("primary", "because", "segments"))

    def change(row: Row) -> Row:
        cells = list(row)
        # the reason of the segment that was asked for, else of the primary one; the others by name
        member = row[segments]
        segment_id = next((id_ for id_ in member if id_ in only), row[primary])
        cells[primary] = names[segment_id]
        also = [names[id_] for id_ in member if id_ != segment_id]
        cells[because] = row[because][member.index(segment_id)] + (f" (also {', '.join(also)})" if also else "")
        return tuple(cells)

    columns = tuple(Column(c.name) if c.name == "because" else c for c in table.columns)
    return Table(columns, MappedRows(table.rows, change), as_of=table.as_of, timezone=table.timezone)


def person_json(key: str, names: Sequence[str], row: Row) -> dict[str, object]:
    cells = dict(zip(names, row, strict=True))
    own = {name: cells.pop(name) for name in (key, *OWN_COLUMNS)}
    return {**own, "profile": cells}


def source_states(profiles: Profiles) -> list[dict[str, str | bool]]:
    """Each source with whether all of its queries answered, and if not, why."""
    reasons: dict[str, str] = {profiles.queries[name].source: "" for name in profiles.queries}
    for fact in profiles.facts.values():
        if fact.missing and fact.of == "true" and fact.origin in profiles.queries:
            reasons[profiles.queries[fact.origin].source] = fact.missing
    return [{"name": name, "ok": not reason, "detail": reason} for name, reason in sorted(reasons.items())]


def undecided_notes(classification: Classification, only: Sequence[str] = ()) -> list[str]:
    """Which segments are unknown, how many people are undecided in the others, why, and how to list them."""
    counts = [count for count in classification.counts if not only or count.segment.id in only]
    known = [count for count in counts if count.people is not None]
    because: dict[tuple[bool, str], list[str]] = {}
    for count in (count for count in counts if count.unknown):
        words = count.segment.name if count.people is None else f"{count.segment.name} {number(count.open)}"
        because.setdefault((count.people is None, count.unknown), []).append(words)
    no_fact = [f"{c.segment.name} {number(c.undecided - c.open)}" for c in counts if c.undecided > c.open]
    return [
        *(
            f"{', '.join(names)}: {'unknown' if is_unknown else 'undecided'}, because {cause}"
            for (is_unknown, cause), names in because.items()
        ),
        *(
            f"{count.segment.name}: whom to act on is unknown, because a more urgent segment is unknown"
            for count in known
            if count.to_act_on is None and not classification.segment_set.exclusive
        ),
        *([f"undecided, because a fact that the rule needs is not known: {', '.join(no_fact)}"] if no_fact else []),
        *(["`usertrack segments --undecided` lists who is undecided"] if because else []),
    ]


def undecided_words(classification: Classification, id_: str) -> str:
    """Say how many may be in a segment, why, and who is first; empty where everybody is decided."""
    count = classification.count(id_)
    if not count.doubt:
        return ""
    how_many = f"; {number(count.undecided)} undecided" if count.people is None else ""
    return f"{count.doubt}{how_many}: {', '.join(classification.open(id_)[:_NAMED])}{' …' * (count.open > _NAMED)}"


def undecided_document(classification: Classification, only: Sequence[str], timezone: str) -> Document:
    """The people who may be in a segment, and in which: a fact that decides is not known of them."""
    profiles, table = classification.profiles, classification.undecided(only)
    names = {segment.id: segment.name for segment in classification.segment_set.segments}
    evidence = classification.evidence(only)[:_EVIDENCE]
    rows = [(key, ", ".join(names[id_] for id_ in ids), *facts) for key, ids, *facts in table.rows]
    shown = Table((table.columns[0], Column("undecided"), *table.columns[2:]), rows)
    fields = {name: Field(_title(profiles.facts[name].label), _kind(classification, name)) for name in evidence}
    listing = Listing(
        shown,
        fields={
            profiles.key: Field(subject_words(profiles.key), "person"),
            "undecided": Field("May be in", "text", grows=True),
            **fields,
        },
        columns=(profiles.key, "undecided", *evidence),
        limit=20,
    )
    return Document(
        title=f"{subjects_words(len(rows), profiles.key)} undecided on {moment(profiles.as_of, timezone)}",
        blocks=(listing,),
        notes=(*profiles.notes, *undecided_notes(classification, only)),
        data=lambda: {"as_of": profiles.as_of, "timezone": timezone, "undecided": table.dicts()},
        table=table,
        timezone=timezone,
        as_of=profiles.as_of,
    )


def match_notes(match: Match, key: str = EMAIL) -> list[str]:
    """Say how many people or organizations the sources could not match, by kind."""
    if key == ORGANIZATION:
        return _organization_notes(match)
    name = key_words(key)
    lines = (
        (match.posthog_only, "person has events but no account", "people have events but no account"),
        (match.postgres_only, "account is unknown to PostHog", "accounts are unknown to PostHog"),
        (match.ambiguous, f"{name} is ambiguous", f"{name}s are ambiguous (several accounts or persons)"),
        (match.anonymous, f"visitor without {a_key(key)}", f"visitors without {a_key(key)}"),
        (match.without_email, f"account without {a_key(key)}", f"accounts without {a_key(key)}"),
        (match.internal_excluded, "of your own people left out", "of your own people left out"),
        (match.deleted, "whose account was deleted left out", "whose accounts were deleted left out"),
    )
    parts = [plural(count, noun, plural_noun) for count, noun, plural_noun in lines if count]
    return [f"{'; '.join(parts)} (`usertrack match`)"] if parts else []


def _organization_notes(match: Match) -> list[str]:
    """Which organizations are in one source alone, and who is in none. Both sources count people here."""
    lines = (
        (match.posthog_only, "organization of events has no account", "organizations of events have no account"),
        (match.postgres_only, "organization of accounts has no events", "organizations of accounts have no events"),
        (match.without_email, "person with an account is in none", "people with an account are in none"),
        (match.anonymous, "person has events outside of any", "people have events outside of any"),
    )
    parts = [plural(count, noun, plural_noun) for count, noun, plural_noun in lines if count]
    return ["; ".join(parts)] if parts else []
