"""Documents as one HTML page: no script, nothing fetched, legible in light, in dark and on paper."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from usertrack.document import Chart, Document, Heatmap, Listing
from usertrack.render import cells, charts, templates
from usertrack.render.cells import Clock
from usertrack.render.safe import visible


def render(document: Document, limit: int | None = None) -> Iterator[str]:
    """The pieces of the page; the template escapes every text, on top of `visible`."""
    clock = Clock(document.timezone, document.as_of)
    template = _template(document.layout, document.templates)
    page: Iterator[str] = templates.filled(
        template,
        document.templates,
        document=document,
        limit=limit,
        kind=lambda block: type(block).__name__.lower(),
        said=lambda value: cells.fact(value, clock),
        lines=lambda text: [visible(line) for line in text.rstrip().expandtabs(4).split("\n")],
        listing=_listing,
        chart=_chart,
        heat=_heat,
        origins=cells.origins,
    )
    return page


def _listing(block: Listing, limit: int | None) -> dict[str, Any]:
    rows, left_out = cells.rows(block, limit)
    return {"views": cells.views(block), "rows": rows, "rest": cells.rest(block, left_out)}


def _chart(block: Chart) -> Any:
    from markupsafe import Markup

    from usertrack.render import svg

    return Markup(svg.draw(block))


def _heat(block: Heatmap) -> list[tuple[str, list[tuple[str, float]]]]:
    """(row, [(words, share of the largest)]), for cells that are shaded by their share."""
    full = max((value for values in block.values for value in values if value is not None), default=0) or 1

    def said(value: float | None) -> tuple[str, float]:
        if value is None:
            return cells.MISSING, 0.0
        return (cells.percent(value, 0) if block.kind == "percent" else cells.fact(value, Clock())), value / full

    return [(visible(row), [said(v) for v in values]) for row, values in zip(block.rows, block.values, strict=True)]


@cache
def _template(layout: str, folder: Path | None) -> Any:
    names = [f"{layout}.html.j2", "page.html.j2"]
    return templates.template(names, folder, autoescape=True, helpers={"visible": visible, "spark": charts.spark})
