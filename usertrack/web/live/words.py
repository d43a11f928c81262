"""What people did, and who they are, in words."""

from collections.abc import Mapping
from typing import Any

from usertrack.signals.occurrence import Occurrence

_DEEDS = {
    "$pageview": "looked at",
    "$pageleave": "left",
    "$screen": "looked at",
    "$identify": "was recognized",
    "$autocapture": "used",
    "$rageclick": "clicked again and again on",
    "$dead_click": "clicked in vain on",
    "error_click": "clicked, and met an error, on",
    "page_time": "is reading",
    "form_submit": "sent the form",
    "field_error": "met an error in a field",
}
_LONGEST, _NAME = 160, 80  # characters of a message, and of a name
_TROUBLE = frozenset({"$exception", "$rageclick", "$dead_click", "error_click", "field_error", "error_occurred"})


def deed(occurrence: Occurrence) -> str:
    """``looked at``, or the name of the product's own event."""
    properties = occurrence.properties
    if occurrence.name == "$exception":
        message = str(properties.get("message") or "")
        return f"met an error: {message[:_LONGEST]}" if message else "met an error"
    words = _DEEDS.get(occurrence.name) or occurrence.name.replace("_", " ").strip()
    detail = properties.get("field") or properties.get("form")
    return f"{words} {detail}" if detail and occurrence.name in ("form_submit", "field_error") else words


def how_long(occurrence: Occurrence, times: int, span: str) -> str:
    """How long the same went on; "" for what was done once. A page that is read says so every few seconds."""
    if times == 1:
        return ""
    return f"for {span}" if occurrence.name == "page_time" else f"{times} times in {span}"


def is_trouble(occurrence: Occurrence) -> bool:
    """Whether something went wrong."""
    return occurrence.name in _TROUBLE


def name_of(person: str, facts: Mapping[str, Any]) -> str:
    """The e-mail or the name, else a visitor with the beginning of their id."""
    return shortened(str(facts.get("email") or facts.get("name") or f"visitor {person[:8]}"), _NAME)


def shortened(text: str, most: int) -> str:
    """``text`` of that many characters at the most: a row stays a row, whatever somebody calls themselves."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
