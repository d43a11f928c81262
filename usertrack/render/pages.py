"""Documents as pages in Markdown or HTML, with their provenance embedded where they have one."""

from collections.abc import Iterator

from usertrack.core import embed
from usertrack.core.document import Document
from usertrack.render import data, html, markdown


def render(document: Document, fmt: str, limit: int | None = None) -> Iterator[str]:
    """The pieces of the page."""
    pieces = body(document, fmt, limit)
    if document.provenance is None:
        yield from pieces
    else:
        yield embed.embed_provenance("".join(pieces), fmt, document.provenance)


def text(document: Document, fmt: str, limit: int | None = None) -> str:
    """The text of a file in that format without its provenance, also for JSON."""
    return embed.json_body(data.content(document)) if fmt == "json" else "".join(body(document, fmt, limit))


def body(document: Document, fmt: str, limit: int | None = None) -> Iterator[str]:
    """The pieces of the page without its provenance."""
    return html.render(document, limit) if fmt == "html" else markdown.render(document, limit)
