"""PostHog's static cohorts: lists of persons that are made, filled, read and emptied over HTTP, and kept with the data.

Who is in a cohort is counted when it is asked for, so that its count is never stale. Dynamic cohorts are not served.
"""

import csv
import email.policy
import io
import threading
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from usertrack.server.capture.persons import clickhouse_time
from usertrack.server.database.execute import read_rows
from usertrack.server.database.store import Store, literal, literals
from usertrack.server.http.api_errors import ApiError
from usertrack.server.http.auth import authenticate, check_project
from usertrack.server.http.pagination import page, page_of, part
from usertrack.server.http.requests import answering, json_object, whole_body
from usertrack.server.http.server_settings import ServerSettings
from usertrack.server.stored_persons import uuid_of

MOST_AT_ONCE = 1000
"""PostHog's DEFAULT_COHORT_INSERT_BATCH_SIZE: persons that one request may add."""

_NO_SOURCE = "Invalid source for static cohort. Requires criteria, a csv, feature flag, existing cohort or query."
_PERSON_HEADERS, _DISTINCT_HEADERS = {"person_id", "person .id"}, {"distinct_id", "distinct-id"}


def routes(store: Store, settings: ServerSettings) -> list[Route]:
    api = _CohortApi(StaticCohorts(store), settings)
    paths = [
        ("", api.many, ["GET", "POST"]),
        ("/{cohort_id:int}", api.one, ["GET", "PATCH", "DELETE"]),
        ("/{cohort_id:int}/persons", api.persons, ["GET"]),
        ("/{cohort_id:int}/add_persons_to_static_cohort", api.add, ["PATCH"]),
        ("/{cohort_id:int}/remove_person_from_static_cohort", api.remove, ["PATCH"]),
    ]
    return [
        Route(f"/api/projects/{{project_id}}/cohorts{path}{slash}", answering(handler), methods=methods)
        for path, handler, methods in paths
        for slash in ("/", "")
    ]


class StaticCohorts:
    """The cohorts of a store, and who is in them. Raises ApiError for what PostHog would refuse."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = threading.Lock()  # ids are counted up

    def found(self, search: str = "") -> list[dict[str, Any]]:
        """Every cohort that is not deleted and has ``search`` in its name, newest first."""
        matching = f"AND positionCaseInsensitiveUTF8(name, {literal(search)}) > 0" if search else ""
        return self._read(f"NOT deleted {matching}")

    def one(self, cohort_id: int) -> dict[str, Any]:
        found = self._read(f"id = {cohort_id}")
        if not found:
            raise ApiError(404, "not_found", "Not found.")
        return found[0]

    def create(self, name: str, description: str, persons: Iterable[str]) -> dict[str, Any]:
        with self._turn:
            [[last]] = read_rows(self._store, "SELECT max(id) FROM posthog.cohorts")
            self._write({"id": last + 1, "name": name, "description": description}, clickhouse_time(datetime.now(UTC)))
        self._mark(last + 1, persons)
        return self.one(last + 1)

    def change(self, cohort_id: int, changes: dict[str, Any]) -> dict[str, Any]:
        before = self.one(cohort_id)
        self._write({**before, **changes}, before["created_at"].replace("T", " ").rstrip("Z"))
        return self.one(cohort_id)

    def add(self, cohort_id: int, persons: Sequence[str]) -> None:
        known = self.known(persons)
        if not known:
            raise ApiError(400, "invalid_input", "No valid users to add to cohort")
        self._mark(cohort_id, known)

    def remove(self, cohort_id: int, person: str) -> None:
        known = self.known([person])
        if not known:
            raise ApiError(404, "not_found", "Person with this UUID does not exist in the cohort's team")
        self._mark(cohort_id, known, gone=True)

    def known(self, persons: Sequence[str]) -> list[str]:
        """Those of ``persons``, by uuid, that exist."""
        valid = [id_ for id_ in map(uuid_of, persons) if id_]
        rows = (
            read_rows(self._store, f"SELECT id FROM posthog.persons FINAL WHERE id IN {literals(valid)}")
            if valid
            else []
        )
        return [id_ for (id_,) in rows]

    def resolved(self, kind: str, values: Sequence[str]) -> list[str]:
        """The persons whose id, distinct_id or property ``kind`` is one of ``values``; others are left out unsaid."""
        if kind.lower() in _PERSON_HEADERS:
            return self.known(values)
        if kind.lower() in _DISTINCT_HEADERS:
            sql = "SELECT DISTINCT person_id FROM posthog.person_distinct_ids FINAL WHERE distinct_id IN"
        else:
            sql = "SELECT id FROM posthog.persons FINAL WHERE properties.email::Nullable(String) IN"
        return [id_ for (id_,) in read_rows(self._store, f"{sql} {literals(values)}")]

    def members(self, cohort_id: int, limit: int, offset: int) -> list[dict[str, Any]]:
        rows = read_rows(
            self._store,
            "SELECT id, toString(created_at), properties, is_identified, toString(last_seen_at), distinct_ids"
            " FROM posthog.persons AS p FINAL LEFT JOIN (SELECT person_id, groupArray(10)(distinct_id) AS distinct_ids"
            " FROM posthog.person_distinct_ids FINAL GROUP BY person_id) AS d ON p.id = d.person_id"
            f" WHERE id IN ({_members(cohort_id)}) ORDER BY created_at DESC, id DESC LIMIT {limit} OFFSET {offset}",
        )
        return [_person(*row) for row in rows]

    def _mark(self, cohort_id: int, persons: Iterable[str], *, gone: bool = False) -> None:
        version = time.time_ns()
        self._store.insert(
            "static_cohort_people",
            ({"cohort_id": cohort_id, "person_id": p, "version": version, "is_deleted": int(gone)} for p in persons),
        )

    def _write(self, cohort: dict[str, Any], created_at: str) -> None:
        own = {name: cohort[name] for name in ("id", "name", "description")}
        deleted = int(bool(cohort.get("deleted")))
        row = {**own, "created_at": created_at, "deleted": deleted, "version": time.time_ns()}
        self._store.insert("cohorts", [row])

    def _read(self, where: str) -> list[dict[str, Any]]:
        rows = read_rows(
            self._store,
            "SELECT id, name, description, deleted, toString(created_at), people FROM posthog.cohorts AS c FINAL"
            " LEFT JOIN (SELECT cohort_id, count() AS people FROM posthog.static_cohort_people FINAL"
            " WHERE person_id IN (SELECT id FROM posthog.persons FINAL) GROUP BY cohort_id) AS m ON c.id = m.cohort_id"
            f" WHERE {where} ORDER BY created_at DESC, id DESC",
        )
        return [_cohort(*row) for row in rows]


def _members(cohort_id: int) -> str:
    return f"SELECT person_id FROM posthog.static_cohort_people FINAL WHERE cohort_id = {cohort_id}"


def _cohort(id_: int, name: str, description: str, deleted: int, created_at: str, count: int) -> dict[str, Any]:
    return {
        "id": id_,
        "name": name,
        "description": description,
        "groups": [],
        "deleted": bool(deleted),
        "filters": {"properties": {"type": "OR", "values": []}},
        "query": None,
        "version": None,
        "pending_version": None,
        "is_calculating": False,
        "created_by": None,
        "created_at": _iso(created_at),
        "last_calculation": _iso(created_at),
        "errors_calculating": 0,
        "last_error_message": None,
        "count": count,
        "is_static": True,
        "cohort_type": "static",
        "experiment_set": [],
    }


def _person(
    id_: str, created_at: str, properties: dict[str, Any], identified: int, seen: str | None, distinct_ids: list[str]
) -> dict[str, Any]:
    name = properties.get("email") or properties.get("name") or (distinct_ids or [id_])[0]
    return {
        "id": id_,
        "uuid": id_,
        "type": "person",
        "name": str(name),
        "distinct_ids": distinct_ids,
        "properties": properties,
        "created_at": _iso(created_at),
        "last_seen_at": seen and _iso(seen),
        "is_identified": bool(identified),
        "matched_recordings": [],
        "value_at_data_point": None,
    }


def _iso(moment: str) -> str:
    return moment.replace(" ", "T") + "Z"


class _CohortApi:
    """Requests in, responses out."""

    def __init__(self, cohorts: StaticCohorts, settings: ServerSettings) -> None:
        self._cohorts, self._settings = cohorts, settings

    async def many(self, request: Request) -> Response:
        self._admit(request)
        if request.method == "POST":
            return JSONResponse(await run_in_threadpool(self._create, *await _made(request)), 201)
        return page(request, await run_in_threadpool(self._cohorts.found, request.query_params.get("search", "")))

    async def one(self, request: Request) -> Response:
        self._admit(request)
        id_ = request.path_params["cohort_id"]
        if request.method == "DELETE":
            raise ApiError(405, "method_not_allowed", 'Method "DELETE" not allowed.', "invalid_request")
        if request.method == "GET":
            return JSONResponse(await run_in_threadpool(self._cohorts.one, id_))
        changes = _changes(await json_object(request))
        return JSONResponse(await run_in_threadpool(self._cohorts.change, id_, changes))

    async def persons(self, request: Request) -> Response:
        self._admit(request)
        id_, (limit, offset) = request.path_params["cohort_id"], page_of(request)
        await run_in_threadpool(self._cohorts.one, id_)
        found = await run_in_threadpool(self._cohorts.members, id_, limit, offset)
        # as in PostHog, a full page has a next one, which may be empty
        return JSONResponse(part(request, found, offset + len(found) + (len(found) == limit), limit, offset))

    async def add(self, request: Request) -> Response:
        self._admit(request)
        persons = (await json_object(request)).get("person_ids")
        if not isinstance(persons, list):
            raise ApiError(400, "invalid_input", "person_ids must be a list")
        if not persons:
            raise ApiError(400, "invalid_input", "person_ids cannot be empty")
        if len(persons) > MOST_AT_ONCE:
            raise ApiError(400, "invalid_input", "List size exceeds limit")
        await run_in_threadpool(self._changed, request.path_params["cohort_id"], self._cohorts.add, persons)
        return JSONResponse({"success": True})

    async def remove(self, request: Request) -> Response:
        self._admit(request)
        person = (await json_object(request)).get("person_id")
        if not person:
            raise ApiError(400, "invalid_input", "person_id is required")
        if not uuid_of(person):
            raise ApiError(400, "invalid_input", "person_id must be a valid UUID")
        await run_in_threadpool(self._changed, request.path_params["cohort_id"], self._cohorts.remove, person)
        return JSONResponse({"success": True})

    def _changed(self, cohort_id: int, change: Any, persons: Any) -> None:
        self._cohorts.one(cohort_id)
        change(cohort_id, persons)

    def _create(self, fields: dict[str, Any], kind: str, values: list[str]) -> dict[str, Any]:
        persons = self._cohorts.resolved(kind, values) if values else []
        return self._cohorts.create(fields["name"], fields.get("description", ""), persons)

    def _admit(self, request: Request) -> None:
        authenticate(request, self._settings)
        check_project(request, self._settings)


async def _made(request: Request) -> tuple[dict[str, Any], str, list[str]]:
    """The fields of a cohort to be made, and its persons: what kind of ids, and which."""
    if request.headers.get("content-type", "").startswith("multipart/"):
        return await _uploaded(request)
    body = await json_object(request)
    if not body.get("is_static"):
        raise ApiError(400, "invalid_input", "This server has static cohorts alone: set is_static to true")
    persons = body.get("_create_static_person_ids")
    if not isinstance(persons, list):
        raise ApiError(400, "invalid_input", _NO_SOURCE)
    return {"name": "", **_changes(body)}, "person_id", [str(person) for person in persons]


async def _uploaded(request: Request) -> tuple[dict[str, Any], str, list[str]]:
    head = b"Content-Type: " + request.headers["content-type"].encode("latin-1") + b"\r\n\r\n"
    form: Any = email.message_from_bytes(head + await whole_body(request), policy=email.policy.HTTP)
    parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
    texts = {str(name): _text(part) for name, part in parts.items()}
    if "csv" not in texts:
        raise ApiError(400, "invalid_input", _NO_SOURCE)
    return {"name": "", **_changes(texts)}, *ids_of(texts["csv"])


def _text(part: Any) -> str:
    content: bytes = part.get_payload(decode=True) or b""
    return content.decode("utf-8-sig", "replace")


def ids_of(text: str) -> tuple[str, list[str]]:
    """Which ids a CSV holds, by PostHog's rules: one column without a known header is distinct_ids, first row included.

    Of several columns the header decides: a person's id before a distinct_id before an e-mail.
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise ApiError(400, "invalid_input", f"The CSV cannot be read: {error}") from None
    if not rows:
        raise ApiError(400, "invalid_input", "The CSV has no rows")
    headers = [cell.strip().lower() for cell in rows[0]]
    for known in (_PERSON_HEADERS, _DISTINCT_HEADERS, {"email"}):
        column = next((number for number, header in enumerate(headers) if header in known), None)
        if column is not None:
            return headers[column], [row[column].strip() for row in rows[1:] if len(row) > column]
    if len(headers) > 1:
        supported = "person_id, distinct_id, distinct-id, email"
        raise ApiError(
            400,
            "invalid_input",
            f"Multi-column CSV must contain at least one column with a supported ID header: {supported}",
        )
    return "distinct_id", [row[0].strip() for row in rows]


def _changes(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of ``body`` that a cohort keeps."""
    changes: dict[str, Any] = {name: str(body[name] or "") for name in ("name", "description") if name in body}
    for name, most in (("name", 400), ("description", 1000)):
        if len(changes.get(name, "")) > most:
            raise ApiError(400, "max_length", f"Ensure this field has no more than {most} characters.")
    return changes | ({"deleted": bool(body["deleted"])} if "deleted" in body else {})
