"""Finds parts of the store that the disk has damaged, so that no answer is shorter than it should be without saying so.

ClickHouse sets a part aside when it starts and its files do not fit together. Other damage it meets when it reads, or
when it is asked to compare checksums.
"""

import logging
import threading
import time
from collections import defaultdict
from contextlib import closing
from pathlib import Path

from usertrack.server.database.session import ClickHouseSession

# Checked in about 0.3 s, which a start may take: a thread compared 170 to 260 MB of parts a second, on two busy cores.
_AT_ONCE = 64 << 20
_NAMED = 3  # parts of a table
_LISTED_AGAIN = 1.0  # seconds: each reading request asks, and to list the folders takes a millisecond
_TAG = "check of parts"

log = logging.getLogger(__name__)


class Damage:
    """The damaged parts of the tables of ``session``. ``is_checked`` once all checksums have been compared."""

    def __init__(self, session: ClickHouseSession) -> None:
        self._session = session
        self._failed: set[tuple[str, str]] = set()
        self._aside: set[tuple[str, str]] = set()
        self._listed = -_LISTED_AGAIN
        self._thread: threading.Thread | None = None
        self._ends = False
        self.is_checked = False

    def check(self) -> None:
        """Compare all checksums, of a large store in the background."""
        parts = self._session.rows(
            "SELECT table, toUInt64(sum(bytes_on_disk)) FROM system.parts"
            " WHERE active AND database = 'posthog' GROUP BY table"
        )
        self._thread = threading.Thread(target=self._check, args=[[table for table, _ in parts]], daemon=True)
        self._thread.start()
        if sum(int(size) for _, size in parts) <= _AT_ONCE:
            self._thread.join()

    def close(self) -> None:
        """End a check that is under way."""
        self._ends = True
        while self._thread and self._thread.is_alive():
            self._session.query(f"KILL QUERY WHERE Settings['log_comment'] = '{_TAG}' ASYNC")
            self._thread.join(0.1)

    def problems(self) -> list[str]:
        """Return a sentence for each table with damaged parts: which these are, and what to do."""
        damaged = defaultdict[str, list[str]](list)
        for table, part in sorted(self._set_aside() | self._failed):
            damaged[table].append(part)
        return [
            f"{table}: parts are damaged, so that queries fail or lack rows ({_listed(parts)}): restore a backup,"
            f" or delete what is in {self._tables}/{table}/detached to accept the loss"
            for table, parts in damaged.items()
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

    def _check(self, tables: list[str]) -> None:
        try:
            with closing(ClickHouseSession(self._session.path)) as session:
                for table in tables:
                    if self._ends:
                        return
                    results = session.rows(
                        f"CHECK TABLE posthog.{table} SETTINGS check_query_single_value_result = 0, max_threads = 1,"
                        f" log_comment = '{_TAG}'"
                    )
                    self._failed |= {(table, part) for part, is_whole, _ in results if not is_whole}
            self.is_checked = True
        except RuntimeError:
            if not self._ends:
                log.exception("the checksums of the store could not be compared")
        for problem in self.problems():
            log.error("the store is damaged: %s", problem)


def _listed(parts: list[str]) -> str:
    more = f" and {len(parts) - _NAMED} more" if len(parts) > _NAMED else ""
    return f"{', '.join(parts[:_NAMED])}{more}"
