"""One person's path through the segments as a document: their segments at each snapshot, and which facts changed."""

from collections.abc import Sequence
from itertools import pairwise

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Document, Field, Paragraph
from usertrack.segments.history.notes import retroactive_notes
from usertrack.segments.history.timeline import Membership
from usertrack.segments.history.transitions import NO_SEGMENT, NOT_THERE
from usertrack.segments.history.view import span
from usertrack.segments.profiles import ProfileFact
from usertrack.segments.wording import value_words


def path_document(key: str, email: str, steps: Sequence[Membership], timezone: str) -> Document:
    """The person's segments at each snapshot, and which facts changed since the one before."""
    names = {segment.id: segment.name for step in steps for segment in step.snapshot.segments}
    changed = [[], *(_changed(before, after, timezone) for before, after in pairwise(steps))]

    def segments(row: tuple[Membership, list[str]]) -> str:
        step = row[0]
        if step.segments is None:
            return NOT_THERE
        undecided = ", ".join(names[id_] for id_ in step.undecided)
        members = ", ".join(names[id_] for id_ in step.segments)
        return "; ".join(filter(None, [members, undecided and f"undecided: {undecided}"])) or NO_SEGMENT

    columns: Columns[tuple[Membership, list[str]]] = Columns(
        Attribute("as_of", "TIMESTAMP", lambda row: row[0].snapshot.as_of, Field("When")),
        Attribute(key, "VARCHAR", lambda _: email),
        Attribute("known", "BOOLEAN", lambda row: row[0].segments is not None),
        Attribute("segments", "VARCHAR[]", lambda row: list(row[0].segments or ()), Field("Segments"), segments),
        Attribute("primary", "VARCHAR", lambda row: row[0].primary),
        Attribute("priority", "DOUBLE", lambda row: row[0].priority, Field("Priority", "number")),
        Attribute(
            "changed", "VARCHAR", lambda row: "; ".join(row[1]) or None, Field("What changed since", "text", grows=True)
        ),
    )
    rows = list(zip(steps, changed, strict=True))
    days = [step.snapshot for step in steps]
    return Document(
        title=f"{email} in the set {days[-1].set_name}",
        subtitle=span(days, timezone),
        blocks=(
            columns.listing(rows, timezone=timezone),
            Paragraph(f"now: {', '.join(_facts(steps[-1], timezone)) or 'nothing is known'}", "dim"),
        ),
        notes=tuple(retroactive_notes([snapshot for snapshot in days if snapshot.retroactive], timezone)),
        table=columns.table(rows, "path", timezone=timezone),
        data=lambda: {
            key: email,
            "set": days[-1].set_name,
            "timezone": timezone,
            "path": [
                {
                    "as_of": step.snapshot.as_of,
                    "segments": None if step.segments is None else list(step.segments),
                    "primary": step.primary,
                    "priority": step.priority,
                    "facts": dict(step.facts),
                    "changed": words,
                }
                for step, words in rows
            ],
        },
        timezone=timezone,
        as_of=days[-1].as_of,
    )


def _changed(before: Membership, after: Membership, timezone: str) -> list[str]:
    """The facts that differ between two snapshots, as ``label old → new``."""
    facts = {fact.name: fact for fact in after.snapshot.facts}

    def words(name: str) -> str:
        was, now = (value_words(facts[name], step.facts[name], timezone) for step in (before, after))
        return f"{facts[name].label} {was} → {now}"

    return [words(name) for name, value in after.facts.items() if before.facts.get(name, value) != value]


def _facts(step: Membership, timezone: str) -> list[str]:
    facts: dict[str, ProfileFact] = {fact.name: fact for fact in step.snapshot.facts}
    return [f"{facts[name].label} {value_words(facts[name], value, timezone)}" for name, value in step.facts.items()]
