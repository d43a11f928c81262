"""Lists page by page, as PostHog answers them: ``{count, next, previous, results}``, with whole addresses."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

_USUAL, _MOST = 100, 1000


def page(request: Request, found: Sequence[Any]) -> JSONResponse:
    """The part of ``found`` that ``limit`` and ``offset`` ask for."""
    limit, offset = page_of(request)
    limit = min(limit, _MOST)
    return JSONResponse(
        {"count": len(found), **part(request, found[offset : offset + limit], len(found), limit, offset)}
    )


def page_of(request: Request) -> tuple[int, int]:
    """``limit`` and ``offset`` of a request: 100 and 0 where it names none, or none that is a number."""
    return _number(request, "limit", _USUAL) or _USUAL, _number(request, "offset", 0)


def part(request: Request, results: Sequence[Any], total: int, limit: int, offset: int) -> dict[str, Any]:
    """``results``, which begin at ``offset`` of ``total``, with the addresses of their neighbours."""
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
