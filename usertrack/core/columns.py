"""The columns of an answer, each declared once: its name, its type, where its value comes from, how people see it.

The table for files, the rows of JSON and the listing for people are made from the same declaration.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar

from usertrack.core.document import Field, Listing
from usertrack.core.json_types import JsonObject
from usertrack.core.table import Column, Row, Table

Record = TypeVar("Record")
_NO_TABLE = Table((), ())


@dataclass(frozen=True)
class Attribute(Generic[Record]):
    """One column: its name, its DuckDB type (see `Column`), and its value in a record.

    ``value`` computes it, or is the path of an attribute of the record such as ``interval.low``, None where a part of
    that is None; the attribute called like the column needs none.
    Without a ``field`` only files have it. ``text`` is what people see instead of the value; a number, if the field is
    of numbers. Listings have the columns in the order of the declaration; those of a lower ``place`` come first.
    """

    name: str
    type: str
    value: Callable[[Record], Any] | str = ""
    field: Field | None = None
    text: Callable[[Record], Any] | None = None
    place: int = 0

    @property
    def seen_column(self) -> Column:
        numeric = self.field is not None and self.field.kind in ("number", "percent", "bar")
        return Column(self.name, ("DOUBLE" if numeric else "VARCHAR") if self.text else self.type)

    @property
    def read(self) -> Callable[[Record], Any]:
        """The function that takes the value out of a record."""
        if not isinstance(self.value, str):
            return self.value
        names = (self.value or self.name).split(".")

        def follow(record: object) -> Any:  # noqa: ANN401
            for name in names:
                record = None if record is None else getattr(record, name)
            return record

        return follow


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
        columns = tuple(Column(attribute.name, attribute.type) for attribute in self.attributes)
        reads = [attribute.read for attribute in self.attributes]
        rows: list[Row] = [tuple(read(record) for read in reads) for record in records]
        moment = as_of or source.as_of
        return replace(source, columns=columns, rows=rows, name=name, timezone=timezone, as_of=moment)

    def dicts(self, records: Iterable[Record]) -> list[JsonObject]:
        """The rows of JSON."""
        reads = {attribute.name: attribute.read for attribute in self.attributes}
        return [{name: read(record) for name, read in reads.items()} for record in records]

    def listing(
        self,
        records: Iterable[Record],
        heading: str = "",
        *,
        limit: int | None = None,
        timezone: str = "UTC",
        as_of: datetime | None = None,
    ) -> Listing:
        """The records for people: the columns that have a `Field`."""
        seen = sorted((column for column in self.attributes if column.field), key=lambda column: column.place)
        records = list(records)
        reads = [column.text or column.read for column in seen]
        rows: list[Row] = [tuple(read(record) for read in reads) for record in records]
        fields = {column.name: column.field for column in seen if column.field}
        table = Table(tuple(column.seen_column for column in seen), rows, timezone=timezone, as_of=as_of)
        values = partial(Columns(*seen).dicts, records) if any(column.text for column in seen) else None
        return Listing(table, heading, fields, limit=limit, values=values)

    @property
    def fields(self) -> dict[str, Field]:
        """For a listing of the table itself."""
        return {column.name: column.field or Field(hidden=True) for column in self.attributes}

    def show(self, name: str, field: Field, text: Callable[[Record], Any] | None = None) -> Attribute[Record]:
        """One of these columns as another listing of the same records has it."""
        [attribute] = (column for column in self.attributes if column.name == name)
        return replace(attribute, field=field, text=text or attribute.text, place=0)
