"""A scan in a file: the JSON of `usertrack plan scan PATH --format json`."""

import json
from pathlib import Path

from usertrack.core.errors import UsageError
from usertrack.core.json_types import JsonObject
from usertrack.plan.scan.site import CallSite, ProfileSite, Scan, SentProperty, Unresolved

_HINT = "`usertrack plan scan PATH --format json -o scan.json` writes one"


def read_scan(path: Path) -> Scan:
    """The scan in ``path``; raises UsageError where it is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read '{path}': {error.strerror}", _HINT) from error
    except ValueError as error:
        raise UsageError(f"'{path}' is not JSON in UTF-8", _HINT) from error
    try:
        return Scan(
            sites=[_site(item) for item in document["sites"]],
            unresolved=[_unresolved(item) for item in document.get("unresolved", [])],
            files=int(document.get("files", 0)),
            seconds=float(document.get("seconds", 0)),
            profiles=[_profile(item) for item in document.get("profiles", [])],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"'{path}' is JSON, and no scan ({error})", _HINT) from error


def _site(item: JsonObject) -> CallSite:
    event, pattern = item.get("event"), item.get("pattern")
    if (event is None) == (pattern is None):
        raise ValueError("a site has an event or a pattern")
    return CallSite(
        event=None if event is None else _text(event),
        pattern=None if pattern is None else _text(pattern),
        file=_text(item["file"]),
        line=int(item["line"]),
        sink=_text(item.get("sink", "")),
        chain=[_text(name) for name in item.get("chain", [])],
        properties=[SentProperty(_text(sent["name"]), bool(sent["always"])) for sent in item.get("properties", [])],
    )


def _unresolved(item: JsonObject) -> Unresolved:
    texts = (_text(item["sink"]), _text(item["reason"]), _text(item.get("instead") or ""))
    return Unresolved(_text(item["file"]), int(item["line"]), *texts)


def _profile(item: JsonObject) -> ProfileSite:
    group_type = None if item.get("group_type") is None else _text(item["group_type"])
    return ProfileSite(
        of="person" if item["of"] == "person" else "group",
        group_type=group_type,
        file=_text(item["file"]),
        line=int(item["line"]),
        sink=_text(item.get("sink", "")),
        properties=[_text(name) for name in item["properties"]],
        is_complete=bool(item["complete"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text")
    return value
