"""PostHog's newer capture, ``/i/v1/analytics/events``: every event is stored, dropped, or to be sent again."""

import logging
from collections.abc import Mapping
from datetime import datetime

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from usertrack.server.capture.gate import is_browser
from usertrack.server.capture.live_check import described
from usertrack.server.capture.payload import Refused, hide_address
from usertrack.server.capture.payload_v1 import LIMIT, AnsweredBatch, Rejected, read_batch, sent_at, too_large
from usertrack.server.capture.pipeline import RETRY_AFTER, Capture
from usertrack.server.event_log.group_commit import LogFull
from usertrack.server.event_log.log import NotAppended
from usertrack.server.http.requests import body_within

_HEADERS = (
    "posthog-sdk-info", "posthog-attempt", "posthog-request-id", "posthog-request-timestamp", "content-type",
    "user-agent",
)  # fmt: skip
_RETRY = {"result": "retry", "details": "not_persisted"}
_FORGED = {"result": "drop", "details": "the signature does not prove whose event this is"}
_DOCS = "https://posthog.com/docs/api"

log = logging.getLogger(__name__)


def endpoint(capture: Capture) -> object:
    async def receive(request: Request) -> Response:
        try:
            check_headers(request.headers, capture.token)
            capture.gate.admit(request)
            body = await body_within(request, LIMIT, too_large())
            if not body:
                raise Rejected("empty_body", "request body is empty")
            remote = request.client.host if request.client else ""
            batch, now = await capture.read(len(body), lambda now: _read(capture, request.headers, body, remote, now))
            results = await _ingested(capture, batch, now, browser=is_browser(request))
            await capture.refuse(batch, now, browser=is_browser(request))
        except Rejected as rejected:
            error = {"error": rejected.tag, "error_description": rejected.description, "error_uri": _DOCS}
            return JSONResponse(error, rejected.status)
        except Refused as refused:
            return JSONResponse({"error_description": refused.text}, refused.status, refused.headers)
        except ClientDisconnect:
            return Response(status_code=400)
        return JSONResponse({"results": results}, headers=RETRY_AFTER if _RETRY in results.values() else None)

    return capture.counted(receive)


def _read(capture: Capture, headers: Mapping[str, str], body: bytes, remote: str, now: datetime) -> AnsweredBatch:
    batch = read_batch(headers, body, now)
    for event in batch.events:
        hide_address(event, remote, capture.hashed_ip)
    return batch


async def _ingested(
    capture: Capture, batch: AnsweredBatch, now: datetime, *, browser: bool
) -> dict[str, dict[str, str]]:
    events, forged = capture.identities.divide(batch.events, now, browser=browser)
    batch.results |= dict.fromkeys(forged, _FORGED)
    try:
        for uuid, violations in (await capture.ingest(events, now)).items():
            batch.results[uuid] = {"result": "drop", "details": described(violations)}
    except NotAppended as error:
        if not isinstance(error, LogFull):  # disk full, for one
            log.exception("events were not taken")
        batch.results |= {event.uuid: _RETRY for event in events}
    return batch.results


def check_headers(headers: Mapping[str, str], token: str) -> None:
    """Raises Rejected for a missing header, and for another project's token."""
    if "authorization" not in headers:
        raise Rejected("missing_authorization", "request is missing the Authorization header", 401)
    if missing := [name for name in _HEADERS if name not in headers]:
        raise Rejected("missing_required_headers", f"request is missing required headers: {', '.join(missing)}")
    scheme, _, key = headers["authorization"].partition(" ")
    if scheme.lower() != "bearer":
        raise Rejected("invalid_header_value", "Authorization must use Bearer scheme")
    if key.strip() != token:
        raise Rejected("invalid_api_token", "The provided API token is not valid.", 401)
    if headers["content-type"].partition(";")[0].strip().lower() != "application/json":
        raise Rejected("unsupported_content_type", "the content type must be application/json", 415)
    sent_at(headers)
