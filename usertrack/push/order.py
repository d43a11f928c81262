"""The order for a target, and the outcome of it. An outcome holds no secret: its addresses have no path."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from usertrack.core.errors import UsertrackError
from usertrack.core.table import Table
from usertrack.workspace.settings import Settings


@dataclass(frozen=True)
class PushOrder:
    """Options of a push. ``url`` is a secret. ``pause`` and ``patience`` are in seconds.

    ``moment`` is the moment of the segment in words, if it is in the past and --yes does not allow to replace the
    people of now. ``pause`` comes after a first failure; ``patience`` is how long PostHog may take to fill a cohort.
    """

    settings: Settings
    name: str | None = None
    url: str | None = field(default=None, repr=False)
    link: str | None = None
    dry_run: bool = False
    moment: str = ""
    pause: float = 1.0
    patience: float = 60.0


@dataclass(frozen=True)
class Request:
    """One HTTP request to show: ``url`` and ``headers`` without secrets, ``body`` as in JSON."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class PushOutcome:
    """The result of a push, or in a dry run what would be sent.

    ``sent`` counts people, ``unresolved`` names those whom the target does not know. ``requests`` are those that change
    something. ``details`` differ by target. ``table`` is what a file target writes. ``problem`` is the error of the
    check after sending.
    """

    sent: int = 0
    unresolved: tuple[str, ...] = ()
    requests: tuple[Request, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    table: Table | None = None
    problem: UsertrackError | None = None
