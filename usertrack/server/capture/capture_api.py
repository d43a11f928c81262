"""PostHog's public endpoints: capture, feature flags (always none) and a minimal remote config.

Errors are plain text, as PostHog's capture service sends them. Single events are refused, for their form or by a
tracking plan that is enforced: the others are stored, and the answer names those.
"""

import json
import logging
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from usertrack.core.json_types import JsonObject
from usertrack.server.capture import capture_v1_api
from usertrack.server.capture.gate import any_site, is_browser
from usertrack.server.capture.live_check import refusal
from usertrack.server.capture.payload import Payload, Refused, read_events
from usertrack.server.capture.pipeline import RETRY_AFTER, Capture
from usertrack.server.capture.user_agent import add_device
from usertrack.server.event_log.group_commit import LogFull
from usertrack.server.event_log.log import NotAppended
from usertrack.server.http.requests import body_within

_SINGLE, _BATCH = 2 << 20, 20 << 20  # body limits in bytes
_LIMITS = {"batch": _BATCH, "i/v0/e": _SINGLE, "e": _SINGLE, "capture": _SINGLE, "track": _SINGLE, "engage": _SINGLE}
_MODERN = {"batch", "i/v0/e"}  # these do not decode base64 twice
_METHODS = ["GET", "POST", "OPTIONS"]
_REMOTE_CONFIG: JsonObject = {
    "supportedCompression": ["gzip", "gzip-js"],
    "hasFeatureFlags": False,
    "sessionRecording": False,
    "surveys": False,
    "autocapture_opt_out": False,
    "siteApps": [],
    "isAuthenticated": False,
    "toolbarParams": {},
}

_OURS = "usertrack.js"  # the SDKs say themselves on what they run

log = logging.getLogger(__name__)


def routes(capture: Capture) -> list[Route]:
    """Capture, flags, remote config and health, each with and without its trailing slash."""
    endpoints: JsonObject = {path: _events(path, capture) for path in _LIMITS}
    endpoints["i/v1/analytics/events"] = capture_v1_api.endpoint(capture)
    endpoints |= {"flags": _flags, "decide": _flags}
    endpoints |= {"array/{token}/config": _config, "array/{token}/config.js": _config_script}
    endpoints |= {"_readiness": _healthy, "_liveness": _healthy}
    return [
        Route(f"/{path}{slash}", endpoint, methods=_METHODS, middleware=[any_site(_METHODS)])
        for path, endpoint in endpoints.items()
        for slash in ("", "/")
    ]


def _events(path: str, capture: Capture) -> object:
    async def receive(request: Request) -> Response:
        try:
            capture.gate.admit(request)
            payload = await _payload(request, path)
            batch, now = await capture.read(
                len(payload.body), lambda now: read_events(payload, capture.token, now, capture.hashed_ip)
            )
            for event in batch.events:
                if event.properties.get("$lib") == _OURS:
                    add_device(event, request.headers.get("user-agent", ""))
            events, forged = capture.identities.divide(batch.events, now, browser=is_browser(request))
            refused = await capture.ingest(events, now)
            await capture.refuse(batch, now, browser=is_browser(request))
            if refused:
                raise Refused(refusal(refused))
            if batch.refused:
                raise batch.refusal()
            if forged:
                raise Refused(f"the signature does not prove whose events these are: {', '.join(forged[:20])}")
        except Refused as error:
            return PlainTextResponse(error.text, error.status, error.headers)
        except ClientDisconnect:
            return Response(status_code=400)
        except LogFull:  # SDKs try again on 503
            return PlainTextResponse("too many events wait, please retry", 503, RETRY_AFTER)
        except NotAppended:  # disk full, for one
            log.exception("events were not taken")
            return PlainTextResponse("transient error, please retry", 503, RETRY_AFTER)
        return Response(status_code=204) if request.query_params.get("beacon") == "1" else JSONResponse({"status": 1})

    return capture.counted(receive)


async def _payload(request: Request, path: str) -> Payload:
    limit = _LIMITS.get(path, _SINGLE)
    return Payload(
        body=await body_within(request, limit, Refused("maximum event size exceeded", 413)),
        query=dict(request.query_params),
        content_type=request.headers.get("content-type", ""),
        content_encoding=request.headers.get("content-encoding", ""),
        legacy=path not in _MODERN,
        limit=limit,
        remote=request.client.host if request.client else "",
    )


async def _flags(_: Request) -> Response:
    """No flags: `flags` is what v2 and later read, `featureFlags` what v1 and /decide/ did."""
    flags: JsonObject = {"flags": {}, "featureFlags": {}, "featureFlagPayloads": {}}
    return JSONResponse(_REMOTE_CONFIG | flags | {"errorsWhileComputingFlags": False, "requestId": str(uuid4())})


async def _config(request: Request) -> Response:
    return JSONResponse(_REMOTE_CONFIG | {"token": request.path_params["token"]})


async def _config_script(request: Request) -> Response:
    """Answer with the configuration as a script, which posthog-js tries first."""
    token = json.dumps(request.path_params["token"])
    remote = json.dumps({"config": _REMOTE_CONFIG, "siteApps": []})
    script = f"(window._POSTHOG_REMOTE_CONFIG = window._POSTHOG_REMOTE_CONFIG || {{}})[{token}] = {remote};"
    return Response(script, media_type="application/javascript", headers={"X-Content-Type-Options": "nosniff"})


async def _healthy(_: Request) -> Response:
    return PlainTextResponse("ok")
