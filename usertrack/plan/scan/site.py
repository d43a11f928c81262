"""The result of a scan: the sites that capture an event, and the calls whose event it could not resolve."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

TOO_COMPLEX = "too complex: it was not followed to its end, and may send more than is listed"


@dataclass(frozen=True)
class SentProperty:
    """A property's key at a site. ``always``: whether every event of the site carries it (no condition, no spread)."""

    name: str
    always: bool


@dataclass(frozen=True)
class CallSite:
    """A place in the code where an event's name is written down for a capture.

    One of ``event`` (the name) and ``pattern`` (a name that is partly computed, ``command_*``) is set. ``file`` is
    relative to the scanned folder, with ``/``; ``line`` is that of the name, from 1. ``sink`` is the SDK's call that
    sends it (``posthog.capture``), ``chain`` the wrappers between, from the site to the sink.
    """

    event: str | None
    pattern: str | None
    file: str
    line: int
    sink: str
    chain: Sequence[str] = ()
    properties: Sequence[SentProperty] = ()


@dataclass(frozen=True)
class Unresolved:
    """A call of a sink or wrapper whose event could not be read, or a file or folder that was not, and why.

    ``instead`` is what to write so that it can be, where that is known. ``reason`` is ``TOO_COMPLEX`` where the scan
    gave up: other events than those of its sites may be sent there.
    """

    file: str
    line: int
    sink: str
    reason: str
    instead: str = ""


@dataclass(frozen=True)
class ProfileSite:
    """A place that sets properties of persons, or of groups of one type (None where that could not be read).

    ``is_complete``: it sets no others than ``properties``, as far as the code tells.
    """

    of: Literal["person", "group"]
    group_type: str | None
    file: str
    line: int
    sink: str
    properties: Sequence[str] = ()
    is_complete: bool = True


@dataclass(frozen=True)
class Scan:
    """All sites in the order of file and line, what stayed unresolved, the files read and the seconds it took.

    ``profiles`` are the places that set properties of persons and groups.
    """

    sites: Sequence[CallSite]
    unresolved: Sequence[Unresolved]
    files: int
    seconds: float
    profiles: Sequence[ProfileSite] = ()

    @property
    def is_partial(self) -> bool:
        """Whether a place was too complex to be followed to its end."""
        return any(place.reason == TOO_COMPLEX for place in self.unresolved)
