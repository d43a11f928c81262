"""Files of the user's own configuration: whole or not there at all, and for their owner alone."""

import os
from contextlib import suppress
from pathlib import Path


def config_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_config_dir("usertrack"))


def write_private(path: Path, text: str) -> None:
    """Replace the file (0600) in its folder (0700), which is made. Raises OSError; the old file then stays."""
    import tempfile

    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    descriptor, fresh = tempfile.mkstemp(dir=path.parent, prefix=".")  # with access for its owner alone
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(fresh)
        raise


def is_exposed(path: Path) -> bool:
    """Whether others may read the file."""
    try:
        return os.name == "posix" and bool(path.stat().st_mode & 0o077)
    except OSError:
        return False
