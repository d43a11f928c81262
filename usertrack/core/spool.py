"""Results on disk that DuckDB reads, so that a million rows never become a Python list."""

import atexit
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, overload

from usertrack.core.table import Column, Row
from usertrack.core.temporary import temporary_folder

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_BATCH = 20_000  # rows in memory at a time
_FEW = 50_000  # rows: to share fewer among threads takes longer than to join them


@dataclass(frozen=True)
class ResultFile:
    """A file with all rows of a result, and how to read it; its suffix is its format.

    ``longest`` is the length of the longest row: bytes in a CSV file, characters in a JSON lines file.
    """

    path: Path
    columns: tuple[Column, ...]
    rows: int
    longest: int = 0

    def read(self) -> "SpooledRows":
        """Every row of the file."""
        if self.path.suffix == ".parquet":
            return _parquet_rows(self.path, self.columns, self.rows)
        read = csv_rows if self.path.suffix == ".csv" else json_rows
        return read(self.path, self.columns, self.rows, self.longest)


class SpooledRows(Sequence[Row]):
    """The rows of ``scan``, a DuckDB FROM-expression, in the file's order.

    ``columns`` have DuckDB's types; times are naive UTC. Without a ``connection`` the scan is over files, and any
    connection whose TimeZone is UTC can read it. ``file`` has the source's answer, if there is one.
    """

    def __init__(
        self,
        scan: str,
        columns: Sequence[Column],
        count: int,
        connection: "DuckDBPyConnection | None" = None,
        file: ResultFile | None = None,
    ) -> None:
        self._scan = scan
        self.columns = tuple(columns)
        self._count = count
        self._connection = connection
        self.file = file

    def scan(self) -> str:
        """A FROM-expression for ``reader()``."""
        return self._scan

    def reader(self) -> "DuckDBPyConnection":
        """A DuckDB cursor that can read ``scan()``; the caller closes it."""
        return self._connection.cursor() if self._connection else reader()

    def head(self, limit: int | None) -> "SpooledRows":
        """The first ``limit`` rows; all of them without a limit."""
        if limit is None or limit >= self._count:
            return self
        return SpooledRows(f"(FROM {self._scan} LIMIT {limit})", self.columns, limit, self._connection, self.file)

    def where(self, condition: str) -> "SpooledRows":
        """The rows that meet ``condition``, DuckDB SQL that never comes from a user."""
        scan = f"(FROM {self._scan} WHERE {condition})"
        with self.reader() as connection:
            [[count]] = connection.execute(f"SELECT count(*) FROM {scan}").fetchall()
        return SpooledRows(scan, self.columns, count, self._connection)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Row]:
        yield from self._rows(f"FROM {self._scan}")

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, int):
            index = range(self._count)[index]
            return self[index : index + 1][0]
        start, stop, step = index.indices(self._count)
        if step != 1:
            raise ValueError("spooled rows have no step")
        return list(self._rows(f"FROM {self._scan} LIMIT {max(0, stop - start)} OFFSET {start}"))

    def _rows(self, sql: str) -> Iterator[Row]:
        connection = self.reader()
        try:
            cursor = connection.execute(sql)
            while batch := cursor.fetchmany(_BATCH):
                yield from batch
        finally:
            connection.close()


class Spool:
    """A folder for the results of one run. Names of its files are numbers, never data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count()

    def path(self, suffix: str) -> Path:
        return self.folder / f"{next(self._numbers)}.{suffix}"


@contextmanager
def temporary_spool() -> Iterator[Spool]:
    """A spool whose results are gone at the end of the block."""
    with temporary_folder() as folder:
        yield Spool(folder)


def connect() -> "DuckDBPyConnection":
    """A DuckDB database in memory that keeps file order; its timezone, also of its cursors, is UTC."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    return connection


def in_one_thread_if_few(connection: "DuckDBPyConnection", rows: int) -> None:
    """Let DuckDB work on so many ``rows`` in one thread where they are few: to share them would take longer."""
    if rows < _FEW:
        connection.execute("SET threads = 1")


@cache
def _files() -> "DuckDBPyConnection":
    """The shared database for reading files: it is empty, and opening one takes longer than most reads."""
    atexit.register(_files.cache_clear)  # at Python's end, DuckDB may go before it, and then tells of leaks
    return connect()


def reader() -> "DuckDBPyConnection":
    """A cursor that can read files; the caller closes it."""
    return _files().cursor()


@contextmanager
def scratch() -> "Iterator[DuckDBPyConnection]":
    """A cursor with an empty database of its own in the shared one, which takes a thirtieth of the time of another."""
    connection, name = reader(), f"scratch_{next(_scratches)}"
    connection.execute(f"ATTACH ':memory:' AS {name}; USE {name}")
    try:
        yield connection
    finally:
        connection.execute(f"USE memory; DETACH {name}")
        connection.close()


_scratches = count(1)


def quote(text: str) -> str:
    """``text`` as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """``name`` as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def unique(names: Sequence[str]) -> list[str]:
    """``names`` with a number after repeated ones (DuckDB compares names without case)."""
    seen: set[str] = set()
    result = []
    for name in names:
        name = name.replace("\0", "") or "column"
        fresh, number = name, 1
        while fresh.lower() in seen:
            number += 1
            fresh = f"{name}_{number}"
        seen.add(fresh.lower())
        result.append(fresh)
    return result


def csv_rows(path: Path, columns: Sequence[Column], rows: int, longest: int) -> SpooledRows:
    r"""Rows of a headerless CSV file as PostgreSQL's COPY writes it, with ``\N`` for NULL and UTC times.

    ``longest`` is the length of the longest row in bytes: readers make room for it.
    """
    raw = ["VARCHAR" if column.type == "JSON" or column.type.endswith("[]") else column.type for column in columns]
    declared = ", ".join(f"{quote(column.name)}: {quote(kind)}" for column, kind in zip(columns, raw, strict=True))
    select = ", ".join(_from_text(column) for column in columns)
    scan = (
        f"(SELECT {select} FROM read_csv({quote(str(path))}, header = false, auto_detect = false, delim = ',', "
        f"new_line = '\\n', quote = '\"', escape = '\"', nullstr = '\\N', allow_quoted_nulls = false, "
        f"max_line_size = {max(longest, 1 << 21)}, parallel = false, columns = {{{declared}}}))"
    )
    return SpooledRows(scan, columns, rows, file=ResultFile(path, tuple(columns), rows, longest))


def _from_text(column: Column) -> str:
    name = identifier(column.name)
    if column.type == "JSON":  # PostgreSQL keeps texts in it that are no JSON to others, such as half an emoji
        return f"coalesce(TRY_CAST({name} AS JSON), to_json({name})) AS {name}"
    if column.type == "TIMESTAMP[]":
        return f"{_utc_list(f'CAST({name} AS JSON)')} AS {name}"
    if column.type.endswith("[]"):
        return f"CAST({name} AS JSON)::{column.type} AS {name}"
    return name


class JsonLines:
    """A growing file in which every line is a JSON array of cells."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0
        self._longest = 0
        path.write_bytes(b"")

    def __len__(self) -> int:
        return self._count

    def add(self, rows: Iterable[Sequence[object]]) -> None:
        with self._path.open("a", encoding="utf-8", errors="replace") as file:
            for row in rows:
                line = json.dumps(row, ensure_ascii=False)
                file.write(line + "\n")
                self._longest = max(self._longest, len(line))
                self._count += 1

    def rows(self, columns: Sequence[Column]) -> SpooledRows:
        """The rows so far."""
        return json_rows(self._path, columns, self._count, self._longest)


def json_rows(path: Path, columns: Sequence[Column], rows: int, longest: int) -> SpooledRows:
    """Rows of a file that `JsonLines` wrote; ISO 8601 times with an offset become UTC."""
    select = ", ".join(_from_json(number, column) for number, column in enumerate(columns, start=1))
    scan = (
        f"(SELECT {select} FROM read_json({quote(str(path))}, format = 'newline_delimited', records = false, "
        f"maximum_object_size = {max(4 * longest, 1 << 21)}, columns = {{'cells': 'JSON[]'}}))"
    )
    return SpooledRows(scan, columns, rows, file=ResultFile(path, tuple(columns), rows, longest))


def _from_json(number: int, column: Column) -> str:
    cell, name = f"cells[{number}]", identifier(column.name)
    if column.type == "TIMESTAMP":
        return f"CAST({cell} ->> '$' AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS {name}"
    if column.type == "TIMESTAMP[]":
        return f"{_utc_list(cell)} AS {name}"
    if column.type.endswith("[]"):
        return f"CAST({cell} AS {column.type}) AS {name}"
    if column.type == "JSON":
        return f"{cell} AS {name}"
    return f"CAST({cell} ->> '$' AS {column.type}) AS {name}"


def _utc_list(times: str) -> str:
    return f"list_transform(CAST({times} AS TIMESTAMPTZ[]), lambda moment: moment AT TIME ZONE 'UTC')"


def parquet_rows(path: Path) -> SpooledRows:
    """Rows of a parquet file, converted to the types that tables have.

    Whole numbers beyond BIGINT become texts.
    """
    source = _parquet(path)
    connection = reader()
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        kinds = {name: kind for name, kind, *_ in described}
        wide = [f"coalesce(max({identifier(name)}) > {LARGEST}, false)" for name in kinds if kinds[name] in _WIDE]
        [[rows, *exceed]] = connection.execute(f"SELECT {', '.join(['count(*)', *wide])} FROM {source}").fetchall()
    finally:
        connection.close()
    exceeding = dict(zip([name for name in kinds if kinds[name] in _WIDE], exceed, strict=True))
    columns = [Column(name, "VARCHAR" if exceeding.get(name) else _canonical(kind)) for name, kind in kinds.items()]
    return _parquet_rows(path, columns, rows)


def _parquet(path: Path) -> str:
    return f"read_parquet({quote(str(path))})"


def _parquet_rows(path: Path, columns: Sequence[Column], rows: int) -> SpooledRows:
    select = ", ".join(map(_from_parquet, columns))
    scan = f"(SELECT {select} FROM {_parquet(path)})"
    return SpooledRows(scan, columns, rows, file=ResultFile(path, tuple(columns), rows))


LARGEST = 2**63 - 1
"""The largest BIGINT."""

_WIDE = ("UBIGINT", "HUGEINT", "UHUGEINT")


def _canonical(kind: str) -> str:
    if kind.endswith("[]"):
        return f"{_canonical(kind[:-2])}[]"
    if kind.startswith("TIMESTAMP"):
        return "TIMESTAMP"
    if kind in {"UTINYINT", "USMALLINT", "UINTEGER", "TINYINT", "SMALLINT", "INTEGER", *_WIDE}:
        return "BIGINT"
    if kind == "FLOAT" or kind.startswith("DECIMAL"):
        return "DOUBLE"
    if kind in {"BLOB", "UUID"}:
        return "VARCHAR"
    return "JSON" if kind.startswith(("STRUCT", "MAP")) else kind


def _from_parquet(column: Column) -> str:
    name = identifier(column.name)
    if column.type == "JSON":
        return f"to_json({name}) AS {name}"
    return f"CAST({name} AS {column.type}) AS {name}"  # a time with an offset becomes UTC, the timezone of `connect`
