"""Temporary folders that go with their process, and files that are written whole or not at all.

A process holds a lock on each of its folders. Those of a killed one are not locked: the next start removes them.
"""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "usertrack-run-"


@contextmanager
def temporary_folder(parent: Path | None = None) -> Iterator[Path]:
    """A folder for the owner alone, hidden in ``parent`` or with the system's other temporary files.

    Raises OSError where none can be made.
    """
    if parent:  # the system's are looked through once, when a command starts
        remove_left_overs(parent)
    folder, lock = _locked(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked(parent: Path | None) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}" if parent else _PREFIX, dir=parent))
        with suppress(FileNotFoundError):  # another process has started before the lock was held
            lock = os.open(folder, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


def write_whole(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace the file by one with ``text``, which is on the disk then. Raises OSError; the old one then stays.

    ``mode`` is less the process's umask.
    """
    with temporary_folder(path.parent) as folder:
        fresh = folder / "fresh"
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT, mode), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)


def sync_folder(folder: Path) -> None:
    """Wait until the names in ``folder`` are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_private(path: Path, text: str) -> None:
    """Write a whole file that only its owner reads (0600), in a folder that is made (0700)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    write_whole(path, text)


def remove_left_overs(*parents: Path) -> None:
    """Remove what killed processes have left in these folders."""
    own = re.compile(rf"\.?{_PREFIX}[a-z0-9_]{{8}}")  # as mkdtemp names them: a folder of the user's is none
    for parent in parents:
        for folder in [path for path in parent.glob(f"*{_PREFIX}*") if own.fullmatch(path.name)]:
            with suppress(OSError):  # of a process that runs, or of another user
                lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
                finally:
                    os.close(lock)
