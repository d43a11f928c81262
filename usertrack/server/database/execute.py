"""Runs a compiled query in ClickHouse and returns its result as the bytes of PostHog's JSON, without Python values.

Each query has a chDB connection of its own: queries run side by side, can be cancelled, and a failed one leaves nothing
in a buffer that others read.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from usertrack.core.json_types import JsonObject
from usertrack.server.database.session import ClickHouseSession, message_of
from usertrack.server.hogql.compiled import CompiledQuery
from usertrack.server.hogql.sql import identifier, quote
from usertrack.server.http.api_errors import ApiError

# transform_null_in: HogQL's IN, where NULL is a value; readonly: a second protection behind the allow-list;
# query_plan_merge_expressions: merging steps, ClickHouse 26 confuses times of other timezones with UTC
SETTINGS = (
    "readonly=2, max_execution_time=60, transform_null_in=1, json_type_escape_dots_in_keys=1, session_timezone='UTC', "
    "query_plan_merge_expressions=0"
)
_OUTPUT = {
    "date_time_output_format": "'iso'",
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_quote_decimals": 0,
    "output_format_json_quote_denormals": 0,
    "output_format_json_named_tuples_as_objects": 0,
    "output_format_json_escape_forward_slashes": 0,
    "output_format_json_validate_utf8": 1,
}
_DATA, _DATA_END, _ROW = b'"data":\n\t[', b'\n\t],\n\n\t"rows":', b",\n\t\t["
_PARQUET = "output_format_parquet_string_as_string=1, output_format_parquet_compression_method='zstd'"
_ZONE = re.compile(r"'[A-Za-z]+(?:/[A-Za-z0-9_+-]+)+'")
_TIME = re.compile(r"(?:Nullable\()?DateTime(?:64\(\d, '([^']+)'\)|\('([^']+)'\))\)?")
_USUAL_LENGTH = 100_000  # characters, well below ClickHouse's max_query_size of 256 KiB
# A result is not in ClickHouse's memory limit, and is copied once; as JSON it may be eight times as long.
_PART_FOR_JSON, _PART_FOR_PARQUET = 16, 4
# a missing table is one that a purge detaches for a moment; it does so with up to so many, one after the other
_REATTACHED, _CODE_OF_NO_TABLE = 4, "(UNKNOWN_TABLE)"
_NOTHING = "type 'Nothing'"  # of a column of NULLs
_CODE_OF_MEMORY = "(MEMORY_LIMIT_EXCEEDED)"
_UTC = {"UTC", "Etc/UTC", "GMT"}
# failures of the server, not of the query: PostHog shows no details of these
_INTERNAL = {"LOGICAL_ERROR", "NOT_ENOUGH_SPACE", "STD_EXCEPTION", "ABORTED"}
DAMAGED = "store_damaged"
_DAMAGE = {"CHECKSUM_DOESNT_MATCH", "CANNOT_READ_ALL_DATA", "CANNOT_DECOMPRESS", "CORRUPTED_DATA"}


@dataclass(frozen=True)
class Result:
    """``rows`` is the JSON text of an array of arrays; ``types`` are ClickHouse types. ``has_more``: without LIMIT."""

    rows: bytes | memoryview
    has_more: bool | None
    types: list[str]


def execute(session: ClickHouseSession, compiled: CompiledQuery, tag: str, memory: int) -> Result:
    """Runs ``compiled`` in ``memory`` bytes; ``tag`` is the name under which ``cancel`` finds it. Raises ApiError."""
    settings = _limited(tag, memory, _PART_FOR_JSON)
    sql, types = compiled.clickhouse, None
    if _ZONE.search(sql):
        types = describe(session, sql, settings)
        sql = _with_offsets(sql, compiled.keys, types)
    output = ", ".join(f"{name}={value}" for name, value in _OUTPUT.items())
    body = run(session, f"{sql} SETTINGS {settings}, {output}", "JSONCompact")
    head = body.index(_DATA)
    start, end = head + len(_DATA) - 1, body.rindex(_DATA_END) + 3
    types = types or [column["type"] for column in json.loads(body[:head].rstrip()[:-1] + b"}")["meta"]]
    # without LowCardinality, which only says how ClickHouse stores a column
    public = [re.sub(r"LowCardinality\(((?:[^()]|\([^()]*\))*)\)", r"\1", type_) for type_ in types]
    if compiled.page is None:
        return Result(memoryview(body)[start:end], None, public)
    return Result(*_first(body, start, end, compiled.page), public)


def execute_parquet(session: ClickHouseSession, compiled: CompiledQuery, tag: str, memory: int) -> bytes:
    """The result as a parquet file; columns that share a name are numbered. Raises ApiError."""
    seen: dict[str, int] = {}
    names = []
    for name in compiled.columns:
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    settings = f"{_limited(tag, memory, _PART_FOR_PARQUET)}, {_PARQUET}"

    def file(column: Callable[[str], str]) -> bytes:
        cells = [f"{column(identifier(key))} AS {identifier(name)}" for key, name in zip(keys, names, strict=True)]
        return run(session, f"SELECT {', '.join(cells)} FROM ({compiled.clickhouse}) SETTINGS {settings}", "Parquet")

    keys = compiled.keys
    try:
        return file(str)
    except ApiError as error:  # before the query has begun
        if _NOTHING not in str(error.__cause__):
            raise
        return file(_writable)


def _limited(tag: str, memory: int, part: int) -> str:
    """The settings of a query in ``memory`` bytes, whose result may take a ``part``-th of them."""
    return f"{SETTINGS}, log_comment={quote(tag)}, max_memory_usage={memory}, max_result_bytes={memory // part}"


def _writable(column: str) -> str:
    """``column`` with a type that parquet has: it lacks that of a column of NULLs.

    ClickHouse decides that itself, as it reads the query, in a tenth more of its time.
    """
    return f"CAST({column}, if(toTypeName({column}) LIKE '%Nothing%', 'Nullable(String)', toTypeName({column})))"


def run(session: ClickHouseSession, sql: str, fmt: str) -> bytes:
    """One statement on a connection of its own. Raises ApiError."""
    for _ in range(_REATTACHED):
        try:
            return _run(session, sql, fmt)
        except ApiError as error:
            if _CODE_OF_NO_TABLE not in str(error.__cause__):
                raise
            session.settle()
    return _run(session, sql, fmt)


def _run(session: ClickHouseSession, sql: str, fmt: str) -> bytes:
    import chdb

    connection: Any = chdb.connect(str(session.path / "clickhouse"))  # type: ignore[no-untyped-call]
    try:
        if len(sql) > _USUAL_LENGTH:  # a long list of values; the parser reads these before it sees SETTINGS
            connection.query(f"SET max_query_size = {1 << 30}, max_ast_elements = 4000000")
        result: bytes = connection.query(sql, fmt).bytes()
        return result
    except (RuntimeError, UnicodeDecodeError, chdb.ChdbError) as error:
        message = message_of(error, session.path)
        if _CODE_OF_MEMORY in message:
            connection.query("SYSTEM JEMALLOC PURGE")  # else the query's memory would stay allocated for a while
        raise api_error(message) from error
    finally:
        connection.close()


def read_rows(session: ClickHouseSession, sql: str) -> list[list[Any]]:
    """The result of ``sql`` as Python lists, like ``ClickHouseSession.rows``, but without waiting for a writer."""
    return [json.loads(line) for line in run(session, sql, "JSONCompactEachRow").splitlines()]


def describe(session: ClickHouseSession, sql: str, settings: str) -> list[str]:
    """The ClickHouse types of a SELECT's columns, without running it."""
    lines = run(session, f"DESCRIBE ({sql}) SETTINGS {settings}", "JSONCompactEachRow").splitlines()
    return [json.loads(line)[1] for line in lines]


def cancel(session: ClickHouseSession, tag: str) -> None:
    """Stops the running queries whose tag begins with ``tag``, if there are any."""
    run(session, f"KILL QUERY WHERE {_tagged(tag)} ASYNC", "JSONCompact")


def _tagged(tag: str) -> str:
    return f"startsWith(Settings['log_comment'], {quote(tag)})"


def iso_time(text: str) -> str:
    """A UTC time as ClickHouse prints it, as PostHog's JSON has it."""
    return text.replace(" ", "T") + "Z"


def progress(session: ClickHouseSession, tag: str) -> JsonObject | None:
    """The progress of the running query whose tag begins with ``tag``, as PostHog's ``query_progress``."""
    condition = f"WHERE {_tagged(tag)}"
    columns = "toInt64(read_bytes), toInt64(read_rows), toInt64(total_rows_approx), elapsed"
    settings = "SETTINGS output_format_json_quote_64bit_integers=0"
    line = run(session, f"SELECT {columns} FROM system.processes {condition} {settings}", "JSONCompactEachRow")
    if not line:
        return None
    names = ("bytes_read", "rows_read", "estimated_rows_total", "time_elapsed")
    return dict(zip(names, json.loads(line.splitlines()[0]), strict=True)) | {"active_cpu_time": 0}


def api_error(message: str) -> ApiError:
    """PostHog's error for a ClickHouse error: 400 with details for a fault of the query, else 500 without."""
    name = (re.findall(r"\(([A-Z][A-Z0-9_]+)\)", message) or ["UNKNOWN"])[-1]
    if name in ("TIMEOUT_EXCEEDED", "MEMORY_LIMIT_EXCEEDED"):
        limit = "max execution time" if name == "TIMEOUT_EXCEEDED" else "memory limit"
        detail = f"Query has hit the {limit} before completing. Try reducing its scope by changing the time range."
        return ApiError(504, f"clickhouse_{name.lower()}", detail)
    if name == "QUERY_WAS_CANCELLED":
        return ApiError(400, "query_was_cancelled", "Query was cancelled.")
    if name in _DAMAGE:
        return ApiError(500, DAMAGED, "The store is damaged: `usertrack serve --status` says where.")
    if name in _INTERNAL or name == "UNKNOWN":
        return ApiError(500, "error", "ClickHouse error while executing query.")
    detail = message.partition("DB::Exception:")[2].partition("Stack trace:")[0]
    detail = re.sub(r" SETTINGS readonly = 2.*?(?=\. \(|$)|\. \([A-Z0-9_]+\)\s*$", "", detail, flags=re.S).strip()
    return ApiError(400, name.lower(), re.sub(r"\. \([A-Z0-9_]+\)$", "", detail) or message)


def _with_offsets(sql: str, keys: list[str], types: list[str]) -> str:
    """Times that are not in UTC are written with their own offset; ClickHouse's ISO output knows only UTC."""
    columns = [_iso(identifier(key), type_) for key, type_ in zip(keys, types, strict=True)]
    if columns == [identifier(key) for key in keys]:
        return sql
    return f"SELECT {', '.join(columns)} FROM ({sql})"


def _iso(column: str, type_: str) -> str:
    if type_.startswith("Array("):
        inner = _iso("x", type_[6:-1])
        return column if inner == "x" else f"arrayMap(x -> {inner}, {column})"
    match = _TIME.fullmatch(type_)
    if not match or (match[1] or match[2]) in _UTC:
        return column
    text = f"formatDateTime({column}, '%Y-%m-%dT%H:%i:%S.%f%z')"
    return rf"replaceRegexpOne({text}, '(?:\\.0+)?([+-]\\d\\d)(\\d\\d)$', '\\1:\\2')"


def _first(body: bytes, start: int, end: int, page: int) -> tuple[bytes, bool]:
    """At most ``page`` rows, and whether there was one more. Line breaks inside of values are escaped."""
    has_more = body.count(b"\n\t\t[", start, end) > page
    return (body[start : body.rindex(_ROW, start, end)] + b"]" if has_more else body[start:end]), has_more
