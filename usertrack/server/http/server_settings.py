"""The settings of the embedded server: its keys and its project. Nothing here is read from the environment."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from usertrack.core.json_types import JsonObject


@dataclass(frozen=True)
class ServerSettings:
    """What the server of one project is told when it starts.

    ``week_start_day`` is PostHog's: 0 Sunday, 1 Monday, None not set, which queries read as Sunday. ``row_cap``
    silently clamps an explicit LIMIT.

    ``now`` (aware) is the present for queries, such as the end of a recorded world; None: the machine's clock.
    With ``gives_again``, which needs such a ``now``, a result that was asked for before is given again.
    ``test_account_filters`` are property filters, for queries that leave out test accounts.
    ``scopes`` are those of the personal key, `*` for all; endpoints of persons require them.
    The ``owner_key`` opens what the personal key opens; the server makes it for those who may read its data directory.
    ``queries_at_once`` run, others wait for at most ``query_wait`` seconds; each may use ``query_memory`` bytes.
    Events are checked against the tracking ``plan`` in that file; with ``enforce``, others are refused.
    At most ``most_waiting`` bytes of events wait to be stored; then they are refused, to be sent again. A query waits
    for at most ``catch_up`` seconds until events that were acknowledged before it are stored.
    Browsers may send events from ``origins`` (none: from all), so many requests a second per address and per key (0:
    any number), and with ``signed_only`` not in the name of a person whose signature they lack. Routes and words that
    are ``declared`` stay readable in events of usertrack.js.
    With an ``ip_key`` the property ``$ip`` of an event is a keyed hash of the IP address; without one it is removed.
    """

    project_token: str
    personal_api_key: str
    timezone: str = "UTC"
    week_start_day: int | None = None
    row_cap: int = 50_000
    project_id: int = 1
    now: datetime | None = None
    gives_again: bool = False
    test_account_filters: tuple[JsonObject, ...] = ()
    scopes: tuple[str, ...] = ("*",)
    ip_key: bytes = field(default=b"", repr=False)
    owner_key: str = field(default="", repr=False)
    queries_at_once: int = 3
    query_wait: float = 30.0
    query_memory: int = 3 << 30
    plan: Path | None = None
    enforce: bool = False
    most_waiting: int = 256 << 20
    catch_up: float = 5.0
    origins: tuple[str, ...] = ()
    requests_per_address: float = 200.0
    requests_per_key: float = 2000.0
    signed_only: bool = False
    declared: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.gives_again and self.now is None:
            raise ValueError("answers can be given again only where the present stands still: set now")

    def clock(self) -> datetime:
        """The present, UTC."""
        return self.now or datetime.now(UTC)
