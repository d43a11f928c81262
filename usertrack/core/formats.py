"""Format numbers: an older usertrack refuses what a newer one wrote, and a newer one copies a file and migrates it.

The copy is called ``NAME.format-N``. It is for going back to the older usertrack, and goes with the first erasure.
"""

import sqlite3
from pathlib import Path

from usertrack.core.errors import UsageError
from usertrack.core.temporary import write_whole


def require_known(path: Path, number: int, known: int) -> None:
    """Raise UsageError if ``path`` has a format that only a newer usertrack knows."""
    if number > known:
        raise UsageError(
            f"{path} was written by a newer usertrack (its format is {number}, this one knows {known})",
            "it was not changed; install a newer usertrack: README, Install",
        )


def prepare_sqlite(connection: sqlite3.Connection, path: Path, schema: str, known: int) -> None:
    """Bring the open file ``path`` to the format ``known``, in which it has the tables of ``schema``.

    A file with tables is copied before. Raises UsageError for a file of a newer usertrack.
    """
    [number] = connection.execute("PRAGMA user_version").fetchone()
    require_known(path, number, known)
    if number < known:
        if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() != (0,):
            connection.execute("VACUUM INTO ?", [str(new_copy(path, number))])
        connection.executescript(f"BEGIN IMMEDIATE; {schema} PRAGMA user_version = {known}; COMMIT;")


def new_copy(path: Path, number: int) -> Path:
    """Return the empty file to which ``path`` of format ``number`` is copied; its owner alone may read it."""
    copy = path.with_name(f"{path.name}.format-{number}")
    copy.unlink(missing_ok=True)
    copy.touch(mode=0o600)
    return copy


def delete_copies(path: Path) -> None:
    """Delete the copies of ``path``, which still have what is erased from it."""
    for copy in path.parent.glob(f"{path.name}.format-*"):
        copy.unlink()


def prepare_folder(folder: Path, known: int) -> None:
    """Note in ``folder`` that it has the format ``known``; raises UsageError for one of a newer usertrack."""
    file = folder / "format"
    text = file.read_text(errors="replace").strip() if file.exists() else "0"
    if not text.isdecimal():
        raise UsageError(f"{file} holds no number", f"write {known} into it, if this usertrack made the folder")
    require_known(folder, number := int(text), known)
    if number < known:
        write_whole(file, f"{known}\n")
