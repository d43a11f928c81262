"""The common part of the routes below /api/: addresses, errors as PostHog's answers, and reading a JSON body."""

import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import wraps

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from usertrack.core.json_types import JsonObject
from usertrack.server.http.api_errors import ApiError

MAX_BODY = 20 * 1024 * 1024  # PostHog's DATA_UPLOAD_MAX_MEMORY_SIZE
MOST_RECEIVED = 256 << 20  # bytes of all large bodies together, however many connections: twelve of the largest
_SMALL = 64 << 10  # bytes of a body that is always taken: what a browser may send as a page closes
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
log = logging.getLogger(__name__)
Handler = Callable[[Request], Awaitable[Response]]


PROJECT_KINDS = ("projects", "environments")
"""What a project is called in the addresses of PostHog's API; older clients use the second."""


def project_routes(
    paths: Iterable[tuple[str, Handler, Sequence[str]]], kinds: Sequence[str] = PROJECT_KINDS[:1]
) -> list[Route]:
    """Routes for (path below the project, handler, methods), each with and without a slash at its end."""
    return [
        Route(f"/api/{kind}/{{project_id}}{path}{slash}", answering(handler), methods=list(methods))
        for kind in kinds
        for path, handler, methods in paths
        for slash in ("/", "")
    ]


def answering(handler: Handler) -> Handler:
    """``handler``, whose ApiErrors become responses."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except ApiError as error:
            if error.status >= 500:
                log.warning("answered with HTTP %d, %s", error.status, error.code, exc_info=error.__cause__)
            return error.response()
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it

    return answer


async def json_object(request: Request) -> JsonObject:
    """The body as a JSON object; raises ApiError."""
    try:
        text = await read_body(request)
        body = json.loads(text.decode(), parse_constant=_no_number)  # bytes would be read with lone surrogates
        if _SURROGATE.search(text):
            json.dumps(body, ensure_ascii=False).encode()  # fails for a lone surrogate
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "parse_error", f"JSON parse error - {error}", "invalid_request") from error
    if not isinstance(body, dict):
        raise ApiError(400, "invalid_input", "The body must be a JSON object.")
    return body


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


async def read_body(request: Request) -> bytes:
    """The body, at most as large as PostHog allows: the key is only checked later."""
    too_large = ApiError(413, "too_large", "The request body is larger than 20 MB.", "invalid_request")
    return await body_within(request, MAX_BODY, too_large)


async def body_within(request: Request, limit: int, too_large: Exception) -> bytes:
    """The body; raises ``too_large`` as soon as more than ``limit`` bytes have come, 503 where all are too many."""
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            _BODIES.received += len(chunk)
            if size > limit:
                raise too_large
            if _BODIES.received > MOST_RECEIVED and size > _SMALL:
                raise HTTPException(503, "Too many large requests are being received.", {"Retry-After": "1"})
            chunks.append(chunk)
        return b"".join(chunks)
    finally:
        _BODIES.received -= size


class _Bodies:
    """``received`` are the bytes of all bodies of which more is to come."""

    received = 0


_BODIES = _Bodies()
