"""Sections of reports: as JSON, and with warnings when a source did not answer."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from usertrack.core.document import (
    Block,
    Chart,
    Code,
    Document,
    Facts,
    Flow,
    Heatmap,
    Listing,
    Paragraph,
    Section,
    Spark,
)
from usertrack.core.errors import UsertrackError
from usertrack.core.provenance import visible_cells, with_missing


def section_json(section: Section, limit: int | None = None) -> dict[str, Any]:
    """Shape: {"heading", "queries": [name], "blocks": [{"rows" or "facts" or "text" or …}], "sections": […]}."""
    inner = [block for block in section.blocks if isinstance(block, Section)]
    return {
        "heading": section.heading,
        "queries": [origin.query for origin in section.origins],
        "blocks": [_block(block, limit) for block in section.blocks if not isinstance(block, Section)],
        **({"sections": [section_json(section, limit) for section in inner]} if inner else {}),
    }


def _block(block: Block, limit: int | None) -> dict[str, Any]:
    match block:
        case Listing():
            names, cells = visible_cells(block, limit)
            rows = block.values()[: len(cells)] if block.values else cells
            heading = {"heading": block.heading} if block.heading else {}
            return {**heading, "rows": [{name: row[name] for name in names} for row in rows]}
        case Facts():
            return {"facts": dict(block.pairs)}
        case Chart():
            return {"chart": block.label, "x": list(block.x), "series": {k: list(v) for k, v in block.series.items()}}
        case Heatmap():
            cells = [dict(zip(block.columns, values, strict=True)) for values in block.values]
            return {"heatmap": block.heading, "rows": dict(zip(block.rows, cells, strict=True))}
        case Spark():
            return {"spark": block.label, "values": list(block.values), "says": block.caption}
        case Flow():
            columns = [{stop.name: stop.value for stop in column} for column in block.columns]
            return {"flow": block.label, "columns": columns, "links": [list(link) for link in block.links]}
        case Paragraph() | Code():
            return {"text": block.text}
        case Section():
            return section_json(block, limit)


def unknown_paragraph(*reasons: str) -> Paragraph:
    """A paragraph in place of figures that are unknown."""
    return Paragraph(f"unknown: {'; '.join(dict.fromkeys(reasons))}", "warning")


_NAMED = 3  # queries that are named, of those that failed for the same reason


def _grouped(reasons: Mapping[str, str]) -> list[str]:
    """Each reason once, with the queries that failed for it, where it names them."""
    queries: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        message = re.sub(rf"^\S*{re.escape(name)}(\.sql)?(:\d+)*: ", "", reason)
        queries.setdefault(message, []).extend([name] * (message != reason))
    return [f"{message} ({_few(names)})" if names else message for message, names in queries.items()]


def _few(names: Sequence[str]) -> str:
    more = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return ", ".join([*sorted(names)[:_NAMED], *more])


def with_unanswered(document: Document, unanswered: Mapping[str, UsertrackError]) -> tuple[Document, str]:
    """The report with a warning at its top and in its provenance, and that warning; unchanged without unanswered ones.

    ``unanswered`` are the errors by query.
    """
    if not unanswered:
        return document, ""
    reasons = {name: error.message for name, error in unanswered.items()}
    warning = f"This report is incomplete: {'; '.join(_grouped(reasons))}. What rests on it is unknown"
    hints = {error.hint for error in unanswered.values()}
    warning += f"; {hints.pop()}" if len(hints) == 1 and "" not in hints else ""  # one remedy for all of it
    provenance = with_missing(document.provenance, reasons) if document.provenance else None
    report = replace(document, blocks=(Paragraph(warning, "warning"), *document.blocks), provenance=provenance)
    if data := document.data:
        report = replace(report, data=lambda: {**data(), "incomplete": warning})
    return report, warning
