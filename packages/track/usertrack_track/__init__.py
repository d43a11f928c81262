"""The library that products import: events into their own database and to PostHog, each once.

    from usertrack_track import track
    track(user.id, "report_exported", {"format": "csv", "team_slug": team.slug})

track() waits for the product's own database alone. A relay brings events to PostHog, in a thread or in a worker
(`python -m usertrack_track relay`). Every function may be called from any thread, and after a fork; a coroutine calls
those of `usertrack_track.aio`. Settings come from the environment, or from configure().
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict
from uuid import UUID

from usertrack_track.configuration import from_environment
from usertrack_track.declared import DECLARATIONS, Compute
from usertrack_track.errors import EVENT, TokenBuckets, error_properties
from usertrack_track.exceptions import NotAsPlanned, TrackError, UsageError
from usertrack_track.flags import FlagFacts
from usertrack_track.message import Message
from usertrack_track.statements import Connection
from usertrack_track.target import Refused
from usertrack_track.tracker import Tracker
from usertrack_track.watch import Check

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Hashable

    from posthog import Posthog
    from typing_extensions import Unpack

    from usertrack_track.profiles import Staleness

__all__ = [
    "Message",
    "NotAsPlanned",
    "Refused",
    "TrackError",
    "UsageError",
    "alias",
    "configure",
    "flush",
    "group_identify",
    "group_property",
    "identify",
    "is_feature_enabled",
    "migrate",
    "person_property",
    "refresh",
    "shutdown",
    "staleness",
    "track",
    "track_error",
    "violations",
]

_lock = threading.Lock()
_tracker: Tracker | None = None
_parent_trackers: list[Tracker] = []  # they are not ours to close
_errors = TokenBuckets()


class Options(TypedDict, total=False):
    """The options of ``configure``; what is left out comes from the environment variable of that name."""

    project_key: str | None  # POSTHOG_API_KEY
    host: str  # POSTHOG_HOST
    target: Posthog | Callable[[Message], object] | None
    database_url: str | None  # DATABASE_URL; None: without a database
    plan: Check | Path | str | None  # USERTRACK_PLAN
    enforce: bool | None  # USERTRACK_ENFORCE; None: as the plan says
    spool: Path | str | None  # USERTRACK_SPOOL
    relay: bool  # USERTRACK_RELAY; False: a worker sends, not this process


def configure(**options: Unpack[Options]) -> None:
    """Set what the environment does not say, or says differently; once, before the first event.

    Raises UsageError for a key that is a personal one.
    """
    global _tracker
    changes: dict[str, Any] = dict(options)
    target = options.get("target")
    if target is not None and not callable(target):  # the client of PostHog says which project
        changes |= {"project_key": target.api_key, "host": target.host}
    for name in ("plan", "spool"):
        if isinstance(value := changes.get(name), str):
            changes[name] = Path(value)
    fresh = Tracker(replace(from_environment(), **changes))
    with _lock:
        former, _tracker = _tracker, fresh
    if former:
        former.close(0)


def current() -> Tracker:
    """The tracker of this process; made of the environment when ``configure`` was not called."""
    global _tracker
    if _tracker is None:
        with _lock:
            if _tracker is None:
                _tracker = Tracker(from_environment())
    return _tracker


def track(  # noqa: PLR0913
    distinct_id: object,
    event: str,
    properties: Mapping[str, object] | None = None,
    *,
    session_id: str | None = None,
    groups: Mapping[str, object] | None = None,
    timestamp: datetime | None = None,
    uuid: UUID | str | None = None,
    connection: Connection | None = None,
) -> str:
    """Store that somebody did something, and leave it to the relay; returns the event's UUID.

    With ``connection`` the event is part of the caller's transaction: it is there exactly when that is committed.
    It is psycopg's or psycopg2's, Django's, or SQLAlchemy's Session or Connection; `usertrack_track.aio` takes those
    that are awaited. The same ``uuid`` twice is stored once. ``groups`` is of the shape {"team": "acme"}. Without a
    distinct_id the event is nobody's. Raises UsageError without a name or for another ``connection``, NotAsPlanned
    where the plan is enforced, and errors of ``connection``; nothing else.
    """
    return current().track(
        distinct_id,
        event,
        properties,
        session_id=session_id,
        groups=groups,
        timestamp=timestamp,
        uuid=uuid,
        connection=connection,
    )


def identify(
    distinct_id: object,
    properties: Mapping[str, object] | None = None,
    *,
    set_once: Mapping[str, object] | None = None,
    anonymous_id: str | None = None,
    connection: Connection | None = None,
) -> str:
    """Set properties of a person; ``set_once`` those that keep their first value.

    ``anonymous_id`` is the id that the browser used before the person was known: both become one person.
    """
    return current().identify(
        distinct_id, properties, set_once=set_once, anonymous_id=anonymous_id, connection=connection
    )


def group_identify(
    group_type: str,
    group_key: object,
    properties: Mapping[str, object] | None = None,
    *,
    connection: Connection | None = None,
) -> str:
    """Set properties of a group: ``group_identify("team", "acme", {"plan": "pro"})``."""
    return current().group_identify(group_type, group_key, properties, connection=connection)


def alias(distinct_id: object, alias: object, *, connection: Connection | None = None) -> str:
    """Say that ``alias`` is the same person as ``distinct_id``."""
    return current().alias(distinct_id, alias, connection=connection)


def is_feature_enabled(flag: str, distinct_id: object, *, default: bool = False, **facts: Unpack[FlagFacts]) -> bool:
    """Whether the feature flag is on for a person; ``default`` where PostHog does not say, as when it is away.

    It asks PostHog, so it waits for the network. That it was asked is an event of PostHog's own, once for an answer.
    """
    return current().is_feature_enabled(flag, distinct_id, facts, default=default)


def flush(timeout: float = 10.0) -> bool:
    """Send what waits, for at most ``timeout`` seconds; whether nothing waits any more. Tracking goes on after it."""
    return current().flush(timeout)


def shutdown(timeout: float = 10.0) -> bool:
    """Flush, end the thread, close connections and files. An event after it opens them again."""
    return current().close(timeout)


def track_error(
    error: BaseException | type | str | None, *, view: str | None = None, distinct_id: object = None
) -> None:
    """Track `error_occurred` with ``view`` and the type of ``error``; never its message.

    Of one view and type, 5 pass at once and then one a minute; the next one carries how many were ``dropped``.
    """
    first = error_properties(error, view, 0)
    dropped = _errors.take((first["view"], first["error_type"]))
    if dropped is not None:
        track(distinct_id, EVENT, error_properties(error, view, dropped))


def person_property(*, refreshed_by: Iterable[str] | str, name: str = "") -> Callable[[Compute], Compute]:
    """Declare a property of persons: a function of a distinct_id, computed anew after the events ``refreshed_by``."""
    return DECLARATIONS.declare(refreshed_by, name)


def group_property(
    group_type: str, *, refreshed_by: Iterable[str] | str, name: str = "", key: str = ""
) -> Callable[[Compute], Compute]:
    """Declare a property of groups: a function of a group's key, computed anew after the events ``refreshed_by``.

    A group's key is in the event's ``groups``; where it is not, in the property that ``key`` names:
    ``group_property("team", key="team_slug", …)``.
    """
    return DECLARATIONS.declare(refreshed_by, name, group_type, key)


def refresh(*holder_ids: object, group_type: str = "") -> None:
    """Have all declared properties of these persons (or groups) computed anew: for those whom no event reaches."""
    current().refresh(*holder_ids, group_type=group_type)


def staleness() -> list[Staleness]:
    """Return how fresh each declared property is."""
    return current().profiles.staleness()


def violations() -> Counter[Hashable]:
    """Return what events of this process were not as the plan says, and how often."""
    return current().watch.violations.copy()


def migrate() -> None:
    """Make the schema `usertrack` in the product's database; what is there stays.

    Raises UsageError without a database, and DatabaseFailed.
    """
    current().migrate()


def _after_fork() -> None:
    global _tracker, _lock, _errors
    _lock, _errors = threading.Lock(), TokenBuckets()
    if _tracker:
        _parent_trackers.append(_tracker)
        _tracker = Tracker(_tracker.configuration)
        _parent_trackers[-1].spool.leave_to_parent()


def _at_exit() -> None:
    if _tracker:
        _tracker.stop()
        if not _tracker.postgres:  # what no database has, this machine may not have for long
            _tracker.close(2.0)


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
