"""The columns of an answer, each declared once: its name, its type, where its value comes from, how people see it.

The table for files, the rows of JSON and the listing for people are made from the same declaration.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar

from usertrack.core.document import Field, Listing
from usertrack.core.table import Column, Row, Table

Record = TypeVar("Record")
_NO_TABLE = Table((), ())


@dataclass(frozen=True)
class Attribute(Generic[Record]):
    """One column: its name, its DuckDB type (see `Column`), and its value in a record.

    Without a ``field`` only files have it. ``text`` is what people see instead of the value; a number, if the field is
    of numbers. Listings have the columns in the order of the declaration; those of a lower ``place`` come first.
    """

    name: str
    type: str
    value: Callable[[Record], Any]
    field: Field | None = None
    text: Callable[[Record], Any] | None = None
    place: int = 0

    @property
    def seen_column(self) -> Column:
        numeric = self.field is not None and self.field.kind in ("number", "percent", "bar")
        return Column(self.name, ("DOUBLE" if numeric else "VARCHAR") if self.text else self.type)

    def seen(self, record: Record) -> Any:
        return self.text(record) if self.text else self.value(record)


class Columns(Generic[Record]):
    """The columns of one kind of record, in the order that files have them."""

    def __init__(self, *attributes: Attribute[Record]) -> None:
        self.attributes = attributes

    def table(
        self,
        records: Iterable[Record],
        name: str = "",
        *,
        source: Table = _NO_TABLE,
        timezone: str = "UTC",
        as_of: datetime | None = None,
    ) -> Table:
        """The table for files; query, notes and moment of the ``source``, the table it is computed from, stay."""
        columns = tuple(Column(each.name, each.type) for each in self.attributes)
        rows: list[Row] = [tuple(each.value(record) for each in self.attributes) for record in records]
        moment = as_of or source.as_of
        return replace(source, columns=columns, rows=rows, name=name, timezone=timezone, as_of=moment)

    def dicts(self, records: Iterable[Record]) -> list[dict[str, Any]]:
        """The rows of JSON."""
        return [{each.name: each.value(record) for each in self.attributes} for record in records]

    def listing(
        self,
        records: Iterable[Record],
        heading: str = "",
        *,
        limit: int | None = None,
        timezone: str = "UTC",
        as_of: datetime | None = None,
    ) -> Listing:
        """What people see of the columns that have a `Field`."""
        seen = sorted((each for each in self.attributes if each.field), key=lambda each: each.place)
        columns = tuple(each.seen_column for each in seen)
        records = list(records)
        rows: list[Row] = [tuple(each.seen(record) for each in seen) for record in records]
        fields = {each.name: each.field for each in seen if each.field}
        table = Table(columns, rows, timezone=timezone, as_of=as_of)
        values = partial(Columns(*seen).dicts, records) if any(each.text for each in seen) else None
        return Listing(table, heading, fields, limit=limit, values=values)

    @property
    def fields(self) -> dict[str, Field]:
        """For a listing of the table itself."""
        return {each.name: each.field or Field(hidden=True) for each in self.attributes}

    def show(self, name: str, field: Field, text: Callable[[Record], Any] | None = None) -> Attribute[Record]:
        """One of these columns as another listing of the same records has it."""
        [attribute] = (each for each in self.attributes if each.name == name)
        return replace(attribute, field=field, text=text or attribute.text, place=0)
