"""The answers in the cache, as a document."""

from datetime import datetime

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Document, Field
from usertrack.core.table import Table
from usertrack.core.words import size_words
from usertrack.engine.cache import Cache, CachedAnswer

_COLUMNS: Columns[CachedAnswer] = Columns(
    Attribute("query", "VARCHAR", lambda entry: entry.name, Field("Query", grows=True)),
    Attribute("source", "VARCHAR", lambda entry: entry.source),
    Attribute("as_of", "TIMESTAMP", lambda entry: entry.as_of.replace(tzinfo=None), Field("Of", "when")),
    Attribute("asked_at", "TIMESTAMP", lambda entry: entry.asked_at.replace(tzinfo=None), Field("Asked", "when")),
    Attribute("rows", "BIGINT", lambda entry: entry.rows, Field("Rows", "number")),
    Attribute("bytes", "BIGINT", lambda entry: entry.size, Field("Bytes", "number")),
)


def cache_document(cache: Cache, timezone: str, now: datetime) -> Document:
    """Every cached answer, the latest first: its moment, and when its source was asked."""
    entries = cache.entries()
    table = _COLUMNS.table(entries, "cache", source=Table((), (), title="The cache"), timezone=timezone, as_of=now)
    held = f"{size_words(sum(entry.size for entry in entries))} of {size_words(cache.size)}"
    return Document(
        title=f"{len(entries)} answers in the cache, {held}",
        subtitle=str(cache.folder),
        blocks=(_COLUMNS.listing(entries, limit=20, timezone=timezone, as_of=now),),
        table=table,
        timezone=timezone,
        as_of=now,
    )
