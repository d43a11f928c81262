"""Documents as pages, Markdown or HTML, with their provenance in them where they have one."""

from collections.abc import Iterator

from usertrack.document import Document
from usertrack.render import html, markdown, seal


def render(document: Document, fmt: str, limit: int | None = None) -> Iterator[str]:
    """The pieces of the page."""
    pieces = body(document, fmt, limit)
    if document.provenance is None:
        yield from pieces
    else:
        yield seal.sealed("".join(pieces), fmt, document.provenance)


def body(document: Document, fmt: str, limit: int | None = None) -> Iterator[str]:
    """The pieces of the page as it is before anything is sealed in it."""
    return html.render(document, limit) if fmt == "html" else markdown.render(document, limit)
