"""Results that lie on disk and are read by DuckDB: a million rows never become a Python list."""

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any, overload

from usertrack.table import Column, Row

_BATCH = 20_000


class SpooledRows(Sequence[Row]):
    """The rows that ``scan`` (a DuckDB FROM-expression over files) yields, in the file's order.

    ``columns`` are in DuckDB's types as Table knows them: times are naive UTC. Without a ``connection`` the
    scan is over files, and any connection can read it.
    """

    def __init__(self, scan: str, columns: Sequence[Column], count: int, connection: Any = None) -> None:
        self._scan = scan
        self.columns = tuple(columns)
        self._count = count
        self._connection = connection

    def scan(self) -> str:
        """A FROM-expression for ``reader()``."""
        return self._scan

    def reader(self) -> Any:
        """A DuckDB cursor that can read ``scan()``; the caller closes it."""
        return self._connection.cursor() if self._connection else connect()

    def head(self, limit: int | None) -> "SpooledRows":
        """These rows, but ``limit`` at the most."""
        if limit is None or limit >= self._count:
            return self
        return SpooledRows(f"(FROM {self._scan} LIMIT {limit})", self.columns, limit, self._connection)

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
    """A folder for the results of one run; names of its files are ours alone, never from data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count()

    def path(self, suffix: str) -> Path:
        return self.folder / f"{next(self._numbers)}.{suffix}"


def connect() -> Any:
    """A DuckDB connection that keeps file order and knows no timezone but UTC."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def quote(text: str) -> str:
    """``text`` as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """``name`` as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def unique(names: Sequence[str]) -> list[str]:
    """``names`` with a number behind those that came before (DuckDB compares names without case)."""
    seen: set[str] = set()
    result = []
    for name in names:
        fresh, number = name or "column", 1
        while fresh.lower() in seen:
            number += 1
            fresh = f"{name or 'column'}_{number}"
        seen.add(fresh.lower())
        result.append(fresh)
    return result


def csv_rows(path: Path, columns: Sequence[Column], rows: int) -> SpooledRows:
    r"""Rows of a headerless CSV file as PostgreSQL's COPY writes it, with ``\N`` for NULL and UTC times."""
    raw = {column.name: _RAW_CSV.get(column.type, column.type) for column in columns}
    declared = ", ".join(f"{quote(name)}: {quote(kind)}" for name, kind in raw.items())
    chosen = ", ".join(_from_text(column) for column in columns)
    scan = (
        f"(SELECT {chosen} FROM read_csv({quote(str(path))}, header = false, auto_detect = false, delim = ',', "
        f"quote = '\"', escape = '\"', nullstr = '\\N', allow_quoted_nulls = false, max_line_size = 268435456, "
        f"parallel = false, columns = {{{declared}}}))"
    )
    return SpooledRows(scan, columns, rows)


_RAW_CSV = {"TIMESTAMP": "VARCHAR", "JSON": "VARCHAR"}


def _from_text(column: Column) -> str:
    name = identifier(column.name)
    if column.type == "TIMESTAMP":
        return f"CAST(CAST({name} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP) AS {name}"
    if column.type.endswith("[]") or column.type == "JSON":
        return f"CAST({name} AS JSON)::{column.type} AS {name}"
    return name


def json_rows(paths: Sequence[Path], columns: Sequence[Column], rows: int) -> SpooledRows:
    """Rows of files in which every line is one JSON array of cells; ISO 8601 times with an offset become UTC."""
    files = ", ".join(quote(str(path)) for path in paths)
    chosen = ", ".join(_from_json(number, column) for number, column in enumerate(columns, start=1))
    scan = (
        f"(SELECT {chosen} FROM read_json([{files}], format = 'newline_delimited', records = false, "
        f"maximum_object_size = 268435456, columns = {{'cells': 'JSON[]'}}))"
    )
    return SpooledRows(scan, columns, rows)


def _from_json(number: int, column: Column) -> str:
    cell, name = f"cells[{number}]", identifier(column.name)
    if column.type == "TIMESTAMP":
        return f"CAST(CAST({cell} ->> '$' AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP) AS {name}"
    if column.type.endswith("[]"):
        return f"CAST({cell} AS {column.type}) AS {name}"
    if column.type == "JSON":
        return f"{cell} AS {name}"
    return f"CAST({cell} ->> '$' AS {column.type}) AS {name}"


def parquet_rows(path: Path) -> SpooledRows:
    """Rows of a parquet file, its types brought to those that Table knows."""
    connection = connect()
    try:
        source = f"read_parquet({quote(str(path))})"
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        rows = connection.execute(f"SELECT count(*) FROM {source}").fetchone()[0]
    finally:
        connection.close()
    columns = [Column(name, _canonical(kind)) for name, kind, *_ in described]
    chosen = ", ".join(_from_parquet(column, kind) for column, (_, kind, *_) in zip(columns, described, strict=True))
    return SpooledRows(f"(SELECT {chosen} FROM {source})", columns, rows)


def _canonical(kind: str) -> str:
    if kind.endswith("[]"):
        return f"{_canonical(kind[:-2])}[]"
    if kind.startswith("TIMESTAMP"):
        return "TIMESTAMP"
    if kind in {"UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "TINYINT", "SMALLINT", "INTEGER", "HUGEINT"}:
        return "BIGINT"
    if kind == "FLOAT" or kind.startswith("DECIMAL"):
        return "DOUBLE"
    if kind in {"BLOB", "UUID"}:
        return "VARCHAR"
    return "JSON" if kind.startswith(("STRUCT", "MAP")) else kind


def _from_parquet(column: Column, kind: str) -> str:
    name = identifier(column.name)
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"CAST({name} AT TIME ZONE 'UTC' AS TIMESTAMP) AS {name}"
    if column.type == "JSON":
        return f"to_json({name}) AS {name}"
    return f"CAST({name} AS {column.type}) AS {name}"
