"""What the cache holds, as a document."""

from datetime import datetime

from usertrack.core.document import Document, Field, Listing
from usertrack.core.table import Column, Row, Table
from usertrack.core.words import size_words
from usertrack.engine.cache import Cache

_COLUMNS = (
    Column("query"),
    Column("source"),
    Column("as_of", "TIMESTAMP"),
    Column("asked_at", "TIMESTAMP"),
    Column("rows", "BIGINT"),
    Column("bytes", "BIGINT"),
)


def cache_document(cache: Cache, timezone: str, now: datetime) -> Document:
    """Every kept answer, the latest first: of which moment it is, and when its source was asked."""
    entries = cache.entries()
    rows: list[Row] = [
        (
            entry.name,
            entry.source,
            entry.as_of.replace(tzinfo=None),
            entry.asked_at.replace(tzinfo=None),
            entry.rows,
            entry.size,
        )
        for entry in entries
    ]
    table = Table(_COLUMNS, rows, name="cache", title="The cache", as_of=now, timezone=timezone)
    held = f"{size_words(sum(entry.size for entry in entries))} of {size_words(cache.size)}"
    return Document(
        title=f"{len(entries)} answers in the cache, {held}",
        subtitle=str(cache.folder),
        blocks=(Listing(table, fields=_FIELDS, columns=tuple(_FIELDS), limit=20),),
        table=table,
        timezone=timezone,
        as_of=now,
    )


_FIELDS = {
    "query": Field("Query", grows=True),
    "as_of": Field("Of", "when"),
    "asked_at": Field("Asked", "when"),
    "rows": Field("Rows", "number"),
    "bytes": Field("Bytes", "number"),
}
