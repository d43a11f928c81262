"""Columns that answers of several questions have: the group of the breakdown, and the start of the bucket."""

from collections.abc import Callable
from datetime import date, datetime
from typing import TypeVar

from usertrack.core.columns import Attribute
from usertrack.core.document import Field
from usertrack.product.scope import GroupName, Scope

Record = TypeVar("Record")


def group_attributes(name: Callable[[Record], GroupName]) -> tuple[Attribute[Record], Attribute[Record]]:
    """The first two columns of every answer that a breakdown splits; ``name`` is that of a record's group."""
    return (
        Attribute("breakdown", "VARCHAR", lambda record: name(record).columns["breakdown"]),
        Attribute("group", "VARCHAR", lambda record: name(record).kind),
    )


def bucket_attribute(scope: Scope, start: Callable[[Record], datetime | None], place: int = 0) -> Attribute[Record]:
    """The column of a record's bucket: ``start`` is when it begins, None for a record of no bucket."""

    def stored(record: Record) -> date | datetime | None:
        moment = start(record)
        return scope.stored(moment) if moment else None

    def label(record: Record) -> str | None:
        moment = start(record)
        return scope.label(moment) if moment else None

    return Attribute("start", scope.bucket_type, stored, Field(scope.of_bucket), label, place)
