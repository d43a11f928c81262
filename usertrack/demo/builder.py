"""Builds, opens and removes demos on disk. A demo is built in a temporary folder and then moved in one step.

``<cache>/demo-<as_of>-<users>-<days>/`` has ``posthog/`` (a Store), ``postgres/`` (a cluster) and ``demo.json`` (the
manifest, which shows that it is complete). Users hold a shared lock on the manifest; building and removing hold the
lock of the cache.
"""

import atexit
import contextlib
import fcntl
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import IO

from usertrack.core.errors import UsageError
from usertrack.core.period import as_utc
from usertrack.core.temporary import temporary_folder
from usertrack.demo.generate import Parameters, Progress
from usertrack.workspace.demo_choice import demo_folder, demo_moment

_MANIFEST = "demo.json"
_UNFINISHED = ".unfinished-"


@dataclass
class Demo:
    """A complete demo. Its data are of the ``days`` days before ``as_of`` (aware, UTC)."""

    root: Path
    as_of: datetime
    users: int
    days: int
    quiet: bool = False
    notes: tuple[str, ...] = ()
    _in_use: IO[str] | None = field(default=None, repr=False)
    _dsn: str | None = field(default=None, repr=False)
    _temporary: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, repr=False)

    @property
    def store_path(self) -> Path:
        """The data directory for ``usertrack.server.database.store.Store``; one process at a time."""
        return self.root / "posthog"

    def postgres_dsn(self) -> str:
        """Start the PostgreSQL server if it is not running, and return its DSN. Raises ConnectionFailed."""
        if self._dsn is None:
            from usertrack.demo import embedded_postgres

            self._dsn = embedded_postgres.start(self.root / "postgres")
        return self._dsn

    def close(self) -> None:
        """Stop the PostgreSQL server, unless others use it, and remove a temporary demo."""
        if self._dsn is not None:
            from usertrack.demo import embedded_postgres

            embedded_postgres.stop(self.root / "postgres")
            self._dsn = None
        if self._in_use is not None:
            self._in_use.close()
            self._in_use = None
        self._temporary.close()


def build(
    root: Path,
    *,
    as_of: datetime,
    users: int = 2000,
    days: int = 120,
    quiet: bool = False,
    progress: Progress | None = None,
) -> Demo:
    """Build a demo in ``root``, replacing an older one; after an interrupt or an error ``root`` is as before.

    The ClickHouse of this process must be closed: a process can open one directory at a time.
    """
    parameters = Parameters(as_utc(as_of), users, days, quiet)
    root.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=root.parent))
    try:
        _write(unfinished, parameters, progress or (lambda step, part: None))
        if root.exists():
            root.rename(unfinished / "replaced")
        (unfinished / "new").rename(root)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return _hold(root, parameters)


def open_demo(
    cache_root: Path,
    *,
    now: datetime,
    users: int = 2000,
    days: int = 120,
    reset: bool = False,
    progress: Progress | None = None,
) -> Demo:
    """The cached demo as of the latest 09:00 UTC not after ``now``, built if it is missing.

    Unused other demos in ``cache_root`` are removed. If it cannot be written, the demo is built in a temporary
    directory, with a note. Raises UsageError when a demo in use would have to be replaced.
    """
    parameters = Parameters(demo_moment(now), users, days)
    try:
        cache_root.mkdir(parents=True, exist_ok=True)
        lock = (cache_root / ".lock").open("w")
    except OSError as error:
        return _temporary(parameters, progress, f"demo not cached: {cache_root} cannot be written ({error.strerror})")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if progress:
                progress("waiting for another usertrack that builds the demo", 0.0)
            fcntl.flock(lock, fcntl.LOCK_EX)
        root = demo_folder(cache_root, now, users, days)
        fresh = not reset and _complete(root, parameters)
        _tidy(cache_root, keep=root if fresh else None)
        if fresh:
            return _hold(root, parameters)
        if root.exists():
            raise UsageError("the demo is in use by another usertrack", "wait until it has ended, then try again")
        return build(root, as_of=parameters.as_of, users=users, days=days, progress=progress)


def _write(unfinished: Path, parameters: Parameters, progress: Progress) -> None:
    from usertrack.demo import embedded_postgres
    from usertrack.demo.generate import generate
    from usertrack.server.database.store import Store

    new = unfinished / "new"
    new.mkdir()
    progress("starting the engines", 0.0)
    dsn = embedded_postgres.start(new / "postgres")
    try:
        with contextlib.closing(Store(new / "posthog")) as store:
            generate(store, dsn, parameters, progress)
    finally:
        embedded_postgres.stop(new / "postgres")
    (new / _MANIFEST).write_text(_manifest(parameters))


def _manifest(parameters: Parameters) -> str:
    """The manifest: the parameters, and a hash of what generates the data. A cached demo must have the same."""
    world = hashlib.sha256()
    for folder in ("usertrack.demo", "usertrack.server"):
        for path in _files(resources.files(folder)):
            world.update(path.read_bytes())
    facts = asdict(parameters) | {"as_of": parameters.as_of.isoformat(), "world": world.hexdigest()}
    return json.dumps(facts, indent=1)


def _files(folder: Traversable) -> Iterator[Traversable]:
    for entry in sorted(folder.iterdir(), key=lambda entry: str(entry.name)):
        if entry.is_dir():
            yield from _files(entry)
        elif entry.name.endswith((".sql", ".json")) or entry.name == "generate.py":
            yield entry


def _complete(root: Path, parameters: Parameters) -> bool:
    try:
        return (root / _MANIFEST).read_text() == _manifest(parameters)
    except OSError:
        return False


def _hold(root: Path, parameters: Parameters) -> Demo:
    in_use = (root / _MANIFEST).open()
    fcntl.flock(in_use, fcntl.LOCK_SH)
    return Demo(root, parameters.as_of, parameters.users, parameters.days, parameters.quiet, _in_use=in_use)


def _temporary(parameters: Parameters, progress: Progress | None, note: str) -> Demo:
    folder = contextlib.ExitStack()
    root = folder.enter_context(temporary_folder()) / "demo"
    demo = build(root, as_of=parameters.as_of, users=parameters.users, days=parameters.days, progress=progress)
    demo.notes, demo._temporary = (note,), folder
    atexit.register(demo.close)
    return demo


def _tidy(cache_root: Path, keep: Path | None) -> None:
    """Remove folders of killed builds, and unused other demos. The caller holds the lock of the cache."""
    for leftover in cache_root.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    for demo in cache_root.glob("demo-*"):
        if demo != keep and not _used(demo):
            removed = demo.rename(cache_root / f"{_UNFINISHED}{demo.name}")  # if interrupted, it does not look complete
            shutil.rmtree(removed, ignore_errors=True)


def _used(root: Path) -> bool:
    try:
        with (root / _MANIFEST).open() as manifest:
            fcntl.flock(manifest, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False
