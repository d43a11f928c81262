"""What PostHog has no endpoint for: what is old expires, people become pseudonyms. With ``dry_run`` it is counted.

Both are jobs: the answer says which one it is, and ``jobs/ID/`` how far it is.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from usertrack.pseudonyms import Pseudonyms
from usertrack.server.api_errors import ApiError
from usertrack.server.auth import admit
from usertrack.server.disguise import pseudonymized
from usertrack.server.expiry import expired
from usertrack.server.jobs import Jobs, Told
from usertrack.server.query_api import answering, json_object
from usertrack.server.settings import ServerSettings
from usertrack.server.store import Store

_Work = Callable[[Told], dict[str, int]]


def routes(store: Store, settings: ServerSettings) -> list[Route]:
    jobs = Jobs()

    def begins(read: Callable[[Store, dict[str, Any]], _Work]) -> Any:
        async def begin(request: Request) -> Response:
            admit(request, settings, "person:write")
            body = await json_object(request)
            return JSONResponse(jobs.begin((read, body), read(store, body)).shown(), 202)

        return answering(begin)

    async def job(request: Request) -> Response:
        admit(request, settings, "person:write")
        return JSONResponse(jobs[request.path_params["job_id"]].shown())

    return [
        Route(f"/api/projects/{{project_id}}/usertrack/{path}{slash}", handler, methods=[method])
        for method, path, handler in (
            ("POST", "expire", begins(_expiry)),
            ("POST", "pseudonymize", begins(_disguise)),
            ("GET", "jobs/{job_id}", answering(job)),
        )
        for slash in ("/", "")
    ]


def _expiry(store: Store, body: dict[str, Any]) -> _Work:
    try:
        before = datetime.fromisoformat(str(body.get("before")))
    except ValueError:
        raise ApiError(400, "invalid_input", "before must be a time") from None
    return partial(expired, store, before, dry_run=bool(body.get("dry_run")))


def _disguise(store: Store, body: dict[str, Any]) -> _Work:
    if not isinstance(body.get("key"), str) or not body["key"]:
        raise ApiError(400, "invalid_input", "key is required")
    internal = body.get("internal") or []
    if not isinstance(internal, list):
        raise ApiError(400, "invalid_input", "internal must be a list")
    pseudonyms = Pseudonyms(body["key"].encode(), [str(each) for each in internal])
    return partial(pseudonymized, store, pseudonyms, dry_run=bool(body.get("dry_run")))
