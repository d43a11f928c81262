"""Reads the figures that the oracle computes from what a command says as JSON."""

from collections.abc import Callable, Mapping
from typing import Any


def _members(document: Any) -> dict[str, Any]:
    """E-mails by segment; None of one that is unknown."""
    found: dict[str, Any] = {segment["id"]: None for segment in document["segments"] if segment["count"] is None}
    for segment in document["segments"]:
        if segment["count"] is not None:
            users = document["users"]
            found[segment["id"]] = sorted(
                next(iter(user.values())) for user in users if segment["id"] in user["segments"]
            )
    return found


def _counts(document: Any) -> dict[str, Any]:
    return {segment["id"]: segment["count"] for segment in document["segments"]}


def _retention(document: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for cell in document["cells"]:
        found.setdefault(cell["cohort"], []).append(cell["people"])
    return found


READ: Mapping[str, Callable[[Any], Mapping[str, Any]]] = {
    "segments": _counts,
    "segments --all-members": _members,
    "segments --set": _counts,
    "query run": lambda document: document["rows"][0],
    "funnel": lambda document: {"steps": [step["people"] for step in document["groups"][0]["steps"]]},
    "activity": lambda document: document["now"],
    "stickiness": lambda document: {"people": [row["people"] for row in document["rows"]]},
    "lifecycle": lambda document: {row["start"]: row["active"] for row in document["rows"]},
    "retention": _retention,
    "failures": lambda document: document["levels"]["workflow"] or {},
}
"""By call: the figures in its JSON, called as the oracle calls them."""
