"""Provenance of a report: each figure with the query that it comes from, and how to make the report again.

A figure is every number that is shown in a section with an origin; the words of the section are figures by their
digest.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

from usertrack.core.document import Block, Origin, Section, joined_names
from usertrack.core.json_types import JsonObject, plain

VERSION = 1
WORDS = "words"  # the end of the name of a figure that is a digest of words


@dataclass(frozen=True)
class Figure:
    """A number in a report: its section, its name ``row › column`` there, and the positions of its origins."""

    section: str
    name: str
    value: Any
    origins: tuple[int, ...]


def provenance(blocks: Sequence[Block], recipe: Mapping[str, object], limit: int | None = None) -> JsonObject:
    """The provenance of a report that ``recipe`` makes. Shape: {"usertrack", "report", "queries", "figures"}.

    A query is {"query", "params", "source", "as_of", "current"}; figures are by section, {"section", "query",
    "values"}, where ``query`` lists positions in ``queries`` and ``values`` are by name.
    """
    origins: list[Origin] = []
    figures: dict[tuple[str, tuple[int, ...]], dict[str, object]] = {}
    for figure in (figure for block in blocks for figure in _of(block, "", (), origins, limit)):
        values = figures.setdefault((figure.section, figure.origins), {})
        values[_unique(figure.name, values)] = plain(figure.value)
    return {
        "usertrack": VERSION,
        "report": plain(recipe),
        "queries": [
            {
                "query": origin.query,
                "params": plain(origin.params),
                "source": origin.source,
                "as_of": plain(origin.as_of),
                "current": list(origin.current),
            }
            for origin in origins
        ],
        "figures": [
            {"section": section, "query": list(positions), "values": values}
            for (section, positions), values in figures.items()
        ],
    }


def with_missing(provenance: JsonObject, unanswered: Mapping[str, str]) -> JsonObject:
    """The provenance with the queries that were ``unanswered``, by their reason: their figures are unknown."""
    queries = [
        {**query, "missing": plain(unanswered[query["query"]])} if query["query"] in unanswered else query
        for query in provenance["queries"]
    ]
    return {**provenance, "queries": queries}


def _unique(name: str, existing: Mapping[str, object]) -> str:
    numbered = (f"{name} ({number})" for number in count(2))
    return next(candidate for candidate in chain([name], numbered) if candidate not in existing)


def _of(block: Block, path: str, at: tuple[int, ...], origins: list[Origin], limit: int | None) -> Iterator[Figure]:
    if isinstance(block, Section):
        own = tuple(_position(origin, origins) for origin in block.origins) or at
        inner = joined_names(path, block.heading)
        for part in block.blocks:
            yield from _of(part, inner, own, origins, limit)
    elif at:
        words: list[str] = []
        for name, value in block.cells(limit):
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield Figure(path, name, value, at)
            else:
                words.append(f"{name}={plain(value)}")
        if words:
            name = getattr(block, "heading", getattr(block, "label", ""))
            yield Figure(path, f"{name} {WORDS}".strip(), _digest("\n".join(words)), at)


def _position(origin: Origin, origins: list[Origin]) -> int:
    if origin not in origins:
        origins.append(origin)
    return origins.index(origin)


def _digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:16]
