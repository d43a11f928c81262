"""Lists the events that were refused and kept aside, and stores them where that is possible now. Not PostHog's."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from usertrack.server.capture.pipeline import Capture
from usertrack.server.http.auth import admit
from usertrack.server.http.requests import project_routes
from usertrack.server.http.server_settings import ServerSettings


def routes(settings: ServerSettings, capture: Capture) -> list[Route]:
    async def replay(request: Request) -> Response:
        admit(request, settings, "person:write")
        stored, refused = await run_in_threadpool(capture.replay)
        return JSONResponse({"stored": stored, "refused": refused})

    return project_routes([("/usertrack/refused/replay", replay, ["POST"])])
