"""The configuration of the library: where events go, and what they are held against."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from usertrack.core.errors import UsageError

if TYPE_CHECKING:
    from usertrack.plan.model import Plan

HOST = "https://us.i.posthog.com"
VARIABLES = (
    *("POSTHOG_API_KEY", "POSTHOG_HOST", "DATABASE_URL"),
    *("USERTRACK_PLAN", "USERTRACK_ENFORCE", "USERTRACK_SPOOL", "USERTRACK_RELAY"),
)
_OFF = {"0", "false", "no", "off"}


@dataclass(frozen=True)
class Configuration:
    """``project_key`` is PostHog's (``phc_…``). ``database_url`` is the product's own Postgres, or None.

    ``plan`` is a tracking plan or the path of one. ``enforce`` raises where an event is not as the plan says; None: as
    the plan says itself. ``spool`` is the folder of events that no database has. ``relay``: whether this process sends.
    """

    project_key: str | None = field(default=None, repr=False)
    host: str = HOST
    database_url: str | None = field(default=None, repr=False)
    plan: "Plan | Path | None" = None
    enforce: bool | None = None
    spool: Path | None = None
    relay: bool = True

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

        import platformdirs

        name = hashlib.sha256((self.project_key or "").encode()).hexdigest()[:12]
        return platformdirs.user_state_path("usertrack") / "spool" / name


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
