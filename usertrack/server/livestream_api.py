"""PostHog's livestream: ``GET /events`` sends each event when it is stored, as Server-Sent Events.

Address, parameters and fields are those of PostHog's service of that name. Two things are better than there: the key is
the personal one, and ``person_id`` is the person that the event is stored with, also after a merge. ``created_at`` says
when that was.
"""

from collections.abc import AsyncGenerator

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from usertrack.server.capture.broadcast import Broadcast, Listener
from usertrack.server.http.auth import authenticate, require_scope
from usertrack.server.http.event_stream import event_stream
from usertrack.server.http.requests import answering
from usertrack.server.http.server_settings import ServerSettings


def routes(settings: ServerSettings, broadcast: Broadcast) -> list[Route]:
    """``/events?eventType=a,b&distinctId=…&columns=c,d``: all events and properties unless it says less."""

    async def events(request: Request) -> Response:
        authenticate(request, settings)
        require_scope(settings, "query:read")
        asked = request.query_params
        listener = Listener(
            names=_listed(asked.get("eventType")),
            distinct_id=asked.get("distinctId", ""),
            columns=_listed(asked["columns"]) if "columns" in asked else None,
        )
        return event_stream(_frames(broadcast, listener))

    return [Route("/events", answering(events), methods=["GET"])]


async def _frames(broadcast: Broadcast, listener: Listener) -> AsyncGenerator[bytes, None]:
    with broadcast.heard_by(listener):
        async for frames in listener.stream():
            yield frames


def _listed(text: str | None) -> list[str]:
    return list(filter(None, (text or "").split(",")))
