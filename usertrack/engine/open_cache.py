"""The cache that the settings name: where it is, how large it may become, and of which sources it has answers."""

from datetime import datetime
from pathlib import Path

from usertrack.core.notify import Notify
from usertrack.core.source_names import POSTGRES
from usertrack.core.words import parse_size
from usertrack.engine.cache import Cache
from usertrack.sources.identity import identities
from usertrack.workspace.settings import Settings


def cache_folder(settings: Settings) -> Path | None:
    """The folder of the cache; None when it is off, and for the demo, which is on this machine.

    It is in the workspace, or else in the user's cache folder.
    """
    setting = settings["cache"]
    if setting == "off" or settings.uses_demo:
        return None
    if setting:
        path = Path(setting).expanduser()
        written = settings.values["cache"].origin.startswith("usertrack.yaml")
        return settings.root / path if settings.root and written else path
    if settings.root:
        return settings.root / ".usertrack/cache"
    import platformdirs

    return Path(platformdirs.user_cache_dir("usertrack")) / "answers"


def open_cache(settings: Settings, now: datetime, notify: Notify, *, own_events: bool = False) -> Cache | None:
    """The cache of these settings; None when it is off. ``own_events``: these answer in PostHog's place."""
    folder, sources = cache_folder(settings), identities(settings)
    if own_events and POSTGRES in sources:
        sources["posthog"] = f"events of {sources[POSTGRES]}"
    return Cache(folder, parse_size(settings["cache_size"]), sources, now, notify) if folder else None
