"""The tracker for browsers: its script, and ``POST /api/track/user-activity`` for pages that speak the older format."""

import logging
from dataclasses import asdict
from datetime import datetime
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from usertrack.core.json_types import JsonObject
from usertrack.core.words import plural
from usertrack.server.capture.gate import any_site, is_browser
from usertrack.server.capture.live_check import described
from usertrack.server.capture.payload import Refused, hide_address, parse_json
from usertrack.server.capture.pipeline import RETRY_AFTER, Capture
from usertrack.server.capture.user_agent import add_device
from usertrack.server.event_log.group_commit import LogFull
from usertrack.server.event_log.log import NotAppended
from usertrack.server.http.requests import body_within
from usertrack.server.tracker.activity import Rejection, TrackedActivity, read_activity
from usertrack.server.tracker.script import script, script_name

_LIMIT = 1 << 20  # bytes of a body
_NAMED = 50  # rejected events in an answer
_PATHS = ("/usertrack.js", "/tippen-app-tracker.js")
_YEAR = "public, max-age=31536000, immutable"
_ANY_SITE = {
    "Access-Control-Allow-Origin": "*",  # for <script crossorigin integrity=…>
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}

_CORS = any_site(["POST"])

log = logging.getLogger(__name__)


def routes(capture: Capture) -> list[Route]:
    """The script under a name that lasts, what leads to it, and user activity."""
    return [
        *(Route(path, _to_script, methods=["GET"]) for path in _PATHS),
        Route("/static/{name}", _script, methods=["GET"]),
        Route("/api/track/user-activity", _activity(capture), methods=["POST", "OPTIONS"], middleware=[_CORS]),
    ]


async def _to_script(_: Request) -> Response:
    headers = {"Cache-Control": "public, max-age=300", **_ANY_SITE}
    return RedirectResponse(f"/static/{script_name()}", 302, headers)


async def _script(request: Request) -> Response:
    """Pages that were loaded before an update may ask for the former one: they are sent to the new one."""
    name = request.path_params["name"]
    if name == script_name():
        return Response(script(), media_type="text/javascript", headers={"Cache-Control": _YEAR, **_ANY_SITE})
    if name.startswith("usertrack.") and name.endswith(".js"):
        return await _to_script(request)
    return Response(status_code=404)


def _activity(capture: Capture) -> Any:  # noqa: ANN401
    async def receive(request: Request) -> Response:
        try:
            capture.gate.admit(request)
            body = await body_within(request, _LIMIT, Refused("the body is larger than 1 MB", 413))
            remote = request.client.host if request.client else ""
            activity, now = await capture.read(len(body), lambda now: _read(capture, body, remote, now))
            if is_browser(request):
                for event in activity.events:
                    add_device(event, request.headers.get("user-agent", ""))
            await _ingest(capture, activity, now, browser=is_browser(request))
        except Refused as refused:
            return _refusal(refused.text, refused.status, refused.headers)
        except ClientDisconnect:
            return Response(status_code=400)
        except NotAppended as error:
            if not isinstance(error, LogFull):  # disk full, for one
                log.exception("events were not taken")
            return _refusal("transient error, please retry", 503, RETRY_AFTER)
        # 200 when anything was stored, or nothing was to be
        rejected = sorted(activity.rejected)
        answer: JsonObject = {
            "success": not rejected,
            "stored": len(activity.events),
            "analyzed": False,  # patterns run beside the server, in `usertrack alerts watch`
            "rejected": [asdict(rejection) for rejection in rejected[:_NAMED]],
            "rejected_count": len(rejected),
            "ignored_fields": sorted(activity.ignored)[:_NAMED],
            "warnings": [f"{plural(activity.nameless, 'event')} without timestamp and uuid: sent again, stored again"]
            if activity.nameless
            else [],
        }
        return JSONResponse(answer, 400 if rejected and not activity.events else 200)

    return capture.counted(receive)


def _read(capture: Capture, body: bytes, remote: str, now: datetime) -> TrackedActivity:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Refused("the body is not UTF-8") from None
    activity = read_activity(parse_json(text), capture.token, now)
    for event in activity.events:
        hide_address(event, remote, capture.hashed_ip)
    return activity


async def _ingest(capture: Capture, activity: TrackedActivity, now: datetime, *, browser: bool) -> None:
    """Store the events that may be, and reject the others."""
    events, forged = capture.identities.divide(activity.events, now, browser=browser)
    refused = await capture.ingest(events, now)
    activity.events = [event for event in events if event.uuid not in refused]
    reasons = dict.fromkeys(forged, "the signature does not prove this userId")
    reasons |= {uuid: f"refused by the tracking plan: {described(broken)}" for uuid, broken in refused.items()}
    activity.rejected += [Rejection(activity.places[uuid], reason) for uuid, reason in reasons.items()]


def _refusal(reason: str, status: int, headers: Any = None) -> Response:  # noqa: ANN401
    return JSONResponse({"success": False, "stored": 0, "analyzed": False, "error": reason}, status, headers)
