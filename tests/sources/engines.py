"""A real PostgreSQL for the tests, and what they ask of it."""

import asyncio
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from usertrack.core.errors import UsertrackError
from usertrack.core.spool import Spool
from usertrack.core.table import Table
from usertrack.demo import embedded_postgres as embedded
from usertrack.library.library import Query, Statement
from usertrack.sources.postgres import Postgres


class Server:
    """A running PostgreSQL. ``execute`` writes as its superuser."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dsn = embedded.start(folder)
        self.connection = psycopg.connect(self.dsn, autocommit=True)

    def execute(self, sql: str) -> list[Any]:
        cursor = self.connection.execute(sql)
        return cursor.fetchall() if cursor.description else []

    def stop(self) -> None:
        self.connection.close()
        embedded.stop(self.folder)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("postgres"))
    yield started
    started.stop()


def source(dsn: str, **options: Any) -> Postgres:
    async def address() -> str:
        return dsn

    return Postgres(address, **options)


def tables(dsn: str, statements: list[Statement], folder: Path, **options: Any) -> list[Table]:
    """The tables for ``statements``, all asked at once; raises the first error."""

    async def ask() -> list[Table]:
        postgres, spool = source(dsn, **options), Spool(folder)
        try:
            return await asyncio.gather(*(postgres.run(statement, spool) for statement in statements))
        finally:
            await postgres.close()

    return asyncio.run(ask())


def table(dsn: str, statement: Statement | str, folder: Path, **options: Any) -> Table:
    if isinstance(statement, str):
        statement = Statement("neon", statement)
    return tables(dsn, [statement], folder, **options)[0]


def refused(dsn: str, statement: Statement | str, folder: Path, *, secret: str = "", **options: Any) -> UsertrackError:
    """The error for a query; ``secret`` is in no part of it that users see."""
    with pytest.raises(UsertrackError) as caught:
        table(dsn, statement, folder, **options)
    error = caught.value
    if secret:
        assert secret not in "".join([error.message, error.hint, repr(error), *traceback.format_exception(error)])
    return error


def in_file(sql: str, path: Path, line: int = 1, **values: Any) -> Statement:
    """``sql`` as a query of the library, whose SQL begins on ``line`` of ``path``."""
    query = Query("neon/some", "neon", sql, path=path, line=line)
    return Statement("neon", sql, values, name="neon/some", query=query)
