"""Reads the figures that the oracle computes from what a command says as JSON."""

from collections.abc import Callable, Mapping
from typing import Any


def _members(document: Any) -> dict[str, Any]:
    """E-mails by segment; None of one that is unknown."""
    found: dict[str, Any] = {segment["id"]: None for segment in document["segments"] if segment["count"] is None}
    for segment in document["segments"]:
        if segment["count"] is not None:
            users = document["users"]
            found[segment["id"]] = sorted(user["email"] for user in users if segment["id"] in user["segments"])
    return found


READ: Mapping[str, Callable[[Any], Mapping[str, Any]]] = {
    "segments": lambda document: {segment["id"]: segment["count"] for segment in document["segments"]},
    "segments --all-members": _members,
    "query run": lambda document: document["rows"][0] if isinstance(document, dict) else document[0],
    "funnel": lambda document: {"steps": [step["people"] for step in document["groups"][0]["steps"]]},
}
"""By call: the figures in its JSON, called as the oracle calls them."""
