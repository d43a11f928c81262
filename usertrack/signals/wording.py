"""The reason of a signal in words: `because` with its facts."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

OWN_FACTS = {
    "page": "the route that the person is on",
    "seconds_on_page": "for how long they have visibly been there",
    "usual_seconds": "what 95 % of the visits of that route do not exceed",
    "events": "events of the session",
    "errors": "errors of the session",
    "count": "events that counted",
    "share": "the share that was asked for",
    "routes": "the routes of a sequence",
    "begun": "the event that began what is unfinished",
    "message": "the message of the error",
    "fingerprint": "the kind of error",
    "form": "the id of the form",
    "field": "the name of the field",
    "people": "how many people an incident is about",
    "last_active_at": "when the person did something last",
    "quiet_days": "whole days since then",
    "quiet_minutes": "whole minutes since then",
}
"""What an engine can say of any person, beside the facts of profiles."""

_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_PLACE = re.compile(r"(?<!\{)\{(\w+)\}(?!\})")


def reason(text: str, facts: Mapping[str, Any]) -> str:
    """``text`` with its {facts}; without the [parts] whose facts are not known."""

    def part(match: re.Match[str]) -> str:
        places = _PLACE.findall(match[1])
        return match[1] if all(facts.get(name) not in (None, "") for name in places) else ""

    text = _OPTIONAL.sub(part, text)
    filled = _PLACE.sub(lambda place: words(facts.get(place[1])), text)
    return filled.replace("{{", "{").replace("}}", "}")


def words(value: Any) -> str:
    if value is None or value == "":
        return "?"
    if isinstance(value, float):
        return f"{value:.0f}" if value == int(value) else f"{value:.1f}"
    return str(value)


def moment(at: float) -> datetime:
    """``at`` in seconds since 1970, kept within what a date can be."""
    return datetime.fromtimestamp(min(max(at, -62_135_596_800.0), 253_402_300_799.0), UTC)
