"""The folder of events that live traffic goes on with: a copy of the demo's, so that the demo itself stays as it is."""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from usertrack.core.errors import ConnectionFailed, UsageError

if TYPE_CHECKING:
    from usertrack.demo import Demo
    from usertrack.server.database.lock import DirectoryLock

_MARK = "demo-traffic.json"
_BEGINNING = "live-demo.lock"
_OF_PROCESSES = ("lock", "holder.json")


def live_demo_folder(root: Path) -> Path:
    """Return the folder of live traffic, unless `--data` says otherwise; ``root`` is that of the demos."""
    return root / "live-demo"


@contextmanager
def beginning(root: Path) -> Iterator[None]:
    """While this lasts, `is_beginning` is true for other processes: live traffic is being prepared. Never fails."""
    with ExitStack() as stack:
        with suppress(OSError):
            root.mkdir(parents=True, exist_ok=True)
            fcntl.flock(stack.enter_context((root / _BEGINNING).open("w")), fcntl.LOCK_SH)
        yield


def is_beginning(root: Path) -> bool:
    try:
        with (root / _BEGINNING).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # there was none yet
        pass
    return False


def is_live_demo(folder: Path) -> bool:
    """Whether the folder holds the demo's people, and nobody else."""
    return (folder / _MARK).exists()


def prepare(folder: Path, demo: "Demo", *, is_own: bool) -> None:
    """Copy the demo's events to ``folder``; what is there of an earlier traffic stays.

    A folder ``is_own`` when nobody named it: there the traffic of another demo is replaced. Raises UsageError for a
    folder with events that are not the demo's, and ConnectionFailed while another process uses either.
    """
    from usertrack.server.database.lock import DirectoryLock, DirectoryServed

    mark = json.dumps({"demo": demo.root.name})
    if is_live_demo(folder):
        if not is_own or (folder / _MARK).read_text() == mark:
            return
    elif not is_own and folder.exists() and any(folder.iterdir()):
        raise UsageError(
            f"'{folder}' has events that are not the demo's: invented people would come among them",
            "leave --data out, or name a new folder",
        )
    try:
        of_demo = DirectoryLock(demo.store_path, lambda *_: None)
    except DirectoryServed as served:
        raise ConnectionFailed(
            f"the demo's events are in use by `usertrack open` at {served.url}",
            "end it; `usertrack serve --demo-traffic --pages` opens the pages on live traffic",
        ) from served
    with _held(of_demo), _locked(folder):
        for entry in folder.iterdir():
            if entry.name not in _OF_PROCESSES:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        ignored = shutil.ignore_patterns(*_OF_PROCESSES)
        shutil.copytree(demo.store_path, folder, ignore=ignored, dirs_exist_ok=True, symlinks=True)
        (folder / _MARK).write_text(mark)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Make and lock the folder; what cannot be filled to its end is no copy, and goes."""
    from usertrack.server.database.lock import DirectoryLock

    folder.mkdir(parents=True, exist_ok=True)
    with _held(DirectoryLock(folder)):
        try:
            yield
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


@contextmanager
def _held(lock: "DirectoryLock") -> Iterator[None]:
    try:
        yield
    finally:
        lock.release()
