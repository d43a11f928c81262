"""Finds parts of the store that the disk has damaged, so that no answer is shorter than it should be without saying so.

ClickHouse sets a part aside when it starts and its files do not fit together. Other damage it meets when it reads, or
when it is asked to compare checksums.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from usertrack.server.database.session import ClickHouseSession

# Checked in about 0.3 s, which a start may take: a thread compared 170 to 260 MB of parts a second, on two busy cores.
_AT_ONCE = 64 << 20
_NAMED = 3  # parts of a table
_LISTED_AGAIN = 1.0  # seconds: each reading request asks, and to list the folders takes a millisecond
_TAG = "check of parts"

log = logging.getLogger(__name__)


class Damage:
    """The damaged parts of the tables of ``session``. ``is_checked`` once each table was tried."""

    def __init__(self, session: ClickHouseSession) -> None:
        self._session = session
        self._failed: set[tuple[str, str]] = set()
        self._aside: set[tuple[str, str]] = set()
        self._listed = -_LISTED_AGAIN
        self._unchecked: list[str] = []
        self._thread: threading.Thread | None = None
        self._ends = False
        self.is_checked = False

    def check(self) -> None:
        """Compare all checksums, of a large store in the background."""
        parts = self._session.rows(
            "SELECT table, toUInt64(sum(bytes_on_disk)) FROM system.parts"
            " WHERE active AND database = 'posthog' GROUP BY table"
        )
        self._unchecked = [table for table, _ in parts]
        thread = self._start()
        if sum(int(size) for _, size in parts) <= _AT_ONCE:
            thread.join()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """End a check, for whose query a table that is detached would wait; afterwards it goes on with its table."""
        self.close()
        try:
            yield
        finally:
            if self._unchecked:
                self._start()

    def close(self) -> None:
        """End a check that is under way."""
        self._ends = True
        while self._thread and self._thread.is_alive():
            self._session.query(f"KILL QUERY WHERE Settings['log_comment'] = '{_TAG}' ASYNC")
            self._thread.join(0.1)

    def problems(self) -> list[str]:
        """Return a sentence for each table with damaged parts: which these are, and what to do."""
        kinds = (
            (self._set_aside(), " and set aside, so that rows are missing", "delete what is in {}/detached"),
            (self._failed, ", so that queries fail", "stop the server and move these folders away from {}"),
        )
        return [
            f"{table}: parts are damaged{effect} ({_listed([part for _, part in group])}):"
            f" restore a backup, or, to accept the loss, {remedy.format(self._tables / table)}"
            for parts, effect, remedy in kinds
            for table, group in groupby(sorted(parts), itemgetter(0))
        ]

    def _set_aside(self) -> set[tuple[str, str]]:
        """Return table and name of the parts that ClickHouse did without when it started."""
        if (now := time.monotonic()) >= self._listed + _LISTED_AGAIN:
            self._aside = {(path.parts[-3], path.name) for path in self._tables.glob("*/detached/broken*")}
            self._listed = now
        return self._aside

    @property
    def _tables(self) -> Path:
        return self._session.path / "clickhouse/data/posthog"

    def _start(self) -> threading.Thread:
        self._ends = False
        self._thread = thread = threading.Thread(target=self._check, daemon=True)
        thread.start()
        return thread

    def _check(self) -> None:
        with closing(ClickHouseSession(self._session.path)) as session:
            for table in self._unchecked.copy():
                try:
                    failed = _failed(session, table)
                except RuntimeError:
                    failed = set()
                    if not self._ends:
                        log.exception("the checksums of the table %s could not be compared", table)
                if self._ends:
                    return
                self._failed |= failed
                self._unchecked.remove(table)
        self.is_checked = True
        for problem in self.problems():
            log.error("the store is damaged: %s", problem)


def _failed(session: ClickHouseSession, table: str) -> set[tuple[str, str]]:
    """Return ``table`` and name of its parts that do not match their checksums."""
    results = session.rows(
        f"CHECK TABLE posthog.{table}"
        f" SETTINGS check_query_single_value_result = 0, max_threads = 1, log_comment = '{_TAG}'"
    )
    return {(table, part) for part, is_whole, _ in results if not is_whole}


def _listed(parts: list[str]) -> str:
    more = f" and {len(parts) - _NAMED} more" if len(parts) > _NAMED else ""
    return f"{', '.join(parts[:_NAMED])}{more}"
