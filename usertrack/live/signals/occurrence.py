"""An event as patterns see it: who, when, in which session and tab, on which route, and a few properties."""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

NOTHING: Mapping[str, object] = MappingProxyType({})


class Occurrence(NamedTuple):
    """``at`` is in seconds since 1970, UTC; never later than the moment at which the source took the event in.

    ``person`` is PostHog's id of the person, "" where there is none. ``route`` is the path with ids as ``:id``, "" for
    an event without a page. ``properties`` are `PROPERTIES`, where the event has them.
    """

    at: float
    uuid: str
    name: str
    person: str
    distinct_id: str
    session: str = ""
    tab: str = ""
    route: str = ""
    properties: Mapping[str, object] = NOTHING


PROPERTIES = ("fingerprint", "message", "form", "field", "event_type", "seconds")
"""What a pattern may look at beside the name of an event: no value of a form, and no address."""

TRACKER_EVENTS = frozenset({"form_submit", "field_error", "page_time", "error_click"})
"""Events of our tracker without an equal in PostHog: like those with a ``$``, none of them is a product's own."""


@lru_cache(maxsize=10_000)  # texts that come again with most events
def kind_of_error(message: str) -> str:
    """``message`` without what differs from one person to the next: numbers, ids, addresses and quoted texts.

    It is the same for a message as it was, as posthog-js sends it, and for one that our tracker has masked with ``*``;
    and whether or not the type of the error comes first.
    """
    return _VARIABLE.sub("…", _TYPE.sub("", message[:_LONGEST], count=1))[:200]


_LONGEST = 1000  # characters of a message that are read
_TYPE = re.compile(r"^(?:Uncaught )?(?:\(in promise\) )?(?:\w*(?:Error|Exception): )?")
_VARIABLE = re.compile(
    r"\"[^\"]*\"|'[^']*'|[^\s@]+@[^\s@]+"
    r"|(?<![\w*])[a-fA-F-]*(?:\d+|\*)[a-fA-F-]+(?:\d+|\*)[0-9a-fA-F*-]*(?![\w*])"  # such as a uuid
    r"|\d+|\*"
)


def known_properties(values: Mapping[str, object]) -> dict[str, object]:
    """Return the ``values`` that patterns know, and a kind for an error without one."""
    known = {name: value for name, value in values.items() if value is not None}
    if "message" in known and "fingerprint" not in known:
        known["fingerprint"] = kind_of_error(str(known["message"]))
    return known
