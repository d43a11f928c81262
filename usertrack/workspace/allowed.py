"""The list of fingerprints that `usertrack allow` has allowed in workspaces, which may come from somebody else."""

import hashlib
import json
from pathlib import Path
from typing import Any

from usertrack.core.errors import UsageError
from usertrack.core.temporary import write_private
from usertrack.workspace.private_files import config_folder

HOW_TO_ALLOW = "`usertrack allow` shows it, and asks; allow it only if you know who wrote it"


def fingerprint_of(folder: Path, *parts: Any) -> str:  # noqa: ANN401
    """Another one for another workspace, or other ``parts``, which JSON can write."""
    return hashlib.sha256(json.dumps([str(folder.resolve()), *parts]).encode()).hexdigest()


def is_allowed(fingerprint: str) -> bool:
    return fingerprint in _fingerprints()


def allow(fingerprint: str) -> None:
    """Allow it from now on. Raises UsageError."""
    try:
        write_private(_list(), "".join(f"{line}\n" for line in dict.fromkeys([*_fingerprints(), fingerprint])))
    except OSError as error:
        raise UsageError(f"cannot write {_list()} ({error.strerror})", "is the folder yours?") from error


def _fingerprints() -> list[str]:
    try:
        return _list().read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return []


def _list() -> Path:
    return config_folder() / "allowed-commands"
