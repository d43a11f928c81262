"""What the embedded server is told at start: keys and project. Nothing here is read from the environment."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class ServerSettings:
    """``week_start_day`` is PostHog's: 0 Sunday, 1 Monday, None where nobody has said, which queries take for Sunday.
    ``row_cap`` silently clamps an explicit LIMIT.

    ``now`` is the moment (aware) that queries take for the present, None for the machine's clock: a recorded world
    ends when it ends. ``test_account_filters`` are property filters, for queries that leave out test accounts.
    ``scopes`` are those of the personal key, which persons ask for: `*` is all.
    The ``owner_key`` is as good as the personal one; the server makes it for those who may read its data directory.
    ``queries_at_once`` run, others wait for ``query_wait`` seconds at the most; each may hold ``query_memory`` bytes.
    With an ``ip_key`` events keep a keyed hash of the address that they came from as ``$ip``; without one, nothing.
    """

    project_token: str
    personal_api_key: str
    timezone: str = "UTC"
    week_start_day: int | None = None
    row_cap: int = 50_000
    project_id: int = 1
    now: datetime | None = None
    test_account_filters: tuple[dict[str, Any], ...] = ()
    scopes: tuple[str, ...] = ("*",)
    ip_key: bytes = field(default=b"", repr=False)
    owner_key: str = field(default="", repr=False)
    queries_at_once: int = 3
    query_wait: float = 30.0
    query_memory: int = 3 << 30

    def clock(self) -> datetime:
        """The present, UTC."""
        return self.now or datetime.now(UTC)
