"""Sections as JSON: what people see in them, as values."""

from typing import Any

from usertrack.document import Block, Chart, Code, Facts, Flow, Heatmap, Listing, Paragraph, Section, Spark
from usertrack.provenance import seen


def section_json(section: Section, limit: int | None = None) -> dict[str, Any]:
    """Shape: {"heading", "queries": [name], "blocks": [{"rows" or "facts" or "text" or …}], "sections": […]}."""
    inner = [block for block in section.blocks if isinstance(block, Section)]
    return {
        "heading": section.heading,
        "queries": [origin.query for origin in section.origins],
        "blocks": [_block(block, limit) for block in section.blocks if not isinstance(block, Section)],
        **({"sections": [section_json(one, limit) for one in inner]} if inner else {}),
    }


def _block(block: Block, limit: int | None) -> dict[str, Any]:
    match block:
        case Listing():
            names, rows = seen(block, limit)
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
