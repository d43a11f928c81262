"""Where names in a document lead, on these pages."""

from urllib.parse import quote

from usertrack.render.links import Links


def in_path(text: str) -> str:
    """``text`` as one step of an address."""
    return quote(text, safe="", errors="replace")


class PageLinks(Links):
    def segment(self, id_: str) -> str:
        return f"/segments/{in_path(id_)}"

    def person(self, key: str) -> str:
        return f"/people/{in_path(key)}"
