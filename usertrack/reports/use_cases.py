"""Suggests what to write to whom: what similar people who stayed did next, and what these looked at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Field, Section
from usertrack.core.sections import unknown_paragraph
from usertrack.core.spool import identifier
from usertrack.core.sql_file import sql_file
from usertrack.core.words import number
from usertrack.reports.members import segment_origins
from usertrack.reports.weekly import Weekly

INTERESTED, SILENT = "high_intent", "at_risk"
"""The segments whose people get a mail with a use case."""
_SERVERS, _NEXT = 2, 3  # servers, unless --limit says otherwise, and what people did
_PARTS = ("after_connect", "after_silence")


@dataclass(frozen=True)
class UseCase:
    """``stayed`` of ``similar`` people did; ``did_next`` is what how many of these did, the most frequent first."""

    segment: str
    looked_at: str
    whom: str
    similar: int
    stayed: int
    did_next: tuple[tuple[str, int], ...]

    @property
    def words(self) -> str:
        """``ran a workflow 72 (37 %) · ran code 38 (19 %)``."""
        deeds = [
            f"{what} {number(people)} ({100 * people / self.stayed:.0f} %)" for what, people in self.did_next[:_NEXT]
        ]
        return " · ".join(deeds)


def use_cases(weekly: Weekly, limit: int | None) -> Section | None:
    """A row per server that most of the new ones clicked, and one for those who never began; None without rows."""
    most = _SERVERS if limit is None else limit or None
    parts = [part for part in _PARTS if part in weekly.statements]
    missing = [unknown_paragraph(weekly.missing[part]) for part in parts if part in weekly.missing]
    cases = [case for case in (*_interested(weekly, most), *_silent(weekly, most)) if case.did_next]
    looked: Attribute[UseCase] = Attribute(
        "looked_at", "VARCHAR", lambda case: case.looked_at or None, Field("Looked at", "text")
    )
    columns: Columns[UseCase] = Columns(
        Attribute("segment", "VARCHAR", field=Field("To", "tag", tags=weekly.classification.segment_set.tags)),
        *([looked] if any(case.looked_at for case in cases) else []),
        Attribute("similar", "VARCHAR", "whom", Field("Similar people", "text")),
        Attribute("n", "BIGINT", "similar", Field("How many", "number")),
        Attribute("stayed", "BIGINT", field=Field("Stayed on", "number")),
        Attribute("did_next", "VARCHAR", "words", Field("Who stayed on did next", "text", grows=True)),
    )
    blocks: list[Block] = [*([columns.listing(cases)] if cases else []), *missing]
    origins = (*weekly.origins(*parts), *segment_origins(weekly.classification))
    return Section("What to write", tuple(blocks), origins) if blocks else None


def _interested(weekly: Weekly, most: int | None) -> Iterator[UseCase]:
    if "after_connect" not in weekly.parts:
        return
    rows = weekly.parts["after_connect"].dicts()
    servers = looked_at(weekly, INTERESTED)
    for at, (server, people) in enumerate(servers[:most], start=1):
        own = [row for row in rows if row["server"] == server]
        deeds = [
            (weekly.labels.get(row["did"], row["did"]), row["stayed"]) for row in own if row["did"] and row["stayed"]
        ]
        yield UseCase(
            _name(weekly, INTERESTED),
            f"{server} ({number(people)} new){_more(servers, most) if at == most else ''}",
            f"clicked {server}",
            sum(row["clicked"] for row in own),
            sum(row["stayed"] for row in own),
            tuple(deeds),
        )


_DEEDS = {
    "run": "ran {a workflow}",
    "code": "ran {code}",
    "agent": "ran {an agent}",
    "custom_tool": "built {a custom_tool}",
}


def _silent(weekly: Weekly, most: int | None) -> Iterator[UseCase]:
    if "after_silence" not in weekly.parts or not _name(weekly, SILENT):
        return
    rows = weekly.parts["after_silence"].dicts()
    if len([row for row in rows if row["did"]]) < 2:
        return  # they came back by the only thing that there is to do
    deeds = [
        (row["tool"] or weekly.words(_DEEDS.get(row["did"], row["did"])), row["stayed"])
        for row in sorted(rows, key=lambda row: -row["stayed"])
        if row["did"] and row["stayed"]
    ]
    servers = looked_at(weekly, SILENT)
    looked = " · ".join(f"{server} {number(people)}" for server, people in servers[:most]) + _more(servers, most)
    yield UseCase(
        _name(weekly, SILENT),
        looked,
        "did nothing in their first 7 days",
        sum(row["people"] for row in rows),
        sum(row["stayed"] for row in rows),
        tuple(deeds),
    )


def _more(servers: Sequence[object], most: int | None) -> str:
    """Say how many servers there are beyond the first ``most``."""
    more = len(servers[most:]) if most else 0
    return f" · {number(more)} more" if more else ""


def looked_at(weekly: Weekly, segment: str) -> list[tuple[str, int]]:
    """(server, people) of those who are new in ``segment``, the most frequent first; nothing where it is not known."""
    profiles = weekly.classification.profiles
    if "mcp_servers" not in profiles.facts or profiles.facts["mcp_servers"].missing:
        return []
    sql = sql_file(__package__, "looked_at").format(key=identifier(profiles.key))
    rows: list[tuple[str, int]] = profiles.connection.execute(sql, [segment]).fetchall()
    return rows


def _name(weekly: Weekly, segment: str) -> str:
    return next((rule.name for rule in weekly.classification.segment_set.segments if rule.id == segment), "")
