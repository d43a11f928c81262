"""PostHog's cohorts over HTTP: created, listed, read and changed. Only static cohorts are supported."""

import csv
import email.policy
import io
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from usertrack.core.json_types import JsonObject
from usertrack.server.database.store import Store
from usertrack.server.http.api_errors import ApiError
from usertrack.server.http.auth import admit
from usertrack.server.http.pagination import limit_and_offset, page, page_body
from usertrack.server.http.requests import Handler, json_object, project_routes, read_body
from usertrack.server.http.server_settings import ServerSettings
from usertrack.server.stored_cohorts import DISTINCT_ID_KINDS, PERSON_ID_KINDS, StaticCohorts
from usertrack.server.stored_persons import uuid_of

MAX_PERSONS = 1000
"""PostHog's DEFAULT_COHORT_INSERT_BATCH_SIZE: persons that one request may add."""

_NO_SOURCE = "Invalid source for static cohort. Requires criteria, a csv, feature flag, existing cohort or query."


def routes(store: Store, settings: ServerSettings) -> list[Route]:
    api = _CohortApi(StaticCohorts(store), settings)
    paths: list[tuple[str, Handler, list[str]]] = [
        ("/cohorts", api.many, ["GET", "POST"]),
        ("/cohorts/{cohort_id:int}", api.by_id, ["GET", "PATCH", "DELETE"]),
        ("/cohorts/{cohort_id:int}/persons", api.persons, ["GET"]),
        ("/cohorts/{cohort_id:int}/add_persons_to_static_cohort", api.add, ["PATCH"]),
        ("/cohorts/{cohort_id:int}/remove_person_from_static_cohort", api.remove, ["PATCH"]),
    ]
    return project_routes(paths)


class _CohortApi:
    """Requests in, responses out."""

    def __init__(self, cohorts: StaticCohorts, settings: ServerSettings) -> None:
        self._cohorts, self._settings = cohorts, settings

    async def many(self, request: Request) -> Response:
        admit(request, self._settings)
        if request.method == "POST":
            return JSONResponse(await run_in_threadpool(self._create, *await _new_cohort(request)), 201)
        return page(
            request, await run_in_threadpool(self._cohorts.list_cohorts, request.query_params.get("search", ""))
        )

    async def by_id(self, request: Request) -> Response:
        admit(request, self._settings)
        id_ = request.path_params["cohort_id"]
        if request.method == "DELETE":
            raise ApiError(405, "method_not_allowed", 'Method "DELETE" not allowed.', "invalid_request")
        if request.method == "GET":
            return JSONResponse(await run_in_threadpool(self._cohorts.get, id_))
        changes = _changes(await json_object(request))
        return JSONResponse(await run_in_threadpool(self._cohorts.change, id_, changes))

    async def persons(self, request: Request) -> Response:
        admit(request, self._settings)
        id_, (limit, offset) = request.path_params["cohort_id"], limit_and_offset(request)
        await run_in_threadpool(self._cohorts.get, id_)
        persons = await run_in_threadpool(self._cohorts.members, id_, limit, offset)
        # as in PostHog, a full page has a next one, which may be empty
        return JSONResponse(page_body(request, persons, offset + len(persons) + (len(persons) == limit), limit, offset))

    async def add(self, request: Request) -> Response:
        admit(request, self._settings)
        persons = (await json_object(request)).get("person_ids")
        if not isinstance(persons, list):
            raise ApiError(400, "invalid_input", "person_ids must be a list")
        if not persons:
            raise ApiError(400, "invalid_input", "person_ids cannot be empty")
        if len(persons) > MAX_PERSONS:
            raise ApiError(400, "invalid_input", "List size exceeds limit")
        await run_in_threadpool(self._change_members, request.path_params["cohort_id"], self._cohorts.add, persons)
        return JSONResponse({"success": True})

    async def remove(self, request: Request) -> Response:
        admit(request, self._settings)
        person = (await json_object(request)).get("person_id")
        if not person:
            raise ApiError(400, "invalid_input", "person_id is required")
        if not uuid_of(person):
            raise ApiError(400, "invalid_input", "person_id must be a valid UUID")
        await run_in_threadpool(self._change_members, request.path_params["cohort_id"], self._cohorts.remove, person)
        return JSONResponse({"success": True})

    def _change_members(self, cohort_id: int, change: Any, persons: Any) -> None:  # noqa: ANN401
        self._cohorts.get(cohort_id)
        change(cohort_id, persons)

    def _create(self, fields: JsonObject, kind: str, values: list[str]) -> JsonObject:
        persons = self._cohorts.resolve(kind, values) if values else []
        return self._cohorts.create(fields["name"], fields.get("description", ""), persons)


async def _new_cohort(request: Request) -> tuple[JsonObject, str, list[str]]:
    """The fields of the cohort to create, the kind of the ids of its persons, and the ids."""
    if request.headers.get("content-type", "").startswith("multipart/"):
        return await _new_cohort_from_csv(request)
    body = await json_object(request)
    if not body.get("is_static"):
        raise ApiError(400, "invalid_input", "This server has static cohorts alone: set is_static to true")
    persons = body.get("_create_static_person_ids")
    if not isinstance(persons, list):
        raise ApiError(400, "invalid_input", _NO_SOURCE)
    return {"name": "", **_changes(body)}, "person_id", [str(person) for person in persons]


async def _new_cohort_from_csv(request: Request) -> tuple[JsonObject, str, list[str]]:
    head = b"Content-Type: " + request.headers["content-type"].encode("latin-1") + b"\r\n\r\n"
    form: Any = email.message_from_bytes(head + await read_body(request), policy=email.policy.HTTP)
    parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
    texts = {str(name): _text(part) for name, part in parts.items()}
    if "csv" not in texts:
        raise ApiError(400, "invalid_input", _NO_SOURCE)
    return {"name": "", **_changes(texts)}, *ids_of(texts["csv"])


def _text(part: Any) -> str:  # noqa: ANN401
    content: bytes = part.get_payload(decode=True) or b""
    return content.decode("utf-8-sig", "replace")


def ids_of(text: str) -> tuple[str, list[str]]:
    """The kind of the ids in a CSV, and the ids, by PostHog's rules.

    A single column without a known header has distinct_ids, in its first row, too. Of several columns the header
    decides: a person's id before a distinct_id before an e-mail.
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise ApiError(400, "invalid_input", f"The CSV cannot be read: {error}") from None
    if not rows:
        raise ApiError(400, "invalid_input", "The CSV has no rows")
    headers = [cell.strip().lower() for cell in rows[0]]
    for kinds in (PERSON_ID_KINDS, DISTINCT_ID_KINDS, {"email"}):
        column = next((number for number, header in enumerate(headers) if header in kinds), None)
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


def _changes(body: JsonObject) -> JsonObject:
    """The fields of ``body`` that a cohort keeps."""
    changes: JsonObject = {name: str(body[name] or "") for name in ("name", "description") if name in body}
    for name, limit in (("name", 400), ("description", 1000)):
        if len(changes.get(name, "")) > limit:
            raise ApiError(400, "max_length", f"Ensure this field has no more than {limit} characters.")
    return changes | ({"deleted": bool(body["deleted"])} if "deleted" in body else {})
