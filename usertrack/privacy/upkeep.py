"""What has been kept for too long goes, and people become pseudonyms: in the embedded store, the history, the cache.

PostHog's own servers know neither: there its project settings decide, and nothing is said to be done.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from usertrack.core.errors import CheckFailed
from usertrack.core.notify import Notify
from usertrack.core.pseudonyms import TOKEN, Pseudonyms
from usertrack.core.spool import identifier
from usertrack.engine.runner import Runner
from usertrack.engine.unavailable import NotConnected
from usertrack.privacy import local
from usertrack.privacy.jobs import result
from usertrack.privacy.places import LocalFiles

_OLD = "SELECT count(*) FROM history.person p JOIN history.snapshot s ON s.id = p.snapshot WHERE s.as_of < ?"
_EXPIRE = (
    "DELETE FROM history.person WHERE snapshot IN (SELECT id FROM history.snapshot WHERE as_of < $1);"
    "DELETE FROM history.snapshot WHERE as_of < $1"
)


@dataclass(frozen=True)
class PlaceCounts:
    """How many things of a kind a place held, and how many of them it holds now; None where nothing can be done."""

    place: str
    content: str
    held: int | None
    left: int | None
    note: str = ""


def expire(runner: Runner, where: LocalFiles, before: datetime, notify: Notify, *, dry_run: bool) -> list[PlaceCounts]:
    """What is older than ``before`` (UTC) in every place, deleted and counted again unless it is a ``dry_run``."""
    asked = {"before": before.isoformat()}
    return [
        *_in_store(runner, "expire", asked, dry_run, notify),
        *_unseen(where),
        *_old_history(where, before, dry_run),
        *_old_cache(where, before, dry_run),
    ]


def _in_store(
    runner: Runner,
    action: str,
    body: dict[str, Any],
    dry_run: bool,  # noqa: FBT001
    notify: Notify,
) -> list[PlaceCounts]:
    dry = {**body, "dry_run": True}
    try:
        if not runner.call("GET", "").get("usertrack_privacy"):
            return [PlaceCounts("PostHog", "events", None, None, "not touched: PostHog's project settings decide")]
        found = result(runner, action, dry, notify)
        if not dry_run:
            changed = result(runner, action, body, notify)
            after = changed if action == "pseudonymize" else result(runner, action, dry, notify)
    except NotConnected:
        return [PlaceCounts("PostHog", "events", None, None, "PostHog is not connected")]
    if action == "pseudonymize":
        rows = sum(count for name, count in found.items() if name != "left")
        return [
            PlaceCounts("PostHog", "rows", rows, None),
            PlaceCounts("PostHog", "with an e-mail", found["left"], None if dry_run else after["left"]),
        ]
    return [PlaceCounts("PostHog", what, count, None if dry_run else after[what]) for what, count in found.items()]


def _unseen(where: LocalFiles) -> list[PlaceCounts]:
    if where.unseen is None:
        return []
    return [
        PlaceCounts("embedded store", str(where.unseen), None, None, "not touched: --data with this folder does it")
    ]


def _old_history(where: LocalFiles, before: datetime, dry_run: bool) -> list[PlaceCounts]:  # noqa: FBT001
    moment = before.replace(tzinfo=None)
    with local.opened(where.history, write=not dry_run) as connection:
        if connection is None:
            return []
        held = _older(connection, moment)
        if held and not dry_run and where.history:
            local.rewrite(connection, where.history, _EXPIRE, [moment])
        return [PlaceCounts("history", "rows", held, None if dry_run else _older(connection, moment))]


def _older(connection: Any, moment: datetime) -> int:
    return int(connection.execute(_OLD, [moment]).fetchone()[0])


def _old_cache(where: LocalFiles, before: datetime, dry_run: bool) -> list[PlaceCounts]:  # noqa: FBT001
    if where.cache is None:
        return []
    cache = where.cache
    held, left = sum(entry.as_of < before for entry in cache.entries()), None
    if not dry_run:
        cache.clear(before)
        left = sum(entry.as_of < before for entry in cache.entries())
    return [PlaceCounts("cache", "answers", held, left)]


def pseudonymize(
    runner: Runner, where: LocalFiles, pseudonyms: Pseudonyms, notify: Notify, *, dry_run: bool
) -> list[PlaceCounts]:
    """E-mails, ids and names replaced in the embedded store and the history; the cache is emptied."""
    body = {"key": pseudonyms.key.decode(), "internal": runner.offered["internal"]}
    changes = [*_in_store(runner, "pseudonymize", body, dry_run, notify), *_unseen(where)]
    with local.opened(where.history, write=not dry_run) as connection:
        if connection is not None and where.history:
            held = _named(connection)
            if held and not dry_run:
                _rename(connection, pseudonyms)
                local.rewrite(connection, where.history, "SELECT 1", [])
            changes.append(PlaceCounts("history", "rows with an e-mail", held, None if dry_run else _named(connection)))
    if where.cache:
        count = len(where.cache.entries())
        if not dry_run:
            where.cache.clear()
        changes.append(PlaceCounts("cache", "answers", count, None if dry_run else len(where.cache.entries())))
    return changes


def _named(connection: Any) -> int:
    with_token = "regexp_full_match(key, 'u-[0-9a-f]{16}(@.*)?')"
    return int(connection.execute(f"SELECT count(*) FROM history.person WHERE NOT {with_token}").fetchone()[0])


def _rename(connection: Any, pseudonyms: Pseudonyms) -> None:
    """Every text that the history has of people: their keys, their names, e-mails in other facts."""
    columns = connection.execute(
        "SELECT column_name FROM duckdb_columns() WHERE database_name = 'history' AND table_name = 'person' "
        "AND data_type = 'VARCHAR' AND column_name <> 'primary'"
    ).fetchall()
    for (column,) in columns:
        name = identifier(column)
        values = [
            v
            for (v,) in connection.execute(
                f"SELECT DISTINCT {name} FROM history.person WHERE {name} IS NOT NULL"
            ).fetchall()
        ]
        replace = (
            pseudonyms.of if column == "key" else pseudonyms.of_id if column.startswith("name ") else pseudonyms.text
        )
        pairs = [(v, replace(v)) for v in values if not TOKEN.match(v)]
        changed = [pair for pair in pairs if pair[0] != pair[1]]
        if changed:
            connection.execute("CREATE OR REPLACE TEMP TABLE renamed (was VARCHAR, now VARCHAR)")
            connection.executemany("INSERT INTO renamed VALUES (?, ?)", changed)
            connection.execute(f"UPDATE history.person SET {name} = now FROM renamed WHERE {name} = was")


def raise_left(changes: list[PlaceCounts]) -> None:
    """Raise CheckFailed when a place still holds what should be gone."""
    left = [f"{each.left} {each.content} in {each.place}" for each in changes if each.left]
    if left:
        raise CheckFailed(f"something is left: {', '.join(left)}", "run this again; it goes on where it ended")
