"""A connection to the embedded ClickHouse (chDB): statements, rows and inserts."""

import json
import re
import threading
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from usertrack.core.errors import ConnectionFailed, require_extra
from usertrack.server.http.descriptors import require_enough

# Values must come back as they were written: strings stay strings, keys with dots stay one key.
_SETTINGS = {
    "json_type_escape_dots_in_keys": 1,
    "type_json_skip_duplicated_paths": 1,
    "input_format_try_infer_dates": 0,
    "input_format_try_infer_datetimes": 0,
    "input_format_json_read_bools_as_numbers": 0,
    "input_format_json_read_bools_as_strings": 0,  # in a list with texts
    "max_partitions_per_insert_block": 0,  # a batch of old events may touch any number of months
    "max_query_size": 1 << 28,  # look-ups carry long lists of ids
    "compile_expressions": 0,  # to compile takes longer than to run a statement of a commit
    "compile_aggregate_expressions": 0,
}


_CUT = re.compile(r"Code: (\d+)\.(?!.*\([A-Z][A-Z0-9_]+\)\s*\Z)", re.S)


class StoreClosed(RuntimeError):  # noqa: N818
    """The store was closed while work in the background still used it."""


class ClickHouseSession:
    """A connection to the embedded ClickHouse in ``path``, for one statement at a time. Safe to call from threads."""

    def __init__(self, path: Path) -> None:
        require_enough()
        self.path = path
        self._turn = threading.Lock()
        self._closed = False
        self._connection = _connect(path / "clickhouse")

    def query(self, sql: str, fmt: str = "JSONCompact") -> bytes:
        """Run ``sql`` and return its result in the ClickHouse format ``fmt``; raises chdb's ``ChdbError``."""
        with self._turn:
            if self._closed:  # a deletion in the background must not open it again
                raise StoreClosed("the store is closed")
            try:
                result: bytes = self._connection.query(sql, fmt).bytes()
                return result
            except Exception as error:
                # chDB would put the partial output of the failed statement in front of the connection's next result
                self._connection.close()
                self._connection = _connect(self.path / "clickhouse")
                raise RuntimeError(message_of(error, self.path)) from error

    def settle(self) -> None:
        """Waits until no statement is running."""
        with self._turn:
            pass

    def rows(self, sql: str) -> list[list[Any]]:
        """The result of ``sql`` as Python lists; UUIDs and times are strings. For small results."""
        import orjson

        return [orjson.loads(line) for line in self.query(sql, "JSONCompactEachRow").splitlines()]

    def insert(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write ``rows`` into ``posthog.<table>`` with one INSERT; nothing is sent for no rows."""
        lines = "\n".join(_json(row) for row in rows)
        if lines:
            self.query(f"INSERT INTO posthog.{table} FORMAT JSONEachRow {lines}")

    def close(self) -> None:
        with self._turn:
            self._closed = True
            self._connection.close()


def message_of(error: Exception, path: Path) -> str:
    """Return ClickHouse's message for ``error`` with the name of the error at its end, by which errors are told apart.

    chDB cuts a message at a NUL in a quoted value, and cannot read one with bytes that are no UTF-8.
    """
    message = error.object.decode(errors="replace") if isinstance(error, UnicodeDecodeError) else str(error)
    if cut := _CUT.match(message):
        with closing(_connect(path / "clickhouse")) as connection:
            name = connection.query(f"SELECT errorCodeToName({cut[1]})", "TSVRaw").bytes().decode().strip()
        return f"{message} ({name})"
    return message


def _json(row: Mapping[str, object]) -> str:
    import orjson

    try:
        return orjson.dumps(row).decode()
    except TypeError:  # a number of more than 64 bits
        return json.dumps(row)


def _connect(path: Path) -> Any:  # noqa: ANN401
    require_extra("local")
    try:
        import chdb
    except ImportError as error:
        raise ConnectionFailed(
            f"the embedded ClickHouse does not load: {str(error).splitlines()[0]}", "is TZ a timezone?"
        ) from error
    connection: Any = chdb.connect(str(path))  # type: ignore[no-untyped-call]
    for name, value in _SETTINGS.items():
        connection.query(f"SET {name} = {value}")
    return connection
