"""Documents as one HTML page: no script, nothing fetched, legible in light, in dark and on paper."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from usertrack.core.document import Chart, Document, Flow, Listing
from usertrack.render import cells, charts, figures, safe, templates
from usertrack.render.cells import Clock
from usertrack.render.safe import visible


def render(document: Document, limit: int | None = None) -> Iterator[str]:
    """The pieces of the page; the template escapes every text, on top of `visible`."""
    clock = Clock(document.timezone, document.as_of)
    template = _template(document.layout, document.templates)
    page: Iterator[str] = templates.render_page(
        template,
        document.templates,
        document=replace(document, templates=None, data=None, table=None),
        limit=limit,
        kind=lambda block: type(block).__name__.lower(),
        said=lambda value: cells.fact(value, clock),
        lines=lambda text: [visible(line) for line in text.rstrip().expandtabs(4).split("\n")],
        listing=_listing,
        chart=_chart,
        flow=_flow,
        origins=cells.origins,
        heatmap=cells.heatmap,
        grid=figures.grid,
    )
    return page


_NARROW = 4  # columns that fit side by side on a phone


def _listing(block: Listing, limit: int | None) -> dict[str, Any]:
    rows, left_out = cells.rows(block, limit)
    views = cells.views(block)
    cards = len(views) > _NARROW or any(view.grows for view in views)
    return {"views": views, "rows": rows, "rest": cells.rest(block, left_out), "cards": cards}


def _prose(text: str) -> Any:
    """A sentence with the parts in backticks as code."""
    from markupsafe import Markup, escape

    parts = (Markup("<code>{}</code>").format(part) if code else escape(part) for part, code in safe.prose(text))
    return Markup("").join(parts)


def _chart(block: Chart) -> Any:
    from markupsafe import Markup

    from usertrack.render import svg

    return Markup(svg.draw(block))


def _flow(block: Flow) -> Any:
    from markupsafe import Markup

    from usertrack.render import sankey

    return Markup(sankey.draw(block))


@cache
def _template(layout: str, folder: Path | None) -> Any:
    names = [f"{layout}.html.j2", "page.html.j2"]
    return templates.template(
        names, folder, autoescape=True, helpers={"visible": visible, "prose": _prose, "spark": charts.spark}
    )
