"""Files of the user's own configuration, which are for their owner alone."""

import os
from pathlib import Path


def config_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_config_dir("usertrack"))


def erasures_folder() -> Path:
    """The folder of the journals of erasures that are not finished."""
    return config_folder() / "erasures"


def is_exposed(path: Path) -> bool:
    """Whether others may read the file."""
    try:
        return os.name == "posix" and bool(path.stat().st_mode & 0o077)
    except OSError:
        return False
