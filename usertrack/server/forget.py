"""Removes an e-mail from texts that people wrote, and counts it in stored rows and in the bytes of files."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from usertrack.core import traces
from usertrack.server import user_texts
from usertrack.server.background_jobs import ReportProgress
from usertrack.server.database.literals import literal
from usertrack.server.database.store import Store
from usertrack.server.database.violation_log import ViolationLog
from usertrack.server.stored_persons import PERSON_TABLES

# read without FINAL, so with replaced rows; events have none, and are searched in HogQL
_TABLES = (*user_texts.TABLES, "persons", "person_distinct_ids", "groups", "group_types")


def forget_email(
    store: Store,
    violations: ViolationLog,
    email: str,
    lookalikes: Sequence[str],
    report: ReportProgress,
    *,
    dry_run: bool,
) -> dict[str, int]:
    """Replace ``email`` in texts; returns how many texts, stored rows and files had it.

    ``lookalikes`` are other e-mails that contain it.
    """
    change = partial(traces.without, email)
    report("looking into saved insights and names", 0, 0)
    store.require_caught_up()
    texts = user_texts.count_changes(store, violations, change)
    if not dry_run:
        with store.maintaining():
            user_texts.rewrite(store, violations, change)
            store.purge(["events", *PERSON_TABLES])  # what a deletion that was killed has left on the disk
    report("looking into rows", 0, 0)
    rows = sum(_rows(store, table, traces.pattern(email)) for table in _TABLES)
    report("looking into files", 0, 0)
    # rows of active parts were looked at above, and by the caller's queries: here they would count as bytes of others
    active = {Path(path) for (path,) in store.rows("SELECT path FROM system.parts WHERE active")}
    files = len(traces.files_with([store.path], email, lookalikes, active))
    return {"texts": texts, "rows": rows, "files": files}


def _rows(store: Store, table: str, pattern: str) -> int:
    where = f"match(formatRowNoNewline('JSONEachRow', *), {literal(pattern)})"
    return int(store.rows(f"SELECT count() FROM posthog.{table} WHERE {where}")[0][0])
