"""The pages as one ASGI app, behind their gate and with the headers that keep other sites out."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from usertrack.core.errors import UsageError, UsertrackError
from usertrack.render.html import script, stylesheet
from usertrack.web.access import Access, Gate, TrustedProxies, login
from usertrack.web.answers import Answers
from usertrack.web.missing import MissingPageError
from usertrack.web.pages import (
    activity,
    leave,
    live,
    person,
    plan,
    privacy,
    push,
    queries,
    search,
    segment,
    segments,
    today,
)
from usertrack.web.shell import Shell, error, rendered
from usertrack.web.site import Site
from usertrack.workspace.settings import Settings

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_ASSETS = "/assets"
_PAGES = (today, segments, segment, push, privacy, person, search, activity, live, plan, queries, leave)


def create_app(settings: Settings, access: Access) -> Starlette:
    """The pages of a workspace, or of the demo."""
    place = "demo data" if settings.uses_demo else settings.root.resolve().name if settings.root else ""
    answers = Answers(settings)
    shell = Shell(place, lambda: answers.damage)
    site = Site(settings, answers, shell, access)

    def refuse(request: Request, status: int, why: str) -> Response:
        return shell.outside(request, "No access", error(why), status)

    def ask_password(request: Request, problem: str) -> Response:
        return shell.outside(request, "Password", rendered("login.html.j2", problem=problem), 401 if problem else 200)

    async def http_error(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, HTTPException)
        text = "there is no such page" if problem.status_code == 404 else problem.detail
        title = "Not here" if problem.status_code == 404 else "Not done"
        return shell.simple(request, title, error(text), problem.status_code)

    async def usertrack_error(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, UsertrackError)
        status = 404 if isinstance(problem, MissingPageError) else 400 if isinstance(problem, UsageError) else 502
        title = "Not done" if request.method == "POST" else "No answer"
        return shell.simple(request, title, error(problem.message, problem.hint), status)

    async def unknown_segment(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, segment.UnknownSegmentError)
        return segment.no_such_segment(site, request, problem)

    async def hung_up(request: Request, problem: Exception) -> Response:
        return Response(status_code=400)  # nobody reads it

    return Starlette(
        routes=[
            Route("/login", login(access, refuse, ask_password), methods=["GET", "POST"]),
            Route("/assets/page.css", _stylesheet),
            Route("/assets/page.js", _script),
            Mount(_ASSETS, StaticFiles(directory=Path(__file__).parent / "static")),
            *(route for page in _PAGES for route in page.routes(site)),
        ],
        middleware=[
            Middleware(Headers),
            Middleware(TrustedProxies, access=access),
            Middleware(Gate, access=access, refuse=refuse),
        ],
        exception_handlers={
            HTTPException: http_error,
            ClientDisconnect: hung_up,
            UsertrackError: usertrack_error,
            segment.UnknownSegmentError: unknown_segment,
        },
    )


async def _stylesheet(request: Request) -> Response:
    """The style sheet of documents, which static pages have inside."""
    return Response(stylesheet(), media_type="text/css")


async def _script(request: Request) -> Response:
    """Sorts tables that are there as a whole, as on static pages."""
    return Response(script(), media_type="text/javascript")


class Headers:
    """Middleware: keeps other sites out of every response, and pages with people out of the browser's cache."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                if not scope["path"].startswith(f"{_ASSETS}/"):
                    headers["cache-control"] = "private, no-store"  # so that nobody is seen after they were erased
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)
