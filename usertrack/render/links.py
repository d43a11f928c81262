"""Addresses of the names in a document: none, unless the page that shows it has an address for them."""

from usertrack.core.document import Document, Origin
from usertrack.render.outline import sections


class Links:
    """Addresses of what a document names; empty for none. A page that has some overrides these.

    Names come from strangers: an address quotes them. ``takes_options``: a command printed the page, and prints another
    with other options.
    """

    takes_options = True

    def segment(self, id_: str) -> str:
        """Return the address of a segment, by its id."""
        return ""

    def person(self, key: str) -> str:
        """Return the address of a person, by their key, such as an e-mail."""
        return ""

    def query(self, origin: Origin) -> str:
        """Return the address of the query that figures come from, with its parameters."""
        return ""

    def path(self, step: int, source: str, target: str) -> str:
        """Return the address of who went from ``source``, a stop of a `Flow` at ``step`` (from 1), to ``target``."""
        return ""


NOWHERE = Links()


class Within(Links):
    """The addresses within one document: its sections ``segment-ID`` and ``person-KEY``."""

    def __init__(self, document: Document) -> None:
        self._anchors = {section.anchor for section in sections(document.blocks)}

    def segment(self, id_: str) -> str:
        return self._at(f"segment-{id_}")

    def person(self, key: str) -> str:
        return self._at(f"person-{key}")

    def _at(self, anchor: str) -> str:
        return f"#{anchor}" if anchor in self._anchors else ""
