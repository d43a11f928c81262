"""Where names in a document lead, on these pages."""

from urllib.parse import quote

from usertrack.render.links import Links


class PageLinks(Links):
    def segment(self, id_: str) -> str:
        return f"/segments/{quote(id_, safe='')}"

    def person(self, key: str) -> str:
        return f"/people/{quote(key, safe='')}"
