"""Privacy endpoints that PostHog lacks: expire old events, pseudonymize people, forget an e-mail.

With ``dry_run`` they only count. Each starts a background job: the response has its id, and ``jobs/ID/`` its progress.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from usertrack.core.json_types import JsonObject
from usertrack.core.pseudonyms import Pseudonyms
from usertrack.server.background_jobs import Jobs, ReportProgress
from usertrack.server.database.store import Store
from usertrack.server.database.violation_log import ViolationLog
from usertrack.server.expiry import expire
from usertrack.server.forget import forget_email
from usertrack.server.http.api_errors import ApiError
from usertrack.server.http.auth import admit
from usertrack.server.http.requests import Handler, json_object, project_routes
from usertrack.server.http.server_settings import ServerSettings
from usertrack.server.pseudonymize import pseudonymize

_Work = Callable[[ReportProgress], dict[str, int]]


def routes(store: Store, settings: ServerSettings, violations: ViolationLog) -> list[Route]:
    jobs = Jobs()

    def begins(read: Callable[[Store, JsonObject], _Work]) -> Handler:
        async def begin(request: Request) -> Response:
            admit(request, settings, "person:write")
            body = await json_object(request)
            return JSONResponse(jobs.begin((read, body), read(store, body)).as_json(), 202)

        return begin

    async def job(request: Request) -> Response:
        admit(request, settings, "person:write")
        return JSONResponse(jobs[request.path_params["job_id"]].as_json())

    return project_routes(
        [
            ("/usertrack/expire", begins(_expiration), ["POST"]),
            ("/usertrack/pseudonymize", begins(partial(_pseudonymization, violations)), ["POST"]),
            ("/usertrack/forget", begins(partial(_forget_email, violations)), ["POST"]),
            ("/usertrack/jobs/{job_id}", job, ["GET"]),
        ]
    )


def _expiration(store: Store, body: JsonObject) -> _Work:
    try:
        before = datetime.fromisoformat(str(body.get("before")))
    except ValueError:
        raise ApiError(400, "invalid_input", "before must be a time") from None
    return partial(expire, store, before, dry_run=bool(body.get("dry_run")))


def _pseudonymization(violations: ViolationLog, store: Store, body: JsonObject) -> _Work:
    if not isinstance(body.get("key"), str) or not body["key"]:
        raise ApiError(400, "invalid_input", "key is required")
    internal = body.get("internal") or []
    if not isinstance(internal, list):
        raise ApiError(400, "invalid_input", "internal must be a list")
    pseudonyms = Pseudonyms(body["key"].encode(), [str(address) for address in internal])
    return partial(pseudonymize, store, violations, pseudonyms, dry_run=bool(body.get("dry_run")))


def _forget_email(violations: ViolationLog, store: Store, body: JsonObject) -> _Work:
    email, lookalikes = body.get("email"), body.get("others") or []
    if not isinstance(email, str) or not email or not isinstance(lookalikes, list):
        raise ApiError(400, "invalid_input", "email is required")
    return partial(
        forget_email, store, violations, email, list(map(str, lookalikes)), dry_run=bool(body.get("dry_run"))
    )
