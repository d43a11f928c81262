"""Lists page by page, as PostHog answers them: ``{count, next, previous, results}``, with whole addresses."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

_USUAL, _MOST = 100, 1000


def page(request: Request, found: Sequence[Any]) -> JSONResponse:
    """The part of ``found`` that ``limit`` and ``offset`` ask for."""
    limit = min(_number(request, "limit", _USUAL) or _USUAL, _MOST)
    offset = _number(request, "offset", 0)
    after, before = offset + limit, max(0, offset - limit)
    body = {
        "count": len(found),
        "next": _address(request, limit, after) if after < len(found) else None,
        "previous": _address(request, limit, before) if offset else None,
        "results": list(found[offset:after]),
    }
    return JSONResponse(body)


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 12 else default


def _address(request: Request, limit: int, offset: int) -> str:
    return str(request.url.include_query_params(limit=limit, offset=offset))
