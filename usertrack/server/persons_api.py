"""PostHog's persons over HTTP: listed, read, deleted alone or together. Deleting is asynchronous, as it is there."""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from usertrack.server.database.store import Store
from usertrack.server.http.api_errors import ApiError
from usertrack.server.http.auth import admit
from usertrack.server.http.pagination import page_of, part
from usertrack.server.http.requests import answering, json_object
from usertrack.server.http.server_settings import ServerSettings
from usertrack.server.stored_persons import StoredPersons, uuid_of

MOST_AT_ONCE = 1000
"""Persons that one bulk_delete may name, as in PostHog."""

_STATUSES = ("pending", "completed", "all")


def routes(store: Store, settings: ServerSettings) -> list[Route]:
    """The routes under /api/projects/ and /api/environments/."""
    api = _PersonApi(StoredPersons(store), settings)
    paths = [
        ("", api.many, ["GET"]),
        ("/bulk_delete", api.delete_many, ["POST"]),
        ("/deletion_status", api.deletion_status, ["GET"]),
        ("/{person_id}", api.one, ["GET", "DELETE"]),
    ]
    return [
        Route(f"/api/{kind}/{{project_id}}/persons{path}{slash}", answering(handler), methods=methods)
        for kind in ("projects", "environments")
        for path, handler, methods in paths
        for slash in ("/", "")
    ]


class _PersonApi:
    """Requests in, responses out."""

    def __init__(self, people: StoredPersons, settings: ServerSettings) -> None:
        self._people, self._settings = people, settings

    async def many(self, request: Request) -> Response:
        self._admit(request, "person:read")
        limit, offset = page_of(request)
        wanted = {name: request.query_params.get(name, "") for name in ("email", "distinct_id", "search")}
        found = await run_in_threadpool(lambda: self._people.found(**wanted))
        persons = await run_in_threadpool(self._people.read, found[offset : offset + limit])
        total = {"count": len(found)} if request.query_params.get("include_total") == "true" else {}
        # as in PostHog, a full page has a next one, which may be empty
        return JSONResponse(
            total | part(request, persons, offset + len(persons) + (len(persons) == limit), limit, offset)
        )

    async def one(self, request: Request) -> Response:
        self._admit(request, "person:write" if request.method == "DELETE" else "person:read")
        person = await run_in_threadpool(self._person, request.path_params["person_id"])
        if request.method == "GET":
            return JSONResponse(person)
        given = request.query_params  # as in PostHog a parameter that is there counts, whatever its value
        self._people.delete([person["uuid"]], events="delete_events" in given, keep_person="keep_person" in given)
        return Response(status_code=202)

    async def delete_many(self, request: Request) -> Response:
        self._admit(request, "person:write")
        body = await json_object(request)
        ids, distinct_ids = _named(body)
        found = [p["uuid"] for p in await run_in_threadpool(self._people.read, [*filter(None, map(uuid_of, ids))])]
        found += await run_in_threadpool(self._people.of_distinct_ids, distinct_ids) if distinct_ids else []
        events, keep = bool(body.get("delete_events")), bool(body.get("keep_person"))
        self._people.delete(found, distinct_ids, events=events, keep_person=keep)
        counted = {
            "persons_found": len(found),
            "persons_deleted": 0 if keep else len(found),
            "events_queued_for_deletion": events,
            "recordings_queued_for_deletion": False,  # there are none here
            "deletion_errors": [],
        }
        return JSONResponse(counted, 202)

    async def deletion_status(self, request: Request) -> Response:
        self._admit(request, "person:read")
        status = request.query_params.get("status", "all")
        if status not in _STATUSES:
            raise ApiError(400, "invalid_input", f"status must be one of {', '.join(_STATUSES)}")
        found = self._people.deletions(status, request.query_params.get("person_uuid", ""))
        limit, offset = page_of(request)
        return JSONResponse(
            {"count": len(found), **part(request, found[offset : offset + limit], len(found), limit, offset)}
        )

    def _person(self, id_: str) -> dict[str, Any]:
        found = self._people.read([known]) if (known := uuid_of(id_)) else []
        if not found:
            raise ApiError(404, "not_found", "Not found.")
        return found[0]

    def _admit(self, request: Request, scope: str) -> None:
        admit(request, self._settings, scope)


def _named(body: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The ids and the distinct_ids that a request names, one of both; raises ApiError 400 as PostHog does."""
    lists = {name: body.get(name) or [] for name in ("ids", "distinct_ids")}
    if not all(isinstance(each, list) for each in lists.values()) or bool(lists["ids"]) == bool(lists["distinct_ids"]):
        raise ApiError(400, "invalid_input", "You need to specify either ids or distinct_ids")
    ids, distinct_ids = ([str(each) for each in lists[name]] for name in ("ids", "distinct_ids"))
    if len(ids) + len(distinct_ids) > MOST_AT_ONCE:
        raise ApiError(400, "invalid_input", f"You can only pass {MOST_AT_ONCE} ids in one call")
    return ids, distinct_ids
