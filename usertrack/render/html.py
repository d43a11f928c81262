"""Documents as HTML: one page that needs nothing else, or a document's body alone for a page that others make."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from usertrack.core.document import Document
from usertrack.render import reader, safe, templates
from usertrack.render.cells import Clock
from usertrack.render.links import NOWHERE, Links, Within
from usertrack.render.reader import Reader
from usertrack.render.safe import visible


def render(document: Document, limit: int | None = None) -> Iterator[str]:
    """The pieces of the page; the template escapes every text, on top of `visible`."""
    template = _template((f"{document.layout}.html.j2", "page.html.j2"), document.templates)
    variables = _variables(document, limit, Within(document))
    page: Iterator[str] = templates.render_page(template, document.templates, **variables)
    return page


def body(
    document: Document, limit: int | None = None, links: Links = NOWHERE, *, top: int = 2, prefix: str = ""
) -> Any:
    """The blocks of ``document`` as markup, for `stylesheet`: no title, no notes, no page around them.

    ``links`` are the addresses of the page that it becomes part of. Headings begin at level ``top``, and ids with
    ``prefix``, so that several documents fit into one page.
    """
    from markupsafe import Markup

    template = _template(("document.html.j2",), None)
    return Markup(template.render(**_variables(document, limit, links, top, prefix)))


def stylesheet() -> str:
    """The style sheet of pages, as a file."""
    return reader.asset("page.css")


def script() -> str:
    """The script of pages, as a file: it sorts tables."""
    return reader.asset("page.js")


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
    helpers = {"visible": visible, "prose": _prose, **reader.FILTERS}
    return templates.template(list(names), folder, autoescape=True, helpers=helpers)
