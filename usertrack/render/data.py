"""Tables as data: csv, tsv, json, jsonl, parquet, xlsx. Rows that lie on disk never become Python rows (xlsx apart)."""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

from usertrack.render import safe, text
from usertrack.table import Table

FORMATS = ("csv", "tsv", "json", "jsonl", "parquet", "xlsx")
_DELIMITERS = {"csv": ",", "tsv": "\t"}
_RAW = "(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER e'\\x01', USE_TMP_FILE false)"
_PARQUET = "(FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)"


@runtime_checkable
class OnDisk(Protocol):
    """Rows that DuckDB can read by itself: ``scan()`` is an expression for its FROM."""

    def scan(self) -> str: ...


def write(table: Table, fmt: str, target: Path | BinaryIO) -> None:
    """Write every row of ``table`` in ``fmt``, one of `FORMATS`, to a path or a binary stream.

    Shape of ``json``: ``{"columns": [{"name", "type"}], "rows": [{…}], "meta": {…}}``, one row per line.
    Raises OSError when the target cannot take it, and UsageError when the format cannot hold the table.
    """
    if isinstance(target, Path):
        if fmt == "parquet":
            return _write_parquet(table, target)
        with target.open("wb") as file:
            _write_stream(table, fmt, file)
    elif fmt == "parquet":
        with tempfile.TemporaryDirectory(prefix="usertrack-") as folder:
            path = Path(folder) / "table"
            _write_parquet(table, path)
            with path.open("rb") as file:
                shutil.copyfileobj(file, target, 1 << 20)
    else:
        _write_stream(table, fmt, target)
    return None


def dumps(document: Any) -> bytes:
    """A command's own JSON document."""
    return safe.utf8(json.dumps(text.plain(document), ensure_ascii=False, indent=2) + "\n")


def _write_stream(table: Table, fmt: str, file: BinaryIO) -> None:
    if fmt == "json":
        _write_json(table, file)
    elif fmt == "xlsx":
        from usertrack.render import xlsx

        xlsx.write(table, file)
    else:
        _write_lines(table, fmt, file)


def _write_lines(table: Table, fmt: str, file: BinaryIO) -> None:
    if fmt != "jsonl":
        header = tuple(column.name for column in table.columns)
        file.write(safe.utf8(text.csv_line(table.columns, header, _DELIMITERS[fmt]) + "\n"))
    if isinstance(table.rows, OnDisk):
        with _lines_on_disk(table, table.rows, fmt) as lines:
            shutil.copyfileobj(lines, file, 1 << 20)
        return
    for row in table.rows:
        line = (
            text.json_line(table.columns, row)
            if fmt == "jsonl"
            else text.csv_line(table.columns, row, _DELIMITERS[fmt])
        )
        file.write(safe.utf8(line + "\n"))
    return


def _write_json(table: Table, file: BinaryIO) -> None:
    columns = [{"name": column.name, "type": column.type} for column in table.columns]
    file.write(safe.utf8('{"columns": ' + json.dumps(columns, ensure_ascii=False) + ',\n "rows": ['))
    separator = b"\n"
    with _json_lines(table) as lines:
        for line in lines:
            file.write(separator + b"  " + line)
            separator = b",\n"
    meta = json.dumps(text.plain(_meta(table)), ensure_ascii=False)
    file.write(safe.utf8(f'],\n "meta": {meta}}}\n'))


def _meta(table: Table) -> dict[str, Any]:
    return {
        "source": table.source,
        "query": table.query,
        "parameters": table.parameters,
        "as_of": table.as_of,
        "timezone": table.timezone,
        "truncated": table.truncated,
        "elapsed_ms": round(table.elapsed * 1000, 1),
        "notes": table.notes,
    }


@contextlib.contextmanager
def _json_lines(table: Table) -> Iterator[Iterator[bytes]]:
    if isinstance(table.rows, OnDisk):
        with _lines_on_disk(table, table.rows, "jsonl") as file:
            yield (line.rstrip(b"\n") for line in file)
    else:
        yield (safe.utf8(text.json_line(table.columns, row)) for row in table.rows)


@contextlib.contextmanager
def _lines_on_disk(table: Table, rows: OnDisk, fmt: str) -> Iterator[BinaryIO]:
    """The lines of rows on disk, made by DuckDB."""
    if fmt == "jsonl":
        select = text.json_lines_sql(table.columns, rows.scan())
    else:
        select = text.csv_lines_sql(table.columns, rows.scan(), _DELIMITERS[fmt])
    with tempfile.TemporaryDirectory(prefix="usertrack-") as folder:
        path = Path(folder) / "lines"
        _copy(select, path, _RAW)
        with path.open("rb") as file:
            yield file


def _write_parquet(table: Table, path: Path) -> None:
    """Times become UTC instants. Python rows go through JSON lines, which DuckDB reads as the types of the columns."""
    if isinstance(table.rows, OnDisk):
        return _copy(_parquet_sql(table, table.rows.scan()), path, _PARQUET)
    with tempfile.TemporaryDirectory(prefix="usertrack-") as folder:
        lines = Path(folder) / "rows.jsonl"
        write(table, "jsonl", lines)
        types = ", ".join(f"{text.identifier(column.name)}: {text.literal(column.type)}" for column in table.columns)
        scan = f"read_json({text.literal(str(lines))}, format='newline_delimited', columns={{{types}}})"
        return _copy(_parquet_sql(table, scan), path, _PARQUET)


def _parquet_sql(table: Table, scan: str) -> str:
    names = [(text.identifier(column.name), column.type) for column in table.columns]
    cells = [f"{name}::TIMESTAMPTZ AS {name}" if kind == "TIMESTAMP" else name for name, kind in names]
    return f"SELECT {', '.join(cells)} FROM {scan}"


def _copy(select: str, path: Path, options: str) -> None:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            connection.execute(f"COPY ({select}) TO {text.literal(str(path))} {options}")
        except duckdb.IOException as error:
            raise OSError(str(error).splitlines()[0]) from error
