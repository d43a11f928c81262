"""Words for what people did, and for who they are."""

from collections.abc import Mapping

from usertrack.core.words import shortened
from usertrack.live.signals.occurrence import Occurrence

_DEEDS = {
    "$pageview": "looked at",
    "$pageleave": "left",
    "$screen": "looked at",
    "$identify": "was recognized",
    "$autocapture": "clicked",
    "$rageclick": "clicked again and again",
    "$dead_click": "clicked in vain",
    "error_click": "clicked, and met an error,",
    "page_time": "is reading",
    "form_submit": "sent",
    "field_error": "met an error in",
}
_OF_BROWSERS = {"submit": "sent a form", "change": "changed a field"}
_OF_PAGES = frozenset({"$pageview", "$pageleave", "$screen", "page_time"})  # the page is what it is done to
_LONGEST, _NAME = 160, 80  # characters of a message, and of a name
_TROUBLE = frozenset({"$exception", "$rageclick", "$dead_click", "error_click", "field_error", "error_occurred"})


def deed(occurrence: Occurrence) -> str:
    """``looked at``; of the product's own event, ``did`` and its name."""
    properties = occurrence.properties
    if occurrence.name == "$exception":
        message = str(properties.get("message") or "")
        return f"met an error: {message[:_LONGEST]}" if message else "met an error"
    if occurrence.name == "$autocapture" and properties.get("event_type") in _OF_BROWSERS:
        return _OF_BROWSERS[str(properties["event_type"])]
    words = _DEEDS.get(occurrence.name) or f"did “{occurrence.name.replace('_', ' ').strip()}”"
    for name, noun in (("form_submit", "form"), ("field_error", "field")):
        if occurrence.name == name:
            return f"{words} the {noun} {properties[noun]}" if properties.get(noun) else f"{words} a {noun}"
    return words


def deed_on_page(occurrence: Occurrence) -> str:
    """Return the words of `deed`, with ``on`` where the name of the page follows: ``clicked on``."""
    is_followed = occurrence.route and occurrence.name not in _OF_PAGES
    return f"{deed(occurrence)} on" if is_followed else deed(occurrence)


def how_long(occurrence: Occurrence, times: int, span: str) -> str:
    """Return how long the same went on; "" for what was done once. A page that is read says so every few seconds."""
    if times == 1:
        return ""
    return f"for {span}" if occurrence.name == "page_time" else f"{times} times in {span}"


def is_trouble(occurrence: Occurrence) -> bool:
    """Whether something went wrong."""
    return occurrence.name in _TROUBLE


def name_of(person: str, facts: Mapping[str, object]) -> str:
    """The e-mail or the name, else a visitor with the beginning of their id."""
    return shortened(str(facts.get("email") or facts.get("name") or f"visitor {person[:8]}"), _NAME)
