"""Answers of the demo, which no test changes: the engines give each of them once, to all worker processes of a run.

An engine is started by the first question that has no answer yet: that takes longer than most commands.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from usertrack.core.notify import Notify
from usertrack.core.spool import Spool
from usertrack.core.table import Table
from usertrack.demo import Demo
from usertrack.demo import sources as demo
from usertrack.engine.cache import Cache, Moment
from usertrack.library.query import Statement
from usertrack.sources import Source
from usertrack.workspace.settings import Settings


@contextmanager
def given_once(folder: Path, demo_cache: Path) -> Iterator[None]:
    """Keep in ``folder`` what the sources of the demo in ``demo_cache`` answer, in the cache that other sources have.

    The demo's own have none: whoever runs a command twice on it asks its engines twice.
    """
    open_sources = demo.open_demo_sources

    def open_once(settings: Settings, *, now: datetime, notify: Notify) -> tuple[Mapping[str, Source], datetime]:
        sources, as_of = open_sources(settings, now=now, notify=notify)
        if Path(os.environ["XDG_CACHE_HOME"]) == demo_cache:
            identity = f"{settings['timezone']} {settings['week_start']}"  # which the sources are opened with
            cache = Cache(folder, 1 << 40, dict.fromkeys(sources, identity), as_of, notify)
            for source in sources.values():
                remember(source, cache)
        return sources, as_of

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "open_demo_sources", open_once)
        for engine in ("_posthog", "_postgres"):
            patch.setattr(demo, engine, partial(_on_demand, getattr(demo, engine), demo_cache))
        yield


def _on_demand(open_engine: Callable[..., Any], demo_cache: Path, opened: Demo, *rest: Any) -> tuple[Any, Any]:
    if not opened.root.is_relative_to(demo_cache):
        return open_engine(opened, *rest)
    release = opened.close if open_engine.__name__ == "_postgres" else lambda: None  # it holds the demo's folder
    source = _OnDemand(lambda: open_engine(opened, *rest), release)
    return source, source.release


class _OnDemand:
    """A source and its engine, which starts when something is asked."""

    def __init__(self, start: Callable[[], tuple[Any, Callable[[], None]]], unused: Callable[[], None]) -> None:
        self._start = start
        self._unused = unused
        self._turn = threading.Lock()
        self._started: tuple[Any, Callable[[], None]] | None = None

    def _source(self) -> Any:
        with self._turn:
            self._started = self._started or self._start()
            return self._started[0]

    async def run(self, *question: Any) -> Any:
        return await (await asyncio.to_thread(self._source)).run(*question)

    async def about(self) -> Any:
        return await (await asyncio.to_thread(self._source)).about()

    async def call(self, *question: Any) -> Any:
        return await (await asyncio.to_thread(self._source)).call(*question)

    async def query(self, *question: Any) -> Any:
        return await (await asyncio.to_thread(self._source)).query(*question)

    async def insight(self, *question: Any) -> Any:
        return await (await asyncio.to_thread(self._source)).insight(*question)

    async def close(self) -> None:
        if self._started:
            await self._started[0].close()

    def release(self) -> None:
        _, release = self._started or (None, self._unused)
        release()


def remember(source: Any, cache: Cache) -> None:
    """Let ``source`` give the answers that are in ``cache``, and keep there what it answers else."""
    moment, ask = Moment(cache.now, live=False), source.run

    async def run(statement: Statement, spool: Spool) -> Table:
        itself = replace(statement, for_all_keys=None)  # nor from the answer for all keys
        table = cache.find(itself, moment, spool)
        if table is None:
            table = await ask(statement, spool)
            cache.keep(itself, moment, table)
        return replace(table, name=statement.name, asked_at=None)

    source.run = run
