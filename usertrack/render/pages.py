"""Documents as pages, Markdown or HTML: the look is a template, which a workspace may replace."""

from collections.abc import Iterator

from usertrack.document import Document
from usertrack.render import html, markdown, seal


def render(document: Document, fmt: str, limit: int | None = None) -> Iterator[str]:
    """The pieces of the page, with the document's provenance in it where there is one."""
    pieces = (html if fmt == "html" else markdown).render(document, limit)
    if document.provenance is None:
        yield from pieces
    else:
        yield seal.sealed("".join(pieces), fmt, document.provenance)
