"""The counts of the live check of the tracking plan, over HTTP: read them, or begin anew."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from usertrack.core.json_types import JsonObject
from usertrack.plan.conform import SEVERITY
from usertrack.server.capture.live_check import LiveCheck
from usertrack.server.database.violation_log import ViolationLog
from usertrack.server.http.auth import admit
from usertrack.server.http.requests import project_routes
from usertrack.server.http.server_settings import ServerSettings


def routes(settings: ServerSettings, violations: ViolationLog, live_check: LiveCheck | None) -> list[Route]:
    """``usertrack/live-check``: GET reads, DELETE resets; both answer with what there was."""

    async def answer(request: Request) -> Response:
        resets = request.method == "DELETE"
        admit(request, settings, "event_definition:write" if resets else "event_definition:read")
        counted = await run_in_threadpool(_counted, violations, live_check)
        if resets:
            await run_in_threadpool(violations.reset)
        return JSONResponse(counted)

    return project_routes([("/usertrack/live-check", answer, ["GET", "DELETE"])])


def _counted(violations: ViolationLog, live_check: LiveCheck | None) -> JsonObject:
    counted = violations.read()
    for violation in counted["violations"]:
        violation["severity"] = SEVERITY.get(violation["rule"], "warning")  # of an older usertrack, it may be unknown
    if live_check is None:
        return {"plan": None, "enforce": False, "problem": None, **counted}
    live_check.refresh()
    return {"plan": live_check.path.name, "enforce": live_check.enforces, "problem": live_check.problem, **counted}
