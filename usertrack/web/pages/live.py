"""The page /live: who is here now, who needs help, and what happens, kept up by a stream of changes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import quote

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from usertrack.core.errors import SourceBusy
from usertrack.server.http.event_stream import event_stream
from usertrack.web.live.actions import Outcomes
from usertrack.web.live.hub import Hub
from usertrack.web.live.scene import Choice, OnePerson
from usertrack.web.live.timeline import person_document
from usertrack.web.live.words import name_of
from usertrack.web.pages import alerts
from usertrack.web.shell import Part, document_html, rendered
from usertrack.web.site import Site

Result = TypeVar("Result")
OPENING_SECONDS = 20.0  # seconds until somebody is told that the sources are not open yet
_RETRY = b"retry: 1000\n\n"


def routes(site: Site) -> list[Route]:
    hub, outcomes = Hub(site.settings, site.answers.hear), Outcomes()
    site.answers.when_forgotten(hub.forget)

    async def live(request: Request) -> Response:
        choice = Choice.of(request.query_params)
        query = f"?{request.url.query}" if request.url.query else ""
        screen = asyncio.ensure_future(_in_time(hub.screen(choice)))

        def content() -> Markup:
            return rendered("live.html.j2", screen=screen.result(), choice=choice, query=query)

        part = Part("live", content, 40, after=screen, is_local=True)
        return site.shell.page(request, "Live", [part], intro(site, request, outcomes))

    async def stream(request: Request) -> Response:
        last = request.headers.get("last-event-id") or request.query_params.get("last", "")
        query = request.query_params
        view = OnePerson.of(query["person"], query) if "person" in query else Choice.of(query)
        return event_stream(_until_left(site, request, hub.messages(view, last)))

    async def person(request: Request) -> Response:
        id_ = request.path_params["person"]
        view = OnePerson.of(id_, request.query_params)
        stream = f"/stream?person={quote(id_, safe='')}&lines={view.lines}"
        name = name_of(id_, await hub.facts(id_))
        screen = asyncio.ensure_future(_in_time(hub.screen(view)))
        history = asyncio.ensure_future(_in_time(hub.history(id_)))

        def content() -> Markup:
            return rendered("live_person.html.j2", screen=screen.result(), stream=stream)

        def journey() -> Markup:
            return document_html(person_document(history.result(), datetime.now(UTC), site.settings["timezone"]))

        parts = [
            Part("now", content, 30, after=screen, is_local=True),
            Part("journey", journey, 12, after=history, is_local=True),
        ]
        return site.shell.page(request, name, parts, intro(site, request, outcomes))

    async def user_activity(_: Request) -> Response:
        return RedirectResponse("/live", 301)

    return [
        Route("/live", live),
        Route("/stream", stream),
        Route("/live/{person:key}", person),
        Route("/user-activity", user_activity),
        *alerts.routes(site, outcomes),
    ]


async def _in_time(work: Coroutine[object, object, Result]) -> Result:
    """Return the result of ``work``. Raises SourceBusy where that takes long."""
    try:
        async with asyncio.timeout(OPENING_SECONDS):
            return await work
    except TimeoutError:
        raise SourceBusy("the sources of what is live are still being opened", "reload this page in a moment") from None


def intro(site: Site, request: Request, outcomes: Outcomes) -> Markup:
    """Return the top of a page with alerts: the form of their buttons, and what the last one did."""
    back, outcome = request.url.path, outcomes.text(request.query_params.get("did", ""))
    variables = {"token": site.access.token(request), "back": back, "outcome": outcome}
    return rendered("live_intro.html.j2", **variables)


async def _until_left(site: Site, request: Request, messages: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The stream, as long as its visit lasts."""
    yield _RETRY
    async for message in messages:
        if not site.access.visitor(request):
            return
        yield message
