"""The configuration of the library: where events go, and what they are held against."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from usertrack_track.exceptions import UsageError
from usertrack_track.message import Message
from usertrack_track.watch import Plan

if TYPE_CHECKING:
    from posthog import Posthog

HOST = "https://us.i.posthog.com"
VARIABLES = (
    *("POSTHOG_API_KEY", "POSTHOG_HOST", "DATABASE_URL"),
    *("USERTRACK_PLAN", "USERTRACK_ENFORCE", "USERTRACK_SPOOL", "USERTRACK_RELAY"),
)
_OFF = {"0", "false", "no", "off"}


@dataclass(frozen=True)
class Configuration:
    """The settings of one product.

    Attributes:
        project_key: The project's key of PostHog (``phc_…``).
        host: The address of PostHog.
        database_url: The product's own Postgres, or None.
        plan: The path of a tracking plan, or a function that checks an event.
        enforce: Whether to raise where an event is not as the plan says; None: as the plan says itself.
        spool: The folder of events that no database has.
        relay: Whether this process sends.
        target: A client of PostHog, whose key, host and changes of events are used; or a function that takes a message,
            and raises where it does not. None: PostHog, by ``project_key`` and ``host``.
    """

    project_key: str | None = field(default=None, repr=False)
    host: str = HOST
    database_url: str | None = field(default=None, repr=False)
    plan: Plan | None = None
    enforce: bool | None = None
    spool: Path | None = None
    relay: bool = True
    target: Posthog | Callable[[Message], object] | None = None

    def __post_init__(self) -> None:
        if (self.project_key or "").startswith("phx_"):
            raise UsageError(
                "POSTHOG_API_KEY is a personal key, and events need the project's",
                "PostHog shows it under Settings > Project: it begins with phc_",
            )

    def spool_folder(self) -> Path:
        """The folder of waiting events: one for each project, so that none gets to another's."""
        if self.spool:
            return self.spool
        import hashlib

        name = hashlib.sha256((self.project_key or "").encode()).hexdigest()[:12]
        return _state_folder() / "usertrack" / "spool" / name


def _state_folder() -> Path:
    """The folder of the user's state, as the XDG specification and Apple's guidelines have it."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_STATE_HOME", "").strip() or Path.home() / ".local" / "state")


def from_environment() -> Configuration:
    """Return the configuration that ``VARIABLES`` of the environment say."""
    env = os.environ
    enforce, plan, spool = (env.get(f"USERTRACK_{name}") for name in ("ENFORCE", "PLAN", "SPOOL"))
    return Configuration(
        project_key=env.get("POSTHOG_API_KEY") or None,
        host=env.get("POSTHOG_HOST") or HOST,
        database_url=env.get("DATABASE_URL") or None,
        plan=Path(plan) if plan else None,
        enforce=enforce.lower() not in _OFF if enforce else None,
        spool=Path(spool) if spool else None,
        relay=env.get("USERTRACK_RELAY", "").lower() not in _OFF,
    )
