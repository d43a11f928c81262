"""Documents as HTML: one page that needs nothing else, or a document's body alone for a page that others make."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from usertrack.core.document import Block, Chart, Document, Flow, Heatmap, Listing, Section
from usertrack.render import cells, charts, figures, outline, safe, templates
from usertrack.render.cells import Cell, Clock
from usertrack.render.links import Links
from usertrack.render.outline import Part
from usertrack.render.safe import visible


def render(document: Document, limit: int | None = None) -> Iterator[str]:
    """The pieces of the page; the template escapes every text, on top of `visible`."""
    template = _template((f"{document.layout}.html.j2", "page.html.j2"), document.templates)
    page: Iterator[str] = templates.render_page(template, document.templates, **_variables(document, limit, Links()))
    return page


def body(
    document: Document, limit: int | None = None, links: Links | None = None, *, top: int = 2, prefix: str = ""
) -> Any:
    """The blocks of ``document`` as markup, for `stylesheet`: no title, no notes, no page around them.

    ``links`` are the addresses of the page that it becomes part of. Headings begin at level ``top``, and ids with
    ``prefix``, so that several documents fit into one page.
    """
    from markupsafe import Markup

    template = _template(("document.html.j2",), None)
    return Markup(template.render(**_variables(document, limit, links or Links(), top, prefix)))


def stylesheet() -> str:
    """The style sheet of pages, as a file."""
    return (Path(__file__).parent / "templates" / "page.css").read_text()


@dataclass(frozen=True)
class Reader:
    """What templates ask of a document's blocks: the texts, tables and drawings that its reader sees.

    ``limit`` is the user's, if there is one.
    """

    clock: Clock
    limit: int | None = None
    links: Links = field(default_factory=Links)
    top: int = 2
    prefix: str = ""

    def parts(self, blocks: Sequence[Block]) -> list[Part]:
        return outline.parts(blocks, self.top, self.prefix)

    def fact(self, value: Any) -> str:
        return cells.fact(value, self.clock)

    def lines(self, text: str) -> list[str]:
        return [visible(line) for line in text.rstrip().expandtabs(4).split("\n")]

    def listing(self, block: Listing) -> dict[str, Any]:
        rows, left_out = cells.rows(block, self.limit)
        views = cells.views(block)
        cards = len(views) > _NARROW or any(view.grows for view in views)
        return {"views": views, "rows": rows, "rest": cells.rest(block, left_out), "cards": cards}

    def heatmap(self, block: Heatmap) -> tuple[Heatmap, str]:
        return cells.heatmap(block, self.limit)

    def grid(self, block: Heatmap) -> list[list[Cell]]:
        return figures.grid(block)

    def chart(self, block: Chart) -> Any:
        from markupsafe import Markup

        from usertrack.render import svg

        return Markup(svg.draw(block))

    def flow(self, block: Flow) -> Any:
        from markupsafe import Markup

        from usertrack.render import sankey

        return Markup(sankey.draw(block))

    def origins(self, block: Section) -> str:
        return cells.origins(block)


_NARROW = 4  # columns that fit side by side on a phone


def _variables(document: Document, limit: int | None, links: Links, top: int = 2, prefix: str = "") -> dict[str, Any]:
    return {
        "document": replace(document, templates=None, data=None, table=None),
        "show": Reader(Clock(document.timezone, document.as_of), limit, links, top, prefix),
    }


def _prose(text: str) -> Any:
    """A sentence with the parts in backticks as code."""
    from markupsafe import Markup, escape

    parts = (Markup("<code>{}</code>").format(part) if code else escape(part) for part, code in safe.prose(text))
    return Markup("").join(parts)


@cache
def _template(names: tuple[str, ...], folder: Path | None) -> Any:
    helpers = {"visible": visible, "prose": _prose, "spark": charts.spark}
    return templates.template(list(names), folder, autoescape=True, helpers=helpers)
