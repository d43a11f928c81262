"""Names from earlier answers (events, properties, insights, tools), stored for completion, which asks no source."""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from usertrack.workspace.settings import Settings

_MOST = 1000  # of a kind: the file is read whenever somebody presses Tab


def keep(settings: "Settings", kind: str, names: Iterable[str]) -> None:
    """Replace the stored names of a ``kind``; names that may be e-mails are left out."""
    if settings["cache"] == "off":
        return
    path = _path(settings)
    held = _read(path) | {kind: [name for name in dict.fromkeys(names) if name and "@" not in name][:_MOST]}
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(held))


def known_names(settings: "Settings", kind: str) -> list[str]:
    return _read(_path(settings)).get(kind, [])


def _read(path: Path) -> dict[str, list[str]]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}


def _path(settings: "Settings") -> Path:
    import hashlib

    import platformdirs

    from usertrack.sources.identity import identities

    of = "demo" if settings.uses_demo else json.dumps(identities(settings), sort_keys=True)
    return Path(platformdirs.user_cache_dir("usertrack")) / f"names-{hashlib.sha256(of.encode()).hexdigest()[:16]}.json"
