"""Which demo was chosen last, and the folder that it lies in."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

DEMO_KEY = "phx_demo"  # both ends are in this process


@dataclass(frozen=True)
class DemoChoice:
    """The demo that was asked for last: ``moment`` (ISO) is fixed for one that takes long to build."""

    users: int = 2000
    days: int = 120
    moment: str = ""


def cache_root() -> Path:
    """Where the demo is kept between runs."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("usertrack"))


def chosen_demo_folder(root: Path, *, now: datetime) -> Path:
    """The folder of the demo that was chosen last; it is there once the demo has been built."""
    choice = read_choice(root)
    return demo_folder(root, datetime.fromisoformat(choice.moment) if choice.moment else now, choice.users, choice.days)


def read_choice(root: Path) -> DemoChoice:
    try:
        return DemoChoice(**json.loads((root / "choice.json").read_text()))
    except (OSError, ValueError, TypeError):
        return DemoChoice()


def write_choice(root: Path, choice: DemoChoice) -> None:
    """Remember ``choice``; where nothing can be kept, nothing is."""
    with suppress(OSError):
        root.mkdir(parents=True, exist_ok=True)
        (root / "choice.json").write_text(json.dumps(asdict(choice)))


def demo_folder(cache_root: Path, now: datetime, users: int, days: int) -> Path:
    """The folder of the demo of that size in ``cache_root``."""
    return cache_root / f"demo-{_last_nine_o_clock(_utc(now)):%Y%m%dT%H%M}-{users}-{days}"


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _last_nine_o_clock(now: datetime) -> datetime:
    nine = now.replace(hour=9, minute=0, second=0, microsecond=0)
    return nine if nine <= now else nine - timedelta(days=1)
