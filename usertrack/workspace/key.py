"""Secrets of a workspace that are created once and kept in files: the key of pseudonyms, and that of cookies."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from usertrack.core.errors import UsageError
from usertrack.workspace.settings import Settings


def pseudonym_key(settings: Settings) -> bytes:
    """Return the key of these settings, or else the one in a file.

    Raises UsageError where the file cannot be read or written, or is empty.
    """
    if settings["pseudonym_key"]:
        return str(settings["pseudonym_key"]).encode()
    return _kept_in(_folder(settings) / "pseudonym.key", "set USERTRACK_PSEUDONYM_KEY")


def cookie_key(settings: Settings) -> bytes:
    """Return the key that signs the cookies of the pages. Raises UsageError as ``pseudonym_key`` does."""
    return _kept_in(_folder(settings) / "pages.key", "make the folder writable")


def _kept_in(path: Path, hint: str) -> bytes:
    """Return the key in the file, which is created with access for its owner alone."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(descriptor, "w") as file:
                    file.write(secrets.token_hex(32) + "\n")
                with suppress(FileExistsError):
                    os.link(fresh, path)  # whole or not at all, and the first process wins
            finally:
                fresh.unlink()
        key = path.read_bytes().strip()
    except OSError as error:
        raise UsageError(f"cannot keep a key in {path} ({error.strerror})", hint) from error
    if not key:
        raise UsageError(f"the key in {path} is empty", "delete the file to get a new key")
    return key


def _folder(settings: Settings) -> Path:
    if settings.root:
        return settings.root / ".usertrack"
    import platformdirs

    return Path(platformdirs.user_data_dir("usertrack"))
