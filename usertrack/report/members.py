"""The people of one segment in a report: whom to act on and why, and who came and went."""

from usertrack.document import Block, Listing, Origin, Paragraph, Shown
from usertrack.expressions import columns, expand
from usertrack.lookback import Moved
from usertrack.measures import number
from usertrack.rules import Segment
from usertrack.segments import Classification, condition
from usertrack.table import Column, Row, Table
from usertrack.workbench import Workbench


def origins_of(bench: Workbench, segment: Segment | None = None) -> tuple[Origin, ...]:
    """The profile queries, or those that the rule of ``segment`` looks at."""
    names = set(bench.queries)
    if segment is not None:
        looked = columns(expand(condition(bench, segment), bench.derived))
        names = {bench.facts[name].origin for name in looked}
    return tuple(
        Origin(
            name,
            dict(bench.rules.queries[name]),
            query.source,
            bench.as_of,
            tuple(fact.label for fact in query.facts.values() if fact.current),
        )
        for name, query in bench.queries.items()
        if name in names
    )


def people(found: Classification, id_: str, limit: int) -> list[Block]:
    """Those for whom this is the segment to act on; who is in a more urgent one too is counted."""
    table = found.people([id_])
    names = table.names
    key, because, priority = (names.index(name) for name in (found.bench.key, "because", "priority"))
    segments, primary = names.index("segments"), names.index("primary")
    rows: list[Row] = [
        (row[key], row[priority], row[because][row[segments].index(id_)]) for row in table.rows if row[primary] == id_
    ]
    shown = {
        "person": Shown("Person"),
        "priority": Shown("Priority", "number"),
        "why": Shown("Why", "text", grows=True),
    }
    listed = Table(tuple(map(Column, shown, ("VARCHAR", "DOUBLE", "VARCHAR"))), rows)
    blocks: list[Block] = [Listing(listed, "Act on these first", shown, limit=limit)] if rows else []
    if others := len(table.rows) - len(rows):
        blocks.append(Paragraph(f"{number(others)} more are in a more urgent segment too, and listed there", "dim"))
    return blocks or [Paragraph("nobody is in it", "dim")]


def moves(moved: Moved, key: str, id_: str, most: int) -> list[Block]:
    """Who came and went, the first ``most`` of each."""
    rows = [(row["change"], row[key], row["why"]) for row in moved.moves.dicts() if row["segment"] == id_]
    shown = {"change": Shown("Change", "tag"), "person": Shown("Person"), "why": Shown("Why", "text", grows=True)}
    by = {change: [row for row in rows if row[0] == change] for change in ("entered", "left")}
    some = [row for listed in by.values() for row in listed[:most]]
    counts = " and ".join(f"{number(len(listed))} {change}" for change, listed in by.items())
    more = "" if len(some) == len(rows) else f"{counts}; all: `usertrack history --segment {id_}`"
    table = Table(tuple(map(Column, shown)), some)
    return [Listing(table, "Who came and went since last week", shown, limit=0, more=more)] if rows else []
