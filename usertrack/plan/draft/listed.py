"""A cell that lists properties: ``a`, `b`: number, `c` (`x|y`), feature toggles`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from usertrack.plan.draft.document import Cell
from usertrack.plan.draft.names import is_name
from usertrack.plan.model import TYPES

# a name, and what is said of it behind a colon or in parentheses
_PROPERTY = re.compile(r"`(?P<name>[^`]+)`(?:\s*:\s*(?P<value>`[^`]+`|[^,;`]+)|\s*\((?P<aside>[^)]*)\))?")
_JOINING = ("and", "or", "+", "&")


@dataclass(frozen=True)
class ListedProperties:
    """By name what is said of each, and why that is a guess; ``rest`` is what else the cell says."""

    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    guesses: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    rest: Sequence[str] = ()


def listed_properties(cell: Cell | None) -> ListedProperties:
    if cell is None:
        return ListedProperties()
    if not cell.codes:
        texts = [text.strip() for text in re.split(r"[,;]", cell.text) if text.strip(" -–—")]
        return ListedProperties(
            {text: {} for text in texts if is_name(text)}, {}, [text for text in texts if not is_name(text)]
        )
    values: dict[str, Mapping[str, Any]] = {}
    guesses: dict[str, Mapping[str, str]] = {}
    between = (text.strip() for text in re.split(r"[,;/]", _PROPERTY.sub("", cell.marked)))
    rest = [text for text in between if text and text not in _JOINING]
    for match in _PROPERTY.finditer(cell.marked):
        name, about = match["name"], (match["value"] or match["aside"] or "").replace("`", "").strip()
        if is_name(name):
            values[name], guesses[name] = values_of(about)
        if about and not values.get(name):
            rest.append(f"{name}: {about}")
    return ListedProperties(values, guesses, rest)


def values_of(text: str) -> tuple[dict[str, Any], dict[str, str]]:
    """What a text such as `"admin" / "member"`, `True/False`, `count` or `percentage` says of a type."""
    plain = text.strip("`").casefold()
    quoted = re.findall(r"[\"'“]([^\"'”]+)[\"'”]", text)
    if quoted:
        return {"type": "string", "values": list(dict.fromkeys(quoted))}, {}
    if plain in TYPES:
        return {"type": plain}, {}
    guess = {"type": f"from {text!r}"}
    if re.fullmatch(r"true\s*[/|,]\s*false|bool(ean)?|yes\s*[/|,]\s*no", plain):
        return {"type": "boolean"}, {}
    if re.search(r"percent|rate", plain):
        return {"type": "number", "unit": "percent"}, guess
    if re.search(r"\bcount\b|\bint\b|number of", plain):
        return {"type": "integer"}, guess
    if re.search(r"\b(date|time|timestamp)", plain):
        return {"type": "datetime"}, guess
    alternatives = [part.strip(" `") for part in re.split(r"[/|]", text)]
    if len(alternatives) > 1 and all(map(is_name, alternatives)):
        return {"type": "string", "values": list(dict.fromkeys(alternatives))}, guess
    return {}, {}
