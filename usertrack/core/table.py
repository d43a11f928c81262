"""The table that queries return and files export: typed columns, rows, and where they come from."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias, overload

Row = tuple[Any, ...]

NamedRow: TypeAlias = dict[str, Any]
"""A row by the names of its columns, as `Table.dicts` returns it."""


@dataclass(frozen=True)
class Column:
    """``type`` is DuckDB's: VARCHAR, BIGINT, DOUBLE, BOOLEAN, TIMESTAMP (UTC, naive), DATE, JSON or ``T[]``."""

    name: str
    type: str = "VARCHAR"


@dataclass(frozen=True)
class Table:
    """Rows, and where they come from.

    ``rows`` is a list, or a lazy sequence over a result that lies on disk; both can be iterated more than once.
    Times in rows are naive and UTC; ``timezone`` is the one to show them in. ``elapsed`` is in seconds.
    ``truncated``: the source had more rows than these. ``asked_at`` is when the source returned rows that now come from
    the cache, else None.
    """

    columns: tuple[Column, ...]
    rows: Sequence[Row]
    name: str = ""
    title: str = ""
    source: str = ""
    query: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    elapsed: float = 0.0
    truncated: bool = False
    as_of: datetime | None = None
    asked_at: datetime | None = None
    timezone: str = "UTC"
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def dicts(self) -> list[dict[str, Any]]:
        """Every row as a dict: for results known to be small."""
        return [dict(zip(self.names, row, strict=True)) for row in self.rows]


class MappedRows(Sequence[Row]):
    """Rows that ``change`` makes of others. They are read only as far as they are shown."""

    def __init__(self, rows: Sequence[Row], change: Callable[[Row], Row]) -> None:
        self._rows, self._change = rows, change

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return map(self._change, self._rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return list(map(self._change, self._rows[index]))
        return self._change(self._rows[index])
