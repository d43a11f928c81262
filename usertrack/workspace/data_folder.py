"""The folder in which the embedded PostHog keeps its events."""

from pathlib import Path


def default_data() -> Path:
    """The folder of its events, unless `--data` says otherwise."""
    import platformdirs

    return Path(platformdirs.user_data_dir("usertrack")) / "events"
