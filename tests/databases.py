"""Empty PostgreSQL databases. Each worker process has one server for all of them: to make one takes seconds."""

import atexit
import functools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

from usertrack.demo import embedded_postgres

_numbers = count(1)


@contextmanager
def database() -> Iterator[str]:
    """The DSN of a database of one's own, as its superuser."""
    server, name = _server(), f"test_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield server.replace(f"/{embedded_postgres.DATABASE}?", f"/{name}?")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@functools.cache
def _server() -> str:
    # not in pytest's folder, which each of its sessions shuts to PostgreSQL's own user
    folder = Path(tempfile.mkdtemp(prefix="usertrack-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(embedded_postgres.stop, folder)
    return embedded_postgres.start(folder)
