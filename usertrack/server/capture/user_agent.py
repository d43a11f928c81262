"""Browser, system and kind of device by the User-Agent of a request: what usertrack.js leaves to the server.

The names are those that posthog-js sends, so that both are counted together. What is rare has none.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from usertrack.server.capture.payload import Event

_BROWSERS = (
    ("Microsoft Edge", r"Edg(e|A|iOS)?/"),
    ("Opera", r"OPR/"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Chrome iOS", r"CriOS/"),
    ("Firefox iOS", r"FxiOS/"),
    ("Firefox", r"Firefox/"),
    ("Chrome", r"Chrom(e|ium)/"),
    ("Mobile Safari", r"Mobile.* Safari/"),
    ("Safari", r"Version/.* Safari/"),
)
_SYSTEMS = (
    ("iOS", r"iPhone|iPad|iPod"),
    ("Android", r"Android"),
    ("Windows", r"Windows"),
    ("Chrome OS", r"CrOS"),
    ("Mac OS X", r"Macintosh"),
    ("Linux", r"Linux"),
)
_DEVICES = (
    ("Tablet", r"iPad|Android(?!.*Mobile)"),
    ("Mobile", r"Mobi|iPhone|iPod"),
    ("Desktop", r"Windows|CrOS|Mac|Linux"),
)


def add_device(event: Event, user_agent: str) -> None:
    """Add what ``user_agent`` tells to the properties of ``event``; what is there stays."""
    for name, value in device_of(user_agent).items():
        event.properties.setdefault(name, value)


@lru_cache(maxsize=1000)  # browsers of one release send the same text
def device_of(user_agent: str) -> Mapping[str, str]:
    """`$browser`, `$os` and `$device_type`, as far as they are known."""
    kinds = {"$browser": _BROWSERS, "$os": _SYSTEMS, "$device_type": _DEVICES}
    named = {kind: _first(known, user_agent[:500]) for kind, known in kinds.items()}
    return MappingProxyType({kind: name for kind, name in named.items() if name})


def _first(known: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((name for name, pattern in known if re.search(pattern, user_agent)), "")
