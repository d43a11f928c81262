"""Answers of the demo, which no test changes: the engines give each of them once, to all worker processes of a run."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from usertrack.core.notify import Notify
from usertrack.core.spool import Spool
from usertrack.core.table import Table
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
                _remember(source, cache)
        return sources, as_of

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "open_demo_sources", open_once)
        yield


def _remember(source: Any, cache: Cache) -> None:
    moment, ask = Moment(cache.now, live=False), source.run

    async def run(statement: Statement, spool: Spool) -> Table:
        itself = replace(statement, for_all_keys=None)  # nor from the answer for all keys
        table = cache.find(itself, moment, spool)
        if table is None:
            table = await ask(statement, spool)
            cache.keep(itself, moment, table)
        return replace(table, name=statement.name, asked_at=None)

    source.run = run
