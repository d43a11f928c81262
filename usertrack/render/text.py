"""Lines of CSV and JSON, made in two ways: from rows in Python, and by SQL from rows on disk.

Both give the same bytes (`tests/render/test_data.py` checks that). Times are ISO 8601 in UTC with a Z, floats are the
shortest that read back, NaN and infinities are null, lists are JSON, NULL is an empty cell or null. A JSON column has
JSON text, or a parsed value. In CSV an empty string is ``""``, and a string that a spreadsheet would take for a formula
gets a leading apostrophe.
"""

import json
import math
import re
from datetime import date, datetime
from typing import Any

from usertrack.core.period import as_stored
from usertrack.core.table import Column, Row
from usertrack.render import safe

_SMALL_ESCAPE = re.compile(r"\\(?:\\|u00([01][0-9a-f]))")


def plain(value: Any) -> Any:
    """``value`` in JSON types, at any depth."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    return _iso(value)


def _iso(value: Any) -> str:
    if isinstance(value, datetime):
        return (as_stored(value) if value.tzinfo else value).isoformat() + "Z"
    return value.isoformat() if isinstance(value, date) else str(value)


def _quoted(text: str) -> str:
    """A JSON string, its control characters in upper-case hexadecimal as DuckDB writes them."""
    dumped = json.dumps(text, ensure_ascii=False)
    if "\\u00" not in dumped:
        return dumped
    return _SMALL_ESCAPE.sub(lambda match: "\\u00" + match[1].upper() if match[1] else match[0], dumped)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def json_text(value: Any, kind: str = "VARCHAR") -> str:
    """``value`` of a column of type ``kind`` as JSON on one line."""
    if kind == "JSON" and isinstance(value, str):
        # JSON text as it is, on one line; text that is not JSON becomes a JSON string.
        try:
            json.dumps(json.loads(value, parse_constant=_refuse), allow_nan=False, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            return _quoted(value)
        return value.replace("\n", " ").replace("\r", " ")
    if isinstance(value, list | tuple):
        return "[" + ",".join(json_text(item, kind.removesuffix("[]")) for item in value) + "]"
    if isinstance(value, str):
        return _quoted(value)
    value = plain(value)
    return _quoted(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def json_line(columns: tuple[Column, ...], row: Row) -> str:
    cells = zip(columns, row, strict=True)
    return "{" + ",".join(f"{_quoted(column.name)}:{json_text(value, column.type)}" for column, value in cells) + "}"


def csv_text(value: Any, kind: str) -> str:
    """``value``, neither NULL nor a string, as the text of a CSV cell."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple | dict):
        return json_text(value, kind)
    return str(value) if isinstance(value, int | float) else _iso(value)


def csv_cell(value: Any, kind: str, delimiter: str) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, str):
        return _csv_quoted("'" + value if safe.is_formula(value) else value, delimiter)
    return _csv_quoted(csv_text(value, kind), delimiter)


def _csv_quoted(text: str, delimiter: str) -> str:
    if text and not any(mark in text for mark in ('"', delimiter, "\n", "\r")):
        return text
    return '"' + text.replace('"', '""') + '"'


def csv_line(columns: tuple[Column, ...], row: Row, delimiter: str) -> str:
    cells = zip(columns, row, strict=True)
    return delimiter.join(csv_cell(value, column.type, delimiter) for column, value in cells)


def csv_header(columns: tuple[Column, ...], delimiter: str) -> str:
    return delimiter.join(csv_cell(column.name, "VARCHAR", delimiter) for column in columns)


# The same in SQL. An expression gives VARCHAR, and NULL for NULL.

NUMBERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
)
_LISTS = ("VARCHAR[]", "BIGINT[]", "BOOLEAN[]")


def _value_sql(kind: str, sql: str) -> str | None:
    """``sql`` without quotes, for types whose text needs none; None for text."""
    if kind in ("DOUBLE", "FLOAT"):
        return f"CASE WHEN isfinite({sql}) THEN CAST({sql} AS VARCHAR) END"
    if kind in NUMBERS or kind.startswith("DECIMAL") or kind == "BOOLEAN":
        return f"CAST({sql} AS VARCHAR)"
    return None


def _time_sql(kind: str, sql: str) -> str | None:
    if kind == "DATE":
        return f"strftime({sql}, '%Y-%m-%d')"
    if kind.startswith("TIMESTAMP"):
        seconds, fraction = (f"strftime({sql}, '%Y-%m-%dT%H:%M:%S{part}Z')" for part in ("", ".%f"))
        return f"CASE WHEN microsecond({sql}) % 1000000 = 0 THEN {seconds} ELSE {fraction} END"
    return None


def json_sql(kind: str, sql: str, depth: int = 0) -> str:
    """The SQL twin of `json_text`, except that NULL stays NULL."""
    if kind in _LISTS:
        return f"CAST(to_json({sql}) AS VARCHAR)"  # what the general way gives, in half the time
    if kind.endswith("[]"):
        item = f"v{depth}"
        inner = json_sql(kind.removesuffix("[]"), item, depth + 1)
        return f"'[' || array_to_string(list_transform({sql}, lambda {item}: coalesce({inner}, 'null')), ',') || ']'"
    if kind == "JSON":
        text = f"CAST({sql} AS VARCHAR)"
        line = f"replace(replace({text}, chr(10), ' '), chr(13), ' ')"
        bare = f"""regexp_replace({text}, '"(?:[^"\\\\]|\\\\.)*"', '', 'g')"""
        valid = f"json_valid({text}) AND NOT regexp_matches({bare}, '(?i)nan|inf')"  # numbers to DuckDB, not to JSON
        return f"CASE WHEN {valid} THEN {line} ELSE {_quoted_sql(text)} END"
    if (time := _time_sql(kind, sql)) is not None:
        return f"'\"' || {time} || '\"'"
    return _value_sql(kind, sql) or _quoted_sql(f"CAST({sql} AS VARCHAR)")


def _quoted_sql(sql: str) -> str:
    return f"CAST(to_json({sql}) AS VARCHAR)"


def csv_sql(kind: str, sql: str) -> str:
    """The SQL twin of `csv_cell` before quoting, except that NULL stays NULL."""
    simple = _value_sql(kind, sql) or _time_sql(kind, sql)
    if simple is not None:
        return simple
    if kind.endswith("[]"):
        return json_sql(kind, sql)
    text = f"CAST({sql} AS VARCHAR)"
    return f"CASE WHEN regexp_matches({text}, {literal(safe.FORMULA)}) THEN '''' || {text} ELSE {text} END"


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def json_lines_sql(columns: tuple[Column, ...], scan: str) -> str:
    """A SELECT of one line of JSON per row of ``scan``."""
    parts: list[str] = []
    for column in columns:
        value = f"coalesce({json_sql(column.type, identifier(column.name))}, 'null')"
        parts += [literal(("," if parts else "{") + _quoted(column.name) + ":"), value]
    return f"SELECT concat({', '.join(parts)}, '}}') FROM {scan}"


def _csv_quoted_sql(sql: str, delimiter: str) -> str:
    marked = " OR ".join(
        f"contains({sql}, {mark})" for mark in (literal('"'), literal(delimiter), "chr(10)", "chr(13)")
    )
    return f"""CASE WHEN {sql} = '' OR {marked} THEN '"' || replace({sql}, '"', '""') || '"' ELSE {sql} END"""


def csv_lines_sql(columns: tuple[Column, ...], scan: str, delimiter: str) -> str:
    """A SELECT of one line of CSV per row of ``scan``; its only column is named after the header line.

    ``concat`` writes a line in one pass (a chain of ``||`` copies it once per cell) and takes NULL for nothing.
    """
    texts = ", ".join(f"{csv_sql(column.type, identifier(column.name))} AS c{n}" for n, column in enumerate(columns))
    cells = [
        f"c{n}" if _value_sql(column.type, "") else _csv_quoted_sql(f"c{n}", delimiter)
        for n, column in enumerate(columns)
    ]
    joined = f", {literal(delimiter)}, ".join(cells)
    return f"SELECT concat({joined}) AS {identifier(csv_header(columns, delimiter))} FROM (SELECT {texts} FROM {scan})"
