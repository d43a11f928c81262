"""Deletes old events: whole months as partitions, the rest by a mutation. Interrupted, it can be run again."""

from datetime import UTC, datetime

from usertrack.server.background_jobs import ReportProgress
from usertrack.server.database.saved_insights import SavedInsights
from usertrack.server.database.set_aside import SetAside
from usertrack.server.database.store import Store
from usertrack.server.stored_persons import PERSON_TABLES, erase_persons


def expire(store: Store, before: datetime, report: ReportProgress, *, dry_run: bool) -> dict[str, int]:
    """Delete events older than ``before``, and persons without a newer one; returns how many of each there are."""
    moment = f"fromUnixTimestamp64Micro({int(before.timestamp() * 1_000_000)}, 'UTC')"
    report("counting what is old", 0, 0)
    store.require_caught_up()
    [[events]] = store.rows(f"SELECT count() FROM posthog.events WHERE timestamp < {moment}")
    persons = [id_ for (id_,) in store.rows(_old_persons(moment))]
    if not dry_run:
        with store.maintaining():
            with store.write_lock:
                store.leave_out("before", before.astimezone(UTC).isoformat())
                months = store.rows(
                    f"SELECT _partition_id, count(), countIf(timestamp < {moment}) AS old FROM posthog.events"
                    " GROUP BY _partition_id HAVING old > 0 ORDER BY _partition_id"
                )
                done, total = 0, sum(old for *_, old in months)
                for month, rows, old in months:
                    report("deleting events", done, total)
                    if old == rows:
                        store.query(f"ALTER TABLE posthog.events DROP PARTITION ID '{month}'")
                    else:
                        where = f"IN PARTITION ID '{month}' WHERE timestamp < {moment}"
                        store.query(f"ALTER TABLE posthog.events DELETE {where} SETTINGS mutations_sync = 2")
                    done += old
                report("deleting persons", 0, len(persons))
                if persons:
                    erase_persons(store, persons)
            report("clearing the disk", 0, 0)
            SavedInsights(store.path).forget_results(before)
            SetAside(store.path).expire(before)
            store.purge(["events", *PERSON_TABLES])  # also after an interrupted run
    return {"events": events, "persons": len(persons)}


def _old_persons(moment: str) -> str:
    return (
        f"SELECT id FROM posthog.persons FINAL WHERE created_at < {moment}"
        f" AND id NOT IN (SELECT person_id FROM posthog.events WHERE timestamp >= {moment})"
    )
