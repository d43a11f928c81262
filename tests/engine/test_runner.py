"""Both sources at once: what one cannot answer stands beside what the other did."""

import asyncio
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tests.sources.engines import Server, server, source
from tests.sources.wires import ABOUT, KEY, Answers, Wire, error, rows
from usertrack.core.errors import ConnectionFailed, QueryError, SourceBusy, UsageError, UsertrackError
from usertrack.core.table import Table
from usertrack.engine.connect import open_runner
from usertrack.engine.runner import Runner
from usertrack.library.library import Library, Statement
from usertrack.sources import Source
from usertrack.sources.posthog import PostHog
from usertrack.workspace.settings import load_settings

__all__ = ["server"]

AS_OF = datetime(2026, 11, 20, 9, tzinfo=UTC)
BOTH = [Statement("posthog", "SELECT 1", name="posthog/a"), Statement("neon", "SELECT 2 AS b", name="neon/b")]


def silent(message: str, *, passing: bool = False) -> None:
    pass


def posthog(transport: httpx.AsyncBaseTransport) -> PostHog:
    return PostHog("http://posthog", "1", KEY, silent, transport=transport, retry_pause=0.001)


def runner(sources: Mapping[str, Source], folder: Path | None = None) -> Runner:
    return Runner(
        load_settings(env={"USERTRACK_INTERNAL": " Us.Example"}), Library([folder] if folder else []), AS_OF, sources
    )


def test_answers_come_in_their_order(server: Server) -> None:
    seen: list[str] = []
    sources = {"posthog": posthog(Answers(rows(1)).wire), "neon": source(server.dsn)}
    with runner(sources) as run:
        first, second = run.run(BOTH, lambda statement, answer: seen.append(statement.name))
        assert isinstance(first, Table)
        assert isinstance(second, Table)
        assert (list(first.rows), list(second.rows), second.as_of) == ([(1,)], [(2,)], AS_OF)
        assert run.table(BOTH[1]).rows[0] == (2,)
    assert sorted(seen) == ["neon/b", "posthog/a"]


@pytest.mark.parametrize(
    ("down", "kind", "message"),
    [
        (posthog(Answers(httpx.ConnectError("refused")).wire), ConnectionFailed, "cannot reach PostHog"),
        (posthog(Answers(error(401)).wire), ConnectionFailed, "personal API key"),
        (posthog(Answers(error(429, Retry_After="3600")).wire), SourceBusy, "posthog/a: PostHog asks us to slow down"),
        (posthog(Answers(error(400, "no such table")).wire), QueryError, "posthog/a: PostHog refused the query"),
        (None, ConnectionFailed, "PostHog is not connected"),
    ],
)
def test_one_source_is_down(server: Server, down: PostHog | None, kind: type[UsertrackError], message: str) -> None:
    sources: dict[str, Source] = {"neon": source(server.dsn)} | ({"posthog": down} if down else {})
    with runner(sources) as run:
        first, second = run.run(BOTH)
        assert isinstance(first, kind)
        assert message in first.message
        assert isinstance(second, Table)
        assert list(second.rows) == [(2,)]
        assert run.remedies == ([first.hint] if down and kind is ConnectionFailed else [])
        with pytest.raises(kind):
            run.table(BOTH[0])


def test_the_other_source_is_down() -> None:
    with runner({"posthog": posthog(Answers(rows(1)).wire), "neon": source("postgresql://u@127.0.0.1:1/d")}) as run:
        first, second = run.run(BOTH)
        assert isinstance(first, Table)
        assert isinstance(second, ConnectionFailed)


def test_both_sources_work_at_the_same_time(server: Server) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        sql = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(0.7)%'"
        for _ in range(100):
            if server.execute(f"{sql} AND pid <> pg_backend_pid()") != [(0,)]:
                return rows(1)
            await asyncio.sleep(0.02)
        return error(400, "Postgres was not asked")

    sources = {"posthog": posthog(Wire(httpx.MockTransport(answer))), "neon": source(server.dsn)}
    with runner(sources) as run:
        answers = run.run([BOTH[0], Statement("neon", "SELECT pg_sleep(0.7)")])
    assert all(isinstance(answer, Table) for answer in answers)


def test_those_who_ask_together_are_answered_side_by_side() -> None:
    both = asyncio.Barrier(2)

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json=ABOUT)
        try:
            await asyncio.wait_for(both.wait(), 20)  # which nobody gets past alone
        except TimeoutError:
            return error(400, "asked alone")
        return rows(1)

    with runner({"posthog": posthog(Wire(httpx.MockTransport(answer)))}) as run:
        seen: list[str] = []
        watched = run.watched(lambda statement, answer: seen.append(statement.name))
        first, second = run.together([lambda: run.table(BOTH[0]), lambda: watched.table(BOTH[0])])
        assert [*first.rows, *second.rows] == [(1,), (1,)]
        assert seen == ["posthog/a"]
        with pytest.raises(ConnectionFailed):
            run.together([lambda: run.table(BOTH[1])])


def test_a_query_of_the_library_is_bound(server: Server, tmp_path: Path) -> None:
    (tmp_path / "neon").mkdir()
    text = "-- title: All\n-- params: {days: 30}\nSELECT {as_of}, {internal}, {timezone}, {days}"
    (tmp_path / "neon" / "all.sql").write_text(text)
    with runner({"neon": source(server.dsn)}, tmp_path) as run:
        answer = run.table(run.bind("all", {"days": 7}, limit=5))
        assert list(answer.rows) == [(AS_OF.replace(tzinfo=None), ["us.example"], "UTC", 7)]
        assert (answer.title, answer.name, answer.parameters["days"]) == ("All", "neon/all", 7)


def test_no_place_to_keep_a_result(server: Server) -> None:
    sources = {"posthog": posthog(Answers(rows(1)).wire), "neon": source(server.dsn)}
    with runner(sources) as run:
        shutil.rmtree(run.spool.folder)
        for answer in run.run(BOTH):
            assert isinstance(answer, QueryError)
            assert "cannot be written" in answer.message
            assert "TMPDIR" in answer.hint


def test_nothing_is_left_behind(server: Server) -> None:
    with runner({"neon": source(server.dsn)}) as run:
        run.table(BOTH[1])
        folder = run.spool.folder
        assert any(folder.iterdir())
    assert not folder.exists()


def test_what_is_configured_is_opened(tmp_path: Path) -> None:
    env = {"DATABASE_URL": "postgresql://x", "USERTRACK_AS_OF": "2026-01-01", "USERTRACK_TIMEZONE": "Asia/Tokyo"}
    run = open_runner(load_settings(env=env), Library([]), now=AS_OF, notify=silent)
    assert run.as_of == datetime(2026, 1, 1, 14, 59, 59, 999999, tzinfo=UTC)
    for wrong in ({"POSTHOG_PROJECT_ID": "mine"}, {"POSTHOG_HOST": "http://a b"}, {"USERTRACK_AS_OF": "soon"}, {}):
        known = {"POSTHOG_PERSONAL_API_KEY": KEY, **({} if not wrong else {"POSTHOG_PROJECT_ID": "1"}), **wrong}
        with (
            pytest.raises(UsageError) as caught,
            open_runner(load_settings(env=known), Library([]), now=AS_OF, notify=silent) as run,
        ):
            run.table(Statement("posthog", "SELECT 1"))
        assert caught.value.hint
        assert KEY not in f"{caught.value!r}{caught.value.hint}"
