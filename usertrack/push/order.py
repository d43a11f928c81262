"""What is to be done, and what came of it. Nothing in here holds a secret: addresses are shown without their path."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from usertrack.core.errors import UsertrackError
from usertrack.core.table import Table
from usertrack.workspace.settings import Settings


@dataclass(frozen=True)
class PushOrder:
    """How a segment is to be pushed. ``url`` is a secret. ``pause`` and ``patience`` are in seconds.

    ``moment`` is that of the people, in words, where it is not now, and nobody said that it is to replace those of now.

    ``pause`` comes after a first failure, ``patience`` is how long PostHog may take to fill a cohort.
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
    """One HTTP request as it may be shown: ``url`` and ``headers`` without secrets, ``body`` as JSON has it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Outcome:
    """What was sent, or with a dry run what would be.

    ``sent`` counts people, ``unresolved`` names those whom the target does not know. ``requests`` are those that change
    something. ``details`` are the target's own. ``table`` is what a file target writes. ``problem`` is what a check
    afterwards found.
    """

    sent: int = 0
    unresolved: tuple[str, ...] = ()
    requests: tuple[Request, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    table: Table | None = None
    problem: UsertrackError | None = None
