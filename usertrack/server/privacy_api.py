"""What PostHog has no endpoint for: what is old expires, people become pseudonyms. With ``dry_run`` it is counted."""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from usertrack.pseudonyms import TOKEN, Pseudonyms
from usertrack.server.api_errors import ApiError
from usertrack.server.auth import authenticate, check_project, require_scope
from usertrack.server.query_api import answering, json_object
from usertrack.server.settings import ServerSettings
from usertrack.server.store import Store, literal

_CHUNK = 50_000  # rows that are in memory at a time
_KEYS = {"events": "uuid", "persons": "id", "person_distinct_ids": "distinct_id", "groups": "key"}
_NAMES = {"name", "first_name", "last_name", "full_name", "firstname", "lastname", "username", "phone", "$name"}
_IDS = {"distinct_id", "$anon_distinct_id", "alias", "$device_id", "$user_id", "user_id", "$distinct_id"}
_EMAIL = r"[^\s@\"]+@[^\s@\"]+\.[^\s@\"]"


def routes(store: Store, settings: ServerSettings) -> list[Route]:
    async def expire(request: Request) -> Response:
        body = await _admitted(request, settings)
        try:
            before = datetime.fromisoformat(str(body.get("before")))
        except ValueError:
            raise ApiError(400, "invalid_input", "before must be a time") from None
        return JSONResponse(await run_in_threadpool(expired, store, before, dry_run=bool(body.get("dry_run"))))

    async def pseudonymize(request: Request) -> Response:
        body = await _admitted(request, settings)
        if not isinstance(body.get("key"), str) or not body["key"]:
            raise ApiError(400, "invalid_input", "key is required")
        pseudonyms = Pseudonyms(body["key"].encode(), [str(each) for each in body.get("internal") or []])
        return JSONResponse(
            await run_in_threadpool(pseudonymized, store, pseudonyms, dry_run=bool(body.get("dry_run")))
        )

    return [
        Route(f"/api/projects/{{project_id}}/usertrack/{name}{slash}", answering(handler), methods=["POST"])
        for name, handler in (("expire", expire), ("pseudonymize", pseudonymize))
        for slash in ("/", "")
    ]


async def _admitted(request: Request, settings: ServerSettings) -> dict[str, Any]:
    authenticate(request, settings)
    check_project(request, settings)
    require_scope(settings, "person:write")
    return await json_object(request)


def expired(store: Store, before: datetime, *, dry_run: bool) -> dict[str, int]:
    """How many events are older than ``before``, and persons of whom nothing younger is there; both are deleted."""
    moment = f"fromUnixTimestamp64Micro({int(before.timestamp() * 1_000_000)}, 'UTC')"
    old = f"timestamp < {moment}"
    gone = (
        f"SELECT id FROM posthog.persons FINAL WHERE created_at < {moment}"
        f" AND id NOT IN (SELECT person_id FROM posthog.events WHERE NOT ({old}))"
    )
    persons = [id_ for (id_,) in store.rows(gone)]
    [[events]] = store.rows(f"SELECT count() FROM posthog.events WHERE {old}")
    if not dry_run:
        if events:
            store.query(f"ALTER TABLE posthog.events DELETE WHERE {old} SETTINGS mutations_sync = 2")
        tables = {"static_cohort_people": "person_id", "person_distinct_ids": "person_id", "persons": "id"}
        for table, column in tables.items() if persons else ():
            store.erase(table, column, persons)
        store.scrub([*(["events"] if events else []), *(tables if persons else [])])
    return {"events": events, "persons": len(persons)}


def pseudonymized(store: Store, pseudonyms: Pseudonyms, *, dry_run: bool) -> dict[str, int]:
    """How many rows of each table there are; e-mails, names and ids in them are replaced. ``left`` still have one.

    Each table is replaced whole, in one step; what is a pseudonym already stays, so that this can be run again.
    """
    counts = {table: int(store.rows(f"SELECT count() FROM posthog.{table} {_final(table)}")[0][0]) for table in _KEYS}
    if not dry_run:
        for table in _KEYS:
            _replace(store, table, counts[table], pseudonyms)
    return counts | {"left": _left(store)}


def _replace(store: Store, table: str, rows: int, pseudonyms: Pseudonyms) -> None:
    fresh = f"{table}_pseudonyms"
    store.query(f"DROP TABLE IF EXISTS posthog.{fresh} SYNC")
    store.query(f"CREATE TABLE posthog.{fresh} AS posthog.{table}")
    parts = max(1, -(-rows // _CHUNK))
    for part in range(parts):
        where = f"cityHash64({_KEYS[table]}) % {parts} = {part}"
        lines = store.query(f"SELECT * FROM posthog.{table} {_final(table)} WHERE {where}", "JSONEachRow").splitlines()
        store.insert(fresh, (_row(json.loads(line), pseudonyms) for line in lines))
    store.query(f"EXCHANGE TABLES posthog.{table} AND posthog.{fresh}")
    store.query(f"DROP TABLE posthog.{fresh} SYNC")


def _final(table: str) -> str:
    return "" if table == "events" else "FINAL"


def _row(row: Mapping[str, Any], pseudonyms: Pseudonyms) -> dict[str, Any]:
    return {name: _cell(name, value, pseudonyms) for name, value in row.items()}


def _cell(name: str, value: Any, pseudonyms: Pseudonyms) -> Any:
    if isinstance(value, dict):
        return dict(_members(value, pseudonyms))
    if isinstance(value, list):
        return [_cell(name, item, pseudonyms) for item in value]
    if not isinstance(value, str) or not value:
        return value
    if name == "person_id" or (name == "id" and _is_uuid(value)):
        return _uuid(value, pseudonyms)
    if name.lower() in _IDS | _NAMES:
        return value if TOKEN.fullmatch(value) else pseudonyms.of_id(value)
    return pseudonyms.text(value)


def _members(value: Mapping[str, Any], pseudonyms: Pseudonyms) -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        yield pseudonyms.text(name), _cell(name, item, pseudonyms)


def _is_uuid(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text) is not None


def _uuid(text: str, pseudonyms: Pseudonyms) -> str:
    """Another uuid for ``text``, of version 8, which no other one here has; one of those stays."""
    if text[14] == "8":
        return text
    hashed = str(uuid.UUID(bytes=pseudonyms.digest(text)[:16]))
    return f"{hashed[:14]}8{hashed[15:19]}8{hashed[20:]}"


def _left(store: Store) -> int:
    """Rows with an e-mail in them that is no pseudonym."""
    text = "replaceRegexpAll(toString({}), 'u-[0-9a-f]{{16}}@', '')".format
    columns = {
        "events": "properties",
        "persons": "properties",
        "groups": "properties",
        "person_distinct_ids": "distinct_id",
    }
    return sum(
        int(
            store.rows(
                f"SELECT count() FROM posthog.{table} {_final(table)} WHERE match({text(column)}, {literal(_EMAIL)})"
            )[0][0]
        )
        for table, column in columns.items()
    )
