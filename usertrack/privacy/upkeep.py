"""Retention and pseudonyms: deletes old data, and replaces names, in the embedded store, the history and the cache.

PostHog's own servers are not touched: there its project settings decide.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from usertrack.core.errors import CheckFailed, NotConnected
from usertrack.core.json_types import JsonObject
from usertrack.core.notify import Notify
from usertrack.core.pseudonyms import TOKEN, Pseudonyms
from usertrack.core.spool import identifier
from usertrack.engine.runner import Runner
from usertrack.live.alerts import erasure
from usertrack.privacy import local
from usertrack.privacy.jobs import run_job
from usertrack.privacy.places import LocalFiles

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_OLD = "SELECT count(*) FROM history.person p JOIN history.snapshot s ON s.id = p.snapshot WHERE s.as_of < ?"
_EXPIRE = (
    "DELETE FROM history.person WHERE snapshot IN (SELECT id FROM history.snapshot WHERE as_of < $1);"
    "DELETE FROM history.snapshot WHERE as_of < $1"
)


@dataclass(frozen=True)
class PlaceCounts:
    """The number of things of a kind in a place, and how many are ``left``; None where usertrack changes nothing."""

    place: str
    content: str
    held: int | None
    left: int | None
    note: str = ""


def expire(runner: Runner, files: LocalFiles, before: datetime, notify: Notify, *, dry_run: bool) -> list[PlaceCounts]:
    """Delete what is older than ``before`` (UTC) in every place, and count again; a ``dry_run`` counts alone."""
    body = {"before": before.isoformat()}
    return [
        *_in_store(runner, "expire", body, dry_run, notify),
        *_unseen_store(files),
        *_old_history(files, before, dry_run),
        *_old_cache(files, before, dry_run),
        *_old_alerts(files, before, dry_run),
        *_old_signals(files, before, dry_run),
    ]


def _in_store(
    runner: Runner,
    action: str,
    body: JsonObject,
    dry_run: bool,  # noqa: FBT001
    notify: Notify,
) -> list[PlaceCounts]:
    dry = {**body, "dry_run": True}
    try:
        if not runner.call("GET", "").get("usertrack_privacy"):
            return [PlaceCounts("PostHog", "events", None, None, "not touched: PostHog's project settings decide")]
        held = run_job(runner, action, dry, notify)
        if not dry_run:
            changed = run_job(runner, action, body, notify)
            after = changed if action == "pseudonymize" else run_job(runner, action, dry, notify)
    except NotConnected:
        return [PlaceCounts("PostHog", "events", None, None, "PostHog is not connected")]
    if action == "pseudonymize":
        rows = sum(count for name, count in held.items() if name != "left")
        return [
            PlaceCounts("PostHog", "rows", rows, None),
            PlaceCounts("PostHog", "with an e-mail", held["left"], None if dry_run else after["left"]),
        ]
    return [
        PlaceCounts("PostHog", content, count, None if dry_run else after[content]) for content, count in held.items()
    ]


def _unseen_store(files: LocalFiles) -> list[PlaceCounts]:
    note = "not touched: --data with this folder does it"
    return [PlaceCounts("embedded store", str(folder), None, None, note) for folder in files.unseen]


def _old_history(files: LocalFiles, before: datetime, dry_run: bool) -> list[PlaceCounts]:  # noqa: FBT001
    moment = before.replace(tzinfo=None)
    with local.open_history(files.history, write=not dry_run) as connection:
        if connection is None:
            return []
        held = _count_older(connection, moment)
        if held and not dry_run and files.history:
            local.rewrite(connection, files.history, _EXPIRE, [moment])
        return [PlaceCounts("history", "rows", held, None if dry_run else _count_older(connection, moment))]


def _count_older(connection: "DuckDBPyConnection", moment: datetime) -> int:
    [(count,)] = connection.execute(_OLD, [moment]).fetchall()
    return int(count)


def _old_cache(files: LocalFiles, before: datetime, dry_run: bool) -> list[PlaceCounts]:  # noqa: FBT001
    if files.cache is None:
        return []
    cache = files.cache
    held, left = sum(entry.as_of < before for entry in cache.entries()), None
    if not dry_run:
        cache.clear(before)
        left = sum(entry.as_of < before for entry in cache.entries())
    return [PlaceCounts("cache", "answers", held, left)]


def _old_alerts(files: LocalFiles, before: datetime, dry_run: bool) -> list[PlaceCounts]:  # noqa: FBT001
    with local.open_alerts(files.alerts) as store:
        if store is None:
            return []
        held = erasure.old(store, before, before)
        if not dry_run:
            erasure.expire(store, before, before)
            erasure.compact(store)
        left = erasure.old(store, before, before)
    return [
        PlaceCounts("alerts", "alerts", held.alerts, None if dry_run else left.alerts),
        PlaceCounts("alerts", "messages", held.messages, None if dry_run else left.messages),
    ]


def _old_signals(files: LocalFiles, before: datetime, dry_run: bool) -> list[PlaceCounts]:  # noqa: FBT001
    with local.open_signals(files.alerts) as state:
        if state is None:
            return []
        held = state.old(before)
        if not dry_run:
            state.forget(before)
        return [PlaceCounts("alerts", "what patterns remember", held, None if dry_run else state.old(before))]


def pseudonymize(
    runner: Runner, files: LocalFiles, pseudonyms: Pseudonyms, notify: Notify, *, dry_run: bool
) -> list[PlaceCounts]:
    """Replace e-mails, ids and names in the embedded store and the history, and empty the cache."""
    body = {"key": pseudonyms.key.decode(), "internal": runner.offered["internal"]}
    changes = [*_in_store(runner, "pseudonymize", body, dry_run, notify), *_unseen_store(files)]
    with local.open_history(files.history, write=not dry_run) as connection:
        if connection is not None and files.history:
            held = _count_named(connection)
            if held and not dry_run:
                _rename(connection, pseudonyms)
                local.rewrite(connection, files.history, "SELECT 1", [])
            changes.append(
                PlaceCounts("history", "rows with an e-mail", held, None if dry_run else _count_named(connection))
            )
    if files.cache:
        count = len(files.cache.entries())
        if not dry_run:
            files.cache.clear()
        changes.append(PlaceCounts("cache", "answers", count, None if dry_run else len(files.cache.entries())))
    with local.open_alerts(files.alerts) as store:
        if store:
            note = "not touched: they name whom to help; `privacy retention` deletes old ones"
            changes.append(PlaceCounts("alerts", "alerts", None, None, note))
    return changes


def _count_named(connection: "DuckDBPyConnection") -> int:
    with_token = "regexp_full_match(key, 'u-[0-9a-f]{16}(@.*)?')"
    [(count,)] = connection.execute(f"SELECT count(*) FROM history.person WHERE NOT {with_token}").fetchall()
    return int(count)


def _rename(connection: "DuckDBPyConnection", pseudonyms: Pseudonyms) -> None:
    """Replace the texts that the history has of people: keys, names, and e-mails in other facts."""
    columns = connection.execute(
        "SELECT column_name FROM duckdb_columns() WHERE database_name = 'history' AND table_name = 'person' "
        "AND data_type = 'VARCHAR' AND column_name <> 'primary'"
    ).fetchall()
    for (column,) in columns:
        name = identifier(column)
        rows = connection.execute(f"SELECT DISTINCT {name} FROM history.person WHERE {name} IS NOT NULL").fetchall()
        pseudonym = (
            pseudonyms.of if column == "key" else pseudonyms.of_id if column.startswith("name ") else pseudonyms.text
        )
        pairs = [(value, pseudonym(value)) for (value,) in rows if not TOKEN.match(value)]
        changed = [pair for pair in pairs if pair[0] != pair[1]]
        if changed:
            connection.execute("CREATE OR REPLACE TEMP TABLE renamed (was VARCHAR, now VARCHAR)")
            connection.executemany("INSERT INTO renamed VALUES (?, ?)", changed)
            connection.execute(f"UPDATE history.person SET {name} = now FROM renamed WHERE {name} = was")


def raise_left(changes: list[PlaceCounts]) -> None:
    """Raise CheckFailed when a place still holds data that should be gone."""
    left = [f"{change.left} {change.content} in {change.place}" for change in changes if change.left]
    if left:
        raise CheckFailed(f"something is left: {', '.join(left)}", "run this again: it continues where it stopped")
