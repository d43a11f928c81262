"""An e-mail in what this server keeps beside events and persons, and in the bytes of its files: counted, or ended."""

from collections.abc import Sequence
from functools import partial

from usertrack.core import traces
from usertrack.server import user_texts
from usertrack.server.background_jobs import ReportProgress
from usertrack.server.database.store import Store, literal

# also what FINAL hides; events have no such rows, and HogQL searches all of them
_TABLES = (*user_texts.TABLES, "persons", "person_distinct_ids", "groups", "group_types")


def forget_email(
    store: Store, email: str, others: Sequence[str], told: ReportProgress, *, dry_run: bool
) -> dict[str, int]:
    """How many texts, stored rows and files name ``email``, which is replaced in texts.

    ``others`` are e-mails that have it within.
    """
    change = partial(traces.without, email)
    told("looking into saved insights and names", 0, 0)
    texts = user_texts.named(store, change)
    if not dry_run:
        with store.overhaul:
            user_texts.reword(store, change)
    told("looking into rows", 0, 0)
    rows = sum(_rows(store, table, traces.pattern(email)) for table in _TABLES)
    told("looking into files", 0, 0)
    files = len(traces.files_with([store.path], email, others))
    return {"texts": texts, "rows": rows, "files": files}


def _rows(store: Store, table: str, pattern: str) -> int:
    where = f"match(formatRowNoNewline('JSONEachRow', *), {literal(pattern)})"
    return int(store.rows(f"SELECT count() FROM posthog.{table} WHERE {where}")[0][0])
