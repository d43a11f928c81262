"""The folder of alerts.db and the like: that of the demo, or in the workspace, or the user's data folder."""

from datetime import datetime
from pathlib import Path

from usertrack.workspace.settings import Settings


def state_folder(settings: Settings, now: datetime) -> Path:
    """The folder of this workspace's state; it need not exist."""
    if settings.uses_demo:
        from usertrack.workspace.demo_choice import cache_root, chosen_demo_folder

        return chosen_demo_folder(cache_root(), now=now)
    if settings.root:
        return settings.root / ".usertrack"
    import platformdirs

    return Path(platformdirs.user_data_dir("usertrack"))
