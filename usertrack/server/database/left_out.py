"""What a copy of the company's own events must not bring back, since Postgres still has it: people, and old events."""

from usertrack.server.database.literals import literal
from usertrack.server.database.store import Store

STATE = "own_events.json"
"""The file in the data directory that makes its store such a copy."""


def leave_out(store: Store, what: str, *values: str) -> None:
    """Note what is not copied again; nothing where the store is no copy.

    Args:
        what: ``person`` (ids, which are hashes), ``before`` (a moment), or ``pseudonyms`` (since a moment).
    """
    if (store.path / STATE).exists():
        store.insert("left_out", ({"what": what, "value": value} for value in values))


def left_out(store: Store, what: str) -> str:
    """The latest value of what was noted, empty for none."""
    [[value]] = store.rows(f"SELECT max(value) FROM posthog.left_out WHERE what = {literal(what)}")
    return str(value)
