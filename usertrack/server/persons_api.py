"""PostHog's persons over HTTP: listed, read, and deleted one by one or in bulk. Deletions run in the background."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from usertrack.core.json_types import JsonObject
from usertrack.server.database.store import Store
from usertrack.server.http.api_errors import ApiError
from usertrack.server.http.auth import admit
from usertrack.server.http.pagination import limit_and_offset, page_body
from usertrack.server.http.requests import PROJECT_KINDS, Handler, json_object, project_routes
from usertrack.server.http.server_settings import ServerSettings
from usertrack.server.stored_persons import StoredPersons, uuid_of

MAX_PERSONS = 1000
"""The most persons in one bulk_delete, as in PostHog."""

_STATUSES = ("pending", "completed", "all")


def routes(store: Store, settings: ServerSettings) -> list[Route]:
    """The routes under /api/projects/ and /api/environments/."""
    api = _PersonApi(StoredPersons(store), settings)
    paths: list[tuple[str, Handler, list[str]]] = [
        ("/persons", api.many, ["GET"]),
        ("/persons/bulk_delete", api.delete_many, ["POST"]),
        ("/persons/deletion_status", api.deletion_status, ["GET"]),
        ("/persons/{person_id}", api.by_id, ["GET", "DELETE"]),
    ]
    return project_routes(paths, PROJECT_KINDS)


class _PersonApi:
    """Requests in, responses out."""

    def __init__(self, people: StoredPersons, settings: ServerSettings) -> None:
        self._people, self._settings = people, settings

    async def many(self, request: Request) -> Response:
        admit(request, self._settings, "person:read")
        limit, offset = limit_and_offset(request)
        filters = {name: request.query_params.get(name, "") for name in ("email", "distinct_id", "search")}
        ids = await run_in_threadpool(lambda: self._people.find(**filters))
        persons = await run_in_threadpool(self._people.read, ids[offset : offset + limit])
        total = {"count": len(ids)} if request.query_params.get("include_total") == "true" else {}
        # as in PostHog, a full page has a next one, which may be empty
        return JSONResponse(
            total | page_body(request, persons, offset + len(persons) + (len(persons) == limit), limit, offset)
        )

    async def by_id(self, request: Request) -> Response:
        admit(request, self._settings, "person:write" if request.method == "DELETE" else "person:read")
        person = await run_in_threadpool(self._person, request.path_params["person_id"])
        if request.method == "GET":
            return JSONResponse(person)
        params = request.query_params  # as in PostHog, the presence of a parameter counts, whatever its value
        self._people.delete([person["uuid"]], events="delete_events" in params, keep_person="keep_person" in params)
        return Response(status_code=202)

    async def delete_many(self, request: Request) -> Response:
        admit(request, self._settings, "person:write")
        body = await json_object(request)
        ids, distinct_ids = _requested_ids(body)
        person_ids = [p["uuid"] for p in await run_in_threadpool(self._people.read, [*filter(None, map(uuid_of, ids))])]
        person_ids += await run_in_threadpool(self._people.of_distinct_ids, distinct_ids) if distinct_ids else []
        events, keep = bool(body.get("delete_events")), bool(body.get("keep_person"))
        self._people.delete(person_ids, distinct_ids, events=events, keep_person=keep)
        counted = {
            "persons_found": len(person_ids),
            "persons_deleted": 0 if keep else len(person_ids),
            "events_queued_for_deletion": events,
            "recordings_queued_for_deletion": False,  # there are none here
            "deletion_errors": [],
        }
        return JSONResponse(counted, 202)

    async def deletion_status(self, request: Request) -> Response:
        admit(request, self._settings, "person:read")
        status = request.query_params.get("status", "all")
        if status not in _STATUSES:
            raise ApiError(400, "invalid_input", f"status must be one of {', '.join(_STATUSES)}")
        deletions = self._people.deletions(status, request.query_params.get("person_uuid", ""))
        limit, offset = limit_and_offset(request)
        return JSONResponse(
            {
                "count": len(deletions),
                **page_body(request, deletions[offset : offset + limit], len(deletions), limit, offset),
            }
        )

    def _person(self, id_: str) -> JsonObject:
        persons = self._people.read([known]) if (known := uuid_of(id_)) else []
        if not persons:
            raise ApiError(404, "not_found", "Not found.")
        return persons[0]


def _requested_ids(body: JsonObject) -> tuple[list[str], list[str]]:
    """The ids or the distinct_ids of a bulk request; raises ApiError 400 as PostHog does."""
    lists = {name: body.get(name) or [] for name in ("ids", "distinct_ids")}
    if not all(isinstance(ids, list) for ids in lists.values()) or bool(lists["ids"]) == bool(lists["distinct_ids"]):
        raise ApiError(400, "invalid_input", "You need to specify either ids or distinct_ids")
    ids, distinct_ids = ([str(id_) for id_ in lists[name]] for name in ("ids", "distinct_ids"))
    if len(ids) + len(distinct_ids) > MAX_PERSONS:
        raise ApiError(400, "invalid_input", f"You can only pass {MAX_PERSONS} ids in one call")
    return ids, distinct_ids
