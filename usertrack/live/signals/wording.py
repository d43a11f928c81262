"""The reason of a signal in words: `because` with its facts."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

OWN_FACTS = {
    "page": "the route that the person is on",
    "seconds_on_page": "for how long they have been there, as the pattern counts it",
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


class _Part(NamedTuple):
    """Part of a `because`: its ``pieces`` are, by turns, a text and the name of a fact.

    ``optional`` are its facts where it is left out without one of them.
    """

    optional: tuple[str, ...]
    pieces: tuple[str, ...]


@lru_cache(maxsize=1000)
def _parts(text: str) -> tuple[_Part, ...]:
    parts = []
    for place, part in enumerate(_OPTIONAL.split(text)):
        pieces = enumerate(_PLACE.split(part))
        plain = tuple(piece if number % 2 else piece.replace("{{", "{").replace("}}", "}") for number, piece in pieces)
        parts.append(_Part(plain[1::2] if place % 2 else (), plain))
    return tuple(parts)


def reason(text: str, facts: Mapping[str, object]) -> str:
    """``text`` with its {facts}; without the [parts] whose facts are not known."""
    filled: list[str] = []
    for optional, pieces in _parts(text):
        for name in optional:
            if facts.get(name) in (None, ""):
                break
        else:
            filled.append(pieces[0])
            for number in range(1, len(pieces), 2):
                filled += (words(facts.get(pieces[number])), pieces[number + 1])
    return "".join(filled)


def words(value: object) -> str:
    if value is None or value == "":
        return "?"
    if isinstance(value, float):
        return f"{value:.0f}" if value == int(value) else f"{value:.1f}"
    return str(value)


def moment(at: float) -> datetime:
    """``at`` in seconds since 1970, kept within what a date can be."""
    return datetime.fromtimestamp(min(max(at, -62_135_596_800.0), 253_402_300_799.0), UTC)
