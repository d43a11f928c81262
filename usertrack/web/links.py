"""Addresses of the names in a document, on these pages."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote, urlencode

from starlette.convertors import StringConvertor, register_url_convertor

from usertrack.core.document import Origin
from usertrack.render.links import Links


class KeyConvertor(StringConvertor):
    """The rest of an address, `{name:key}`: any text that is not empty, also with slashes and line ends."""

    regex = "(?s:.+)"

    def to_string(self, value: str) -> str:
        return in_path(value)


register_url_convertor("key", KeyConvertor())


def in_path(text: str) -> str:
    """``text`` as one step of an address."""
    return quote(text, safe="", errors="replace")


def query_string(pairs: Sequence[tuple[str, str]]) -> str:
    """The question mark and what follows it, without what is empty; the value of a fact may be."""
    return "?" + urlencode([(name, value) for name, value in pairs if value or name == "value"], errors="replace")


class PageLinks(Links):
    takes_options = False

    def segment(self, id_: str) -> str:
        return f"/segments/{in_path(id_)}"

    def person(self, key: str) -> str:
        return f"/people/{in_path(key)}"

    def query(self, origin: Origin) -> str:
        values = {name: text for name, value in origin.params.items() if (text := _typed(value))}
        return f"/queries/{quote(origin.query)}?{urlencode(values)}"


def _typed(value: object) -> str:
    """A parameter as somebody would type it; lists with an empty text are those without any."""
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return value.isoformat() if isinstance(value, datetime) else str(value)
