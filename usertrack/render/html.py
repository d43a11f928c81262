"""Documents as one HTML page: no script, nothing fetched, legible in light, in dark and on paper."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from usertrack.document import Chart, Document, Listing
from usertrack.render import cells, charts, figures
from usertrack.render.cells import Clock
from usertrack.render.safe import visible


def render(document: Document, limit: int | None = None) -> Iterator[str]:
    """The pieces of the page; the template escapes every text, on top of `visible`."""
    clock = Clock(document.timezone, document.as_of)
    template = _environment().get_template("page.html.j2")
    page: Iterator[str] = template.generate(
        document=document,
        limit=limit,
        kind=lambda block: type(block).__name__.lower(),
        said=lambda value: cells.fact(value, clock),
        lines=lambda text: [visible(line) for line in text.rstrip().expandtabs(4).split("\n")],
        listing=_listing,
        grid=figures.grid,
    )
    return page


def _listing(block: Listing | Chart, limit: int | None) -> dict[str, Any]:
    if isinstance(block, Chart):
        block = figures.as_listing(block)
    rows, left_out = cells.rows(block, limit)
    return {"views": cells.views(block), "rows": rows, "rest": cells.rest(block, left_out), "heading": block.heading}


@cache
def _environment() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("usertrack.render"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    environment.filters["spark"] = charts.spark
    return environment
