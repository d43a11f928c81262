"""Provenance of a report: each figure with the query that it comes from, and how to make the report again.

A figure is every number that is shown in a section with an origin; the words of the section are figures by their
digest.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, count
from typing import Any

from usertrack.core.document import Block, Chart, Facts, Heatmap, Listing, Origin, Paragraph, Section, Spark

VERSION = 1
WORDS = "words"  # the end of the name of a figure that is a digest of words


@dataclass(frozen=True)
class Figure:
    """A number in a report: its section, its name ``row › column`` there, and the positions of its origins."""

    section: str
    name: str
    value: Any
    origins: tuple[int, ...]


def provenance(blocks: Sequence[Block], recipe: Mapping[str, Any], limit: int | None = None) -> dict[str, Any]:
    """The provenance of a report that ``recipe`` makes. Shape: {"usertrack", "report", "queries", "figures"}.

    A query is {"query", "params", "source", "as_of", "current"}; figures are by section, {"section", "query",
    "values"}, where ``query`` lists positions in ``queries`` and ``values`` are by name.
    """
    origins: list[Origin] = []
    figures: dict[tuple[str, tuple[int, ...]], dict[str, Any]] = {}
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


def with_missing(provenance: Mapping[str, Any], unanswered: Mapping[str, str]) -> dict[str, Any]:
    """The provenance with the queries that were ``unanswered``, by their reason: their figures are unknown."""
    queries = [
        {**query, "missing": plain(unanswered[query["query"]])} if query["query"] in unanswered else query
        for query in provenance["queries"]
    ]
    return {**provenance, "queries": queries}


def _unique(name: str, existing: Mapping[str, Any]) -> str:
    numbered = (f"{name} ({number})" for number in count(2))
    return next(candidate for candidate in chain([name], numbered) if candidate not in existing)


def plain(value: Any) -> Any:
    """``value`` as JSON types that survive a round trip; times are ISO 8601 in UTC."""
    if isinstance(value, Mapping):
        return {_text(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return float(f"{value:.9g}")  # sums in another order differ beyond that
    return value if value is None or isinstance(value, bool | int) else _text(value)


def _text(value: Any) -> str:
    """Text without lone surrogates, which no file can hold."""
    return str(value).encode(errors="replace").decode()


def _of(block: Block, path: str, at: tuple[int, ...], origins: list[Origin], limit: int | None) -> Iterator[Figure]:
    if isinstance(block, Section):
        own = tuple(_position(origin, origins) for origin in block.origins) or at
        inner = _joined(path, block.heading)
        for part in block.blocks:
            yield from _of(part, inner, own, origins, limit)
    elif at:
        words: list[str] = []
        for name, value in _cells(block, limit):
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield Figure(path, name, value, at)
            else:
                words.append(f"{name}={plain(value)}")
        if words:
            yield Figure(path, f"{_block_name(block)} {WORDS}".strip(), _digest("\n".join(words)), at)


def _position(origin: Origin, origins: list[Origin]) -> int:
    if origin not in origins:
        origins.append(origin)
    return origins.index(origin)


def _joined(*parts: str) -> str:
    return " › ".join(part for part in parts if part)


def _block_name(block: Block) -> str:
    named = {Listing: "heading", Chart: "label", Spark: "label", Heatmap: "heading"}.get(type(block))
    return str(getattr(block, named)) if named else ""


def _cells(block: Block, limit: int | None) -> Iterator[tuple[str, Any]]:
    match block:
        case Listing():
            yield from _listing(block, limit)
        case Facts():
            yield from block.pairs
        case Chart():
            for name, values in block.series.items():
                for x, value in zip(block.x, values, strict=True):
                    yield _joined(block.label, name, str(x)), value
        case Heatmap():
            for row, values in zip(block.rows, block.values, strict=True):
                for column, value in zip(block.columns, values, strict=True):
                    yield _joined(block.heading, row, column), value
        case Spark():
            for number, value in enumerate(block.values):
                yield _joined(block.label, str(number + 1)), value
            yield f"{block.label} says", block.caption
        case Paragraph():
            yield "text", block.text


def _listing(block: Listing, limit: int | None) -> Iterator[tuple[str, Any]]:
    """Every visible cell, named by its row's first cell and its column."""
    names, rows = visible_cells(block, limit)
    yield _joined(block.heading, "rows"), len(block.table.rows)
    for row in rows:
        for name in names:
            label = (block.fields[name].label if name in block.fields else "") or name
            yield _joined(block.heading, str(plain(row[names[0]])), label), row[name]


def visible_cells(block: Listing, limit: int | None) -> tuple[list[str], list[dict[str, Any]]]:
    """The visible columns of a listing, and its visible rows by column."""
    names = block.table.names
    hidden = {name for name, field in block.fields.items() if field.hidden}
    columns = list(block.columns) or [name for name in names if name not in hidden]
    at_most = 0 if block.limit is None else block.limit if limit is None else limit
    rows = block.table.rows[:at_most] if at_most else block.table.rows
    return columns, [dict(zip(names, row, strict=True)) for row in rows]


def _digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:16]
