"""Spools the rows of PostHog's answers, and maps ClickHouse's types to those of Table without losing values."""

from collections.abc import Sequence

from usertrack.core.errors import QueryError
from usertrack.core.json_types import JsonObject
from usertrack.core.spool import LARGEST, JsonLines, Spool, SpooledRows, unique
from usertrack.core.table import Column

_WIDE = ("UInt64", "Int128", "Int256")


class AnswerRows:
    """Collects the rows of one or several answers to the same query."""

    def __init__(self, spool: Spool) -> None:
        self._lines = JsonLines(spool.path("ndjson"))
        self._names: list[str] = []
        self._kinds: list[str] = []
        self._wide: set[int] = set()

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, document: JsonObject, rows: Sequence[Sequence[object]]) -> None:
        """Add the ``rows`` of the answer ``document``."""
        if not self._kinds:
            self._names = [str(name) for name in document["columns"]]
            self._kinds = _kinds(document, len(self._names))
        for number, kind in enumerate(self._kinds):
            if any(wide in kind for wide in _WIDE) and any(_is_wide(row[number]) for row in rows):
                self._wide.add(number)
        self._lines.add(rows)

    def rows(self) -> SpooledRows:
        """All rows. A column with integers that BIGINT cannot hold becomes text, so that no digit is lost."""
        types = [duckdb_type(kind) for kind in self._kinds]
        for number in self._wide:
            types[number] = "VARCHAR" if types[number] == "BIGINT" else "JSON"
        names = unique(self._names)
        return self._lines.rows([Column(name, kind) for name, kind in zip(names, types, strict=True)])


def rows_of(document: JsonObject) -> list[list[object]]:
    """The rows of an answer, checked; raises QueryError."""
    rows, columns = document.get("results"), document.get("columns")
    if not isinstance(rows, list) or not isinstance(columns, list):
        raise QueryError("PostHog answered without results", "try again; if it stays, ask PostHog's support")
    if not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        raise QueryError("PostHog answered with rows that do not fit the columns", "ask PostHog's support")
    return rows


def duckdb_type(clickhouse: str) -> str:
    """The DuckDB type for a ClickHouse one. Decimals become DOUBLE: 15 digits are kept."""
    for wrapper in ("Nullable(", "LowCardinality("):
        if clickhouse.startswith(wrapper):
            return duckdb_type(clickhouse[len(wrapper) : -1])
    if clickhouse.startswith("Array("):
        return f"{duckdb_type(clickhouse[6:-1])}[]"
    prefixes = {
        "Int": "BIGINT", "UInt": "BIGINT", "Float": "DOUBLE", "Decimal": "DOUBLE", "DateTime": "TIMESTAMP",
        "Date": "DATE", "Bool": "BOOLEAN", "Tuple": "JSON", "Map": "JSON", "JSON": "JSON",
    }  # fmt: skip
    return next((kind for prefix, kind in prefixes.items() if clickhouse.startswith(prefix)), "VARCHAR")


def _kinds(document: JsonObject, count: int) -> list[str]:
    types = document.get("types")
    kinds = [str(pair[-1]) for pair in types or [] if isinstance(pair, list) and pair]
    return kinds if len(kinds) == count else ["String"] * count


def _is_wide(cell: object) -> bool:
    if isinstance(cell, list):
        return any(map(_is_wide, cell))
    return isinstance(cell, int) and not -LARGEST - 1 <= cell <= LARGEST
