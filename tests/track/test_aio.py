"""Coroutines track in the transactions of asyncpg, psycopg and SQLAlchemy, and without one in no transaction."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

import usertrack_track
from tests.track.conftest import problem
from tests.track.posthog_server import PostHogServer
from usertrack_track import aio

pytestmark = pytest.mark.usefixtures("tracking")
MOMENT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
HOSTILE = {"share": "40 %", "q": ":name %(id)s $1", "none": None}
Connect = Callable[[str], AbstractAsyncContextManager[Any]]


class Undone(Exception):  # noqa: N818
    """Ends a transaction."""


@asynccontextmanager
async def of_psycopg(dsn: str) -> AsyncIterator[Any]:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        yield connection


@asynccontextmanager
async def of_asyncpg(dsn: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def of_asyncpgs_pool(dsn: str) -> AsyncIterator[Any]:
    pool = asyncpg.create_pool(dsn, min_size=1)
    async with pool, pool.acquire() as connection, connection.transaction():
        yield connection


@asynccontextmanager
async def of_sqlalchemy(dsn: str) -> AsyncIterator[Any]:
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(dsn))
    async with AsyncSession(engine) as session, session.begin():
        yield session
    await engine.dispose()


@pytest.mark.parametrize("connect", [of_psycopg, of_asyncpg, of_asyncpgs_pool, of_sqlalchemy])
def test_the_event_is_there_exactly_when_its_transaction_is(
    connect: Connect, migrated: str, db: "psycopg.Connection[Any]"
) -> None:
    usertrack_track.person_property(refreshed_by="ordered", name="orders")(lambda distinct_id: 1)

    async def order(*, fails: bool) -> None:
        async with connect(migrated) as own:
            await aio.track("ada", "ordered", HOSTILE, session_id="s1", timestamp=MOMENT, connection=own)
            await aio.identify("ada", {"role": "admin"}, connection=own)
            await aio.group_identify("team", "acme", {"plan": "pro"}, connection=own)
            await aio.alias("ada", "ada-phone", connection=own)
            assert db.execute("SELECT count(*) FROM usertrack.outbox").fetchone() == (0,)
            if fails:
                raise Undone

    with pytest.raises(Undone):
        asyncio.run(order(fails=True))
    assert db.execute("SELECT count(*) FROM usertrack.outbox").fetchone() == (0,)
    asyncio.run(order(fails=False))
    stored = db.execute("SELECT name, properties, session_id, created_at FROM usertrack.event").fetchall()
    assert stored == [("ordered", HOSTILE, "s1", MOMENT)]
    assert db.execute("SELECT count(*) FROM usertrack.outbox").fetchone() == (4,)
    assert db.execute("SELECT holder_id, name FROM usertrack.due_property").fetchall() == [("ada", "orders")]


def test_without_a_connection_the_loop_goes_on_meanwhile(server: PostHogServer, db: "psycopg.Connection[Any]") -> None:
    async def visit() -> bool:
        await asyncio.gather(*(aio.track("ada", "seen", {"n": number}) for number in range(5)))
        await aio.track_error(ValueError(), view="home")
        return await aio.flush() and await aio.shutdown()

    assert asyncio.run(visit())
    assert sorted(event["event"] for event in server.received) == ["error_occurred", *["seen"] * 5]


def test_a_connection_that_is_not_awaited_is_refused(migrated: str) -> None:
    with psycopg.connect(migrated) as own:
        error = problem(lambda: asyncio.run(aio.track("ada", "seen", connection=own)))  # type: ignore[arg-type]
    assert "psycopg.Connection" in error.message
