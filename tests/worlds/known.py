"""What the walk finds broken today, and which part of the issue repairs it. Who repairs it deletes the row."""

from collections.abc import Mapping

_WORLDS: Mapping[str, Mapping[str, list[str]]] = {
    "ids": {
        "§3: a source that is not configured is said not to be connected, in spite of `tables: none`": ["failures"],
    },
    "strict_queries": {
        "§3: agent runs without `agent_id` are unknown, and with them whatever rests on activity": [
            "segments",
            "segments --set",
            "segments --all-members",
            "query run",
        ],
    },
}

FAILURES: Mapping[tuple[str, str], str] = {
    (world, step): reason for world, reasons in _WORLDS.items() for reason, steps in reasons.items() for step in steps
}
"""By world and step of the walk: the reason, which begins with the part that repairs it."""
