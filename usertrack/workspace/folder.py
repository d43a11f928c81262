"""Finds the folder of the workspace, and says what lies where a file or folder belongs."""

import os
from collections.abc import Mapping
from pathlib import Path

from usertrack.core.errors import UsageError

FILE_NAME = "usertrack.yaml"
"""The file that makes a folder a workspace."""


def find_workspace(path: Path | None, env: Mapping[str, str]) -> Path | None:
    named = path or (Path(env["USERTRACK_WORKSPACE"]) if env.get("USERTRACK_WORKSPACE") else None)
    if named:
        if not named.is_dir():
            raise UsageError(f"there is no workspace '{named}'", f"`usertrack init {named}` makes one")
        return named
    current = Path.cwd()
    return next((folder for folder in (current, *current.parents) if exists(folder / FILE_NAME)), None)


def exists(path: Path, *, folder: bool = False) -> bool:
    """Whether the file, or ``folder``, exists; raises UsageError where ``path`` is something else."""
    if path.is_dir() if folder else path.is_file():
        return True
    if not os.path.lexists(path):
        return False
    actual = "a folder" if path.is_dir() else "a link that leads nowhere" if path.is_symlink() else "something else"
    actual = "a file" if path.is_file() else actual
    raise UsageError(f"{path}: {actual}, where a {'folder' if folder else 'file'} belongs", "mend it, or take it away")
