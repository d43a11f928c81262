"""What PostHog has no endpoint for: what is old expires, people become pseudonyms, an e-mail is forgotten.

With ``dry_run`` it is counted. All are jobs: the answer says which one it is, and ``jobs/ID/`` how far it is.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from usertrack.core.pseudonyms import Pseudonyms
from usertrack.server.background_jobs import Jobs, ReportProgress
from usertrack.server.database.store import Store
from usertrack.server.expiry import expire
from usertrack.server.forget import forget_email
from usertrack.server.http.api_errors import ApiError
from usertrack.server.http.auth import admit
from usertrack.server.http.requests import answering, json_object
from usertrack.server.http.server_settings import ServerSettings
from usertrack.server.pseudonymize import pseudonymize

_Work = Callable[[ReportProgress], dict[str, int]]


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
            ("POST", "forget", begins(_forgetting)),
            ("GET", "jobs/{job_id}", answering(job)),
        )
        for slash in ("/", "")
    ]


def _expiry(store: Store, body: dict[str, Any]) -> _Work:
    try:
        before = datetime.fromisoformat(str(body.get("before")))
    except ValueError:
        raise ApiError(400, "invalid_input", "before must be a time") from None
    return partial(expire, store, before, dry_run=bool(body.get("dry_run")))


def _disguise(store: Store, body: dict[str, Any]) -> _Work:
    if not isinstance(body.get("key"), str) or not body["key"]:
        raise ApiError(400, "invalid_input", "key is required")
    internal = body.get("internal") or []
    if not isinstance(internal, list):
        raise ApiError(400, "invalid_input", "internal must be a list")
    pseudonyms = Pseudonyms(body["key"].encode(), [str(each) for each in internal])
    return partial(pseudonymize, store, pseudonyms, dry_run=bool(body.get("dry_run")))


def _forgetting(store: Store, body: dict[str, Any]) -> _Work:
    email, others = body.get("email"), body.get("others") or []
    if not isinstance(email, str) or not email or not isinstance(others, list):
        raise ApiError(400, "invalid_input", "email is required")
    return partial(forget_email, store, email, [str(each) for each in others], dry_run=bool(body.get("dry_run")))
