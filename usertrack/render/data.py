"""Tables as data: csv, tsv, json, jsonl, parquet, xlsx. Rows on disk never become Python rows, except for xlsx."""

import contextlib
import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, runtime_checkable

from usertrack.core import embed
from usertrack.core.document import Document
from usertrack.core.spool import reader
from usertrack.core.table import Table
from usertrack.core.temporary import temporary_folder
from usertrack.render import safe, text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FORMATS = ("csv", "tsv", "json", "jsonl", "parquet", "xlsx")
_LINES = {"csv": ",", "tsv": "\t", "jsonl": ""}  # formats of one line per row, with their delimiters


@runtime_checkable
class OnDisk(Protocol):
    """Rows that DuckDB can read itself: ``scan()`` is a FROM-expression for the connection ``reader()``."""

    def scan(self) -> str: ...

    def reader(self) -> Any: ...


def write(table: Table, fmt: str, target: Path | BinaryIO) -> None:
    """Write every row of ``table`` in ``fmt``, one of `FORMATS`, to a path or a binary stream.

    Shape of ``json``: ``{"columns": [{"name", "type"}], "rows": [{…}], "meta": {…}}``, one row per line.
    Raises OSError when the target cannot take it, and UsageError when the format cannot hold the table.
    """
    copied = fmt == "parquet" or (fmt in _LINES and isinstance(table.rows, OnDisk))
    if not copied:
        with contextlib.nullcontext(target) if not isinstance(target, Path) else target.open("wb") as file:
            _WRITERS[fmt](table, fmt, file)
    elif isinstance(target, Path):
        _copy(table, fmt, target)
    else:
        with _copied(table, fmt) as file:
            shutil.copyfileobj(file, target, 1 << 20)


def dumps(document: Any) -> bytes:
    """A command's own JSON document."""
    return _dumped(text.plain(document))


def _dumped(plain: Any) -> bytes:
    return safe.utf8(json.dumps(plain, ensure_ascii=False, indent=2) + "\n")


def document(report: Document) -> bytes:
    """A document's own JSON, with its provenance where it has one. Times become text before the digest is made."""
    known = content(report)
    return dumps(embed.embed_in_json(known, report.provenance)) if report.provenance else _dumped(known)


def content(document: Document) -> Any:
    return text.plain(document.data()) if document.data else {}


# Python rows


def _write_lines(table: Table, fmt: str, file: BinaryIO) -> None:
    for line in _lines(table, fmt):
        file.write(safe.utf8(line + "\n"))


def _lines(table: Table, fmt: str) -> Iterator[str]:
    if fmt == "jsonl":
        return (text.json_line(table.columns, row) for row in table.rows)
    rows = (text.csv_line(table.columns, row, _LINES[fmt]) for row in table.rows)
    return chain([text.csv_header(table.columns, _LINES[fmt])], rows)


def _write_xlsx(table: Table, fmt: str, file: BinaryIO) -> None:
    from usertrack.render import xlsx

    xlsx.write(table, file)


def _write_json(table: Table, fmt: str, file: BinaryIO) -> None:
    columns = [{"name": column.name, "type": column.type} for column in table.columns]
    file.write(safe.utf8('{"columns": ' + json.dumps(columns, ensure_ascii=False) + ',\n "rows": ['))
    separator = b"\n  "
    with _json_rows(table) as lines:
        for line in lines:
            file.write(separator + line)
            separator = b",\n  "
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
        **({"asked_at": table.asked_at} if table.asked_at else {}),
    }


@contextlib.contextmanager
def _json_rows(table: Table) -> Iterator[Iterator[bytes]]:
    if isinstance(table.rows, OnDisk):
        with _copied(table, "jsonl") as file:
            yield (line.rstrip(b"\n") for line in file)
    else:
        yield (safe.utf8(line) for line in _lines(table, "jsonl"))


_WRITERS = {"csv": _write_lines, "tsv": _write_lines, "jsonl": _write_lines, "json": _write_json, "xlsx": _write_xlsx}

# Rows on disk


@contextlib.contextmanager
def _copied(table: Table, fmt: str) -> Iterator[BinaryIO]:
    """The table in a temporary file that DuckDB wrote, open for reading."""
    with temporary_folder() as folder:
        path = folder / "copy"
        _copy(table, fmt, path)
        with path.open("rb") as file:
            yield file


def _copy(table: Table, fmt: str, path: Path) -> None:
    """Let DuckDB write to ``path``. Python rows become JSON lines first, which DuckDB reads with the columns' types."""
    if isinstance(table.rows, OnDisk):
        return _run_copy(table.rows.reader(), table, table.rows.scan(), fmt, path)
    with temporary_folder() as folder:
        lines = folder / "rows.jsonl"
        write(table, "jsonl", lines)
        types = ", ".join(f"{text.identifier(column.name)}: {text.literal(column.type)}" for column in table.columns)
        scan = f"read_json({text.literal(str(lines))}, format='newline_delimited', columns={{{types}}})"
        return _run_copy(reader(), table, scan, fmt, path)


def _run_copy(connection: "DuckDBPyConnection", table: Table, scan: str, fmt: str, path: Path) -> None:
    """Run the copy on ``connection``, and close it."""
    import duckdb

    select, options = _copy_sql(table, scan, fmt)
    with connection:
        try:
            _execute(connection, f"COPY ({select}) TO {text.literal(str(path))} ({options}, USE_TMP_FILE false)")
        except duckdb.IOException as error:
            raise _disk_error(str(error)) from error


def _disk_error(message: str) -> OSError:
    """The operating system's error in DuckDB's message, which would name internal files and threads."""
    match = re.search(r'"errno":"(\d+)"', message)
    known = [int(match[1])] if match else [number for number in _DISK if os.strerror(number) in message]
    return OSError(known[0], os.strerror(known[0])) if known else OSError(errno.EIO, message.splitlines()[0])


_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES)


def _execute(connection: "DuckDBPyConnection", sql: str) -> None:
    """Run ``sql`` in a thread: in the main one DuckDB notices Ctrl-C late, and raises RuntimeError for it."""
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(connection.execute, sql)
        try:
            done.result()
        except KeyboardInterrupt:
            connection.interrupt()
            raise


def _copy_sql(table: Table, scan: str, fmt: str) -> tuple[str, str]:
    """The SELECT to copy, and the options. Lines are complete already: the CSV writer passes one column through."""
    if fmt == "parquet":
        names = [(text.identifier(column.name), column.type) for column in table.columns]
        cells = [f"{name}::TIMESTAMPTZ AS {name}" if kind == "TIMESTAMP" else name for name, kind in names]
        return f"SELECT {', '.join(cells)} FROM {scan}", "FORMAT parquet, COMPRESSION zstd"
    raw = "FORMAT csv, QUOTE '', ESCAPE '', DELIMITER e'\\x01', HEADER"
    if fmt == "jsonl":
        return text.json_lines_sql(table.columns, scan), f"{raw} false"
    return text.csv_lines_sql(table.columns, scan, _LINES[fmt]), f"{raw} true"
