import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from usertrack.demo import Demo, build
from usertrack.server.store import Store

AS_OF = datetime(2026, 11, 20, 9, tzinfo=UTC)


class World:
    """Both engines of a demo, asked in SQL."""

    def __init__(self, demo: Demo, store: Store) -> None:
        self.demo, self.store = demo, store
        self.connection = psycopg.connect(demo.postgres_dsn(), autocommit=True)

    def posthog(self, sql: str) -> list[list[str]]:
        return [line.split("\t") for line in self.store.query(sql, "TabSeparated").decode().splitlines()]

    def postgres(self, sql: str) -> list[Any]:
        return self.connection.execute(sql).fetchall()


@pytest.fixture(scope="session")
def build_in() -> Any:
    """Build in a process of its own: ClickHouse holds one directory per process, and other tests may have it open."""

    def run(root: Path, **options: Any) -> None:
        code = (
            "import sys, datetime, pathlib; from usertrack.demo import build;"
            f"build(pathlib.Path(sys.argv[1]), as_of=datetime.datetime.fromisoformat({AS_OF.isoformat()!r}), **{options!r})"
        )
        subprocess.run([sys.executable, "-c", code, str(root)], check=True, env=os.environ)

    return run


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The default world; module-scoped, so that no other test module meets an open ClickHouse."""
    demo = build(tmp_path_factory.mktemp("demo") / "world", as_of=AS_OF)
    store = Store(demo.store_path)
    world = World(demo, store)
    yield world
    world.connection.close()
    store.close()
    demo.close()
