"""Which demo world the commands use, the folder that it lies in, and the settings of its company."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from usertrack.core.period import as_utc


@dataclass(frozen=True)
class DemoChoice:
    """The demo that `usertrack demo` built last. ``moment`` (ISO 8601) is empty for the default demo."""

    users: int = 2000
    days: int = 120
    moment: str = ""


def demo_settings() -> dict[str, Any]:
    """The settings of the demo's company: its own people, and its favourite insights."""
    values: dict[str, Any] = json.loads((Path(__file__).parents[1] / "demo/settings.json").read_text())
    return values


def cache_root() -> Path:
    """Return the folder that keeps the demo between runs."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("usertrack"))


def chosen_demo_folder(root: Path, *, now: datetime) -> Path:
    """The folder of the demo that was built last; it exists once that demo has been built."""
    choice = read_choice(root)
    return demo_folder(root, datetime.fromisoformat(choice.moment) if choice.moment else now, choice.users, choice.days)


def read_choice(root: Path) -> DemoChoice:
    try:
        return DemoChoice(**json.loads((root / "choice.json").read_text()))
    except (OSError, ValueError, TypeError):
        return DemoChoice()


def write_choice(root: Path, choice: DemoChoice) -> None:
    """Remember ``choice``, where the folder can be written."""
    with suppress(OSError):
        root.mkdir(parents=True, exist_ok=True)
        (root / "choice.json").write_text(json.dumps(asdict(choice)))


def demo_folder(cache_root: Path, now: datetime, users: int, days: int) -> Path:
    """The folder of the demo of that size in ``cache_root``."""
    return cache_root / f"demo-{demo_moment(now):%Y%m%dT%H%M}-{users}-{days}"


def demo_moment(now: datetime) -> datetime:
    """The last 09:00 UTC before ``now``: a demo that is built then serves for a day."""
    now = as_utc(now)
    nine = now.replace(hour=9, minute=0, second=0, microsecond=0)
    return nine if nine <= now else nine - timedelta(days=1)
