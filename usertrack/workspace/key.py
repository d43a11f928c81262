"""The key of pseudonyms: the one in the settings, or one that is created once and kept in a file."""

import os
import secrets
from pathlib import Path

from usertrack.core.errors import UsageError
from usertrack.workspace.settings import Settings


def pseudonym_key(settings: Settings) -> bytes:
    """The key of these settings, or else the one in a file, which is created with access for its owner alone.

    The file is in the workspace, or in the user's data folder. Raises UsageError where it cannot be read or written.
    """
    if settings["pseudonym_key"]:
        return str(settings["pseudonym_key"]).encode()
    path = _place(settings)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes().strip()
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
        return path.read_bytes().strip()
    except OSError as error:
        raise UsageError(f"cannot keep a key in {path} ({error.strerror})", "set USERTRACK_PSEUDONYM_KEY") from error


def _place(settings: Settings) -> Path:
    if settings.root:
        return settings.root / ".usertrack/pseudonym.key"
    import platformdirs

    return Path(platformdirs.user_data_dir("usertrack")) / "pseudonym.key"
