"""Files of a few rows, imported by the command line, and what the store holds of them afterwards."""

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from usertrack.server.database.session import ClickHouseSession

from ..conftest import Cli, CommandResult

Import = Callable[..., CommandResult]
Events = Callable[[], list[list[Any]]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def load(cli: Cli, data: Path, tmp_path: Path) -> Import:
    """Import a CSV of this text, or a file."""

    def call(log: str | bytes | Path, *options: object) -> CommandResult:
        file = log if isinstance(log, Path) else tmp_path / "log.csv"
        if not isinstance(log, Path):
            file.write_bytes(log.encode() if isinstance(log, str) else log)
        return cli("import", "events", file, "--data", data, *options)

    return call


@pytest.fixture
def stored(data: Path) -> Callable[[str], list[list[Any]]]:
    """The rows of a ClickHouse SELECT over what the data directory holds; a `Store` would tidy it up first."""

    def rows(sql: str) -> list[list[Any]]:
        with closing(ClickHouseSession(data)) as session:
            return session.rows(sql)

    return rows


@pytest.fixture
def events(stored: Callable[[str], list[list[Any]]]) -> Events:
    return lambda: stored(
        "SELECT toString(timestamp), distinct_id, event, properties FROM posthog.events"
        " ORDER BY timestamp, distinct_id, event"
    )


def imported(result: CommandResult) -> dict[str, Any]:
    """What an import with ``-f json`` counts."""
    assert result.code == 0, result.err
    document: dict[str, Any] = json.loads(result.out)
    return document


def parquet(path: Path, select: str, *tables: Sequence[Any]) -> Path:
    """A parquet file of a DuckDB SELECT."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return path
