"""Lists in pages as PostHog returns them: ``{count, next, previous, results}``, with full addresses."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse

from usertrack.core.json_types import JsonObject

_DEFAULT, _MAX = 100, 1000


def page(request: Request, results: Sequence[object]) -> JSONResponse:
    """The page of ``results`` at the request's ``limit`` and ``offset``."""
    limit, offset = limit_and_offset(request)
    limit = min(limit, _MAX)
    return JSONResponse(
        {"count": len(results), **page_body(request, results[offset : offset + limit], len(results), limit, offset)}
    )


def limit_and_offset(request: Request) -> tuple[int, int]:
    """``limit`` and ``offset`` of a request; 100 and 0 where they are missing or no numbers."""
    return _number(request, "limit", _DEFAULT) or _DEFAULT, _number(request, "offset", 0)


def page_body(request: Request, results: Sequence[object], total: int, limit: int, offset: int) -> JsonObject:
    """``results``, which begin at ``offset`` of ``total``, with the addresses of the next and the previous page."""
    return {
        "next": _address(request, limit, offset + limit) if offset + limit < total else None,
        "previous": _address(request, limit, max(0, offset - limit)) if offset else None,
        "results": list(results),
    }


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else default


def _address(request: Request, limit: int, offset: int) -> str:
    return str(request.url.include_query_params(limit=limit, offset=offset))
