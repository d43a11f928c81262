"""Finds parts of the store that the disk has damaged, so that no answer is shorter than it should be without saying so.

ClickHouse sets a part aside when it starts and its files do not fit together. Other damage it meets when it reads, or
when it is asked to compare checksums.
"""

import logging
import threading
from collections import defaultdict
from contextlib import closing
from pathlib import Path

from usertrack.server.database.session import ClickHouseSession

# Checked in about 0.3 s, which a start may take: a thread compared 170 to 260 MB of parts a second, on two busy cores.
_AT_ONCE = 64 << 20
_NAMED = 3  # parts of a table
_TAG = "check of parts"

log = logging.getLogger(__name__)


class Damage:
    """The damaged parts of the tables of ``session``. ``is_checked`` once all checksums have been compared."""

    def __init__(self, session: ClickHouseSession) -> None:
        self._session = session
        self._failed: set[tuple[str, str]] = set()
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
        aside = defaultdict[str, list[str]](list)
        for path in self._tables.glob("*/detached/broken*"):
            aside[path.parts[-3]].append(path.name)
        failed = defaultdict[str, list[str]](list)
        for table, part in self._failed:
            if not any(name.endswith(f"_{part}") for name in aside[table]):
                failed[table].append(part)
        accept = f"or delete them in {self._tables}/{{}}/detached to accept the loss".format
        return [
            f"{table}: damaged parts are in no answer ({_listed(names)}): restore a backup, {accept(table)}"
            for table, names in sorted(aside.items())
            if names
        ] + [
            f"{table}: queries that read damaged parts fail ({_listed(names)}): restore a backup"
            for table, names in sorted(failed.items())
        ]

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
    return f"{', '.join(sorted(parts)[:_NAMED])}{more}"
