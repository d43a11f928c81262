import contextlib
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from usertrack.demo import build
from usertrack.server.database.store import Store

AS_OF = datetime(2026, 11, 20, 9, tzinfo=UTC)


class World:
    """Both engines of a demo, asked in SQL."""

    def __init__(self, store: Store, connection: psycopg.Connection) -> None:
        self.store, self.connection = store, connection

    def posthog(self, sql: str) -> list[list[str]]:
        return [line.split("\t") for line in self.store.query(sql, "TabSeparated").decode().splitlines()]

    def postgres(self, sql: str) -> list[Any]:
        return self.connection.execute(sql).fetchall()


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty directory. Not pytest's: each of its sessions shuts the others' directories to PostgreSQL's own user."""
    with tempfile.TemporaryDirectory(prefix="usertrack-test-") as directory:
        yield Path(directory)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """The default world; module-scoped, since a process can hold one ClickHouse directory."""
    with (
        tempfile.TemporaryDirectory(prefix="usertrack-test-") as directory,
        contextlib.closing(build(Path(directory) / "world", as_of=AS_OF)) as demo,
        contextlib.closing(Store(demo.store_path)) as store,
        psycopg.connect(demo.postgres_dsn(), autocommit=True) as connection,
    ):
        yield World(store, connection)
