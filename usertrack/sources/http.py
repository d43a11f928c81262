"""One HTTP request to PostHog, tried again where that helps, and every refusal turned into what to do about it."""

import json
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx

from usertrack.core.errors import ConnectionFailed, QueryError, SourceBusy, UsertrackError
from usertrack.core.notify import Notify
from usertrack.core.words import number
from usertrack.sources.retry import LONGEST_WAIT, Again, attempts, noticed, retry_after

_ADDRESS = "US Cloud is https://us.posthog.com, EU Cloud https://eu.posthog.com"
_SHORTER = "ask for a shorter range"
_SUPPORT = "try again; if it stays, ask PostHog's support"

T = TypeVar("T")


class TooSlow(SourceBusy):
    """The query did not finish within what a blocking request may take: ask again asynchronously."""

    code = "too_slow"


class LacksScope(ConnectionFailed):
    """The key is a good one, but may not do this."""

    code = "lacks_scope"


class NotFound(ConnectionFailed):
    """What was asked for by its name or number is not there; or the project itself is not."""

    code = "not_found"


async def send(
    request: Callable[[], Awaitable[httpx.Response]],
    read: Callable[[httpx.Response], T],
    notify: Notify,
    *,
    pause: float = 1.0,
    blocking: bool = False,
    once: bool = False,
) -> T:
    """What ``read`` makes of the response to ``request``, once it succeeded.

    Waits between attempts as long as ``Retry-After`` says, else ``pause`` seconds doubling; ``notify`` is told of each.
    A ``blocking`` query that is too slow is not tried again, nor what is asked ``once`` unless PostHog refused it for
    coming too often. Raises a UsertrackError.
    """
    try:
        async for attempt in attempts(pause):
            with noticed(attempt, notify):
                try:
                    return read(await _once(request))
                except Again as again:
                    if (blocking and isinstance(again.final, TooSlow)) or (once and not again.refused):
                        raise again.final from None
                    raise
    except Again as again:
        raise again.final from again.__cause__
    raise AssertionError("stamina always returns or raises")


async def _once(request: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    try:
        response = await request()
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise ConnectionFailed(
            f"cannot reach PostHog: {_reason(error)}", "check POSTHOG_HOST, and your network"
        ) from error
    except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
        raise TooSlow("PostHog did not answer in time", f"{_SHORTER}, or try again later") from error
    except (httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeError) as error:  # UnicodeError: a host of `a..b`
        raise ConnectionFailed("POSTHOG_HOST is not an address", _ADDRESS) from error
    except httpx.RequestError as error:
        broken = f"the connection to PostHog broke ({type(error).__name__})"
        raise Again(ConnectionFailed(broken, "run the command again")) from error
    if response.status_code in (200, 201, 202):
        return response
    raise _refusal(response)


def _reason(error: BaseException) -> str:
    reasons = {
        socket.gaierror: "its host name is not known",
        ssl.SSLError: "TLS could not be agreed on",
        ConnectionRefusedError: "nothing answers at that address",
        httpx.ConnectTimeout: "it did not answer in time",
    }
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, BaseExceptionGroup):  # one for each address of the host
            cause = cause.exceptions[0]
        for kind, reason in reasons.items():
            if isinstance(cause, kind):
                return reason
        cause = cause.__cause__ or cause.__context__
    return "no connection"


def _refusal(response: httpx.Response) -> UsertrackError | Again:
    """What a response other than 2xx means (statuses and bodies: PostHog's API, exceptions and rate limits)."""
    status = response.status_code
    body = _object(response)
    detail = clean(body.get("detail") or "")
    if told := _status_message(body):
        return failure(told)
    if status in _BY_STATUS:
        return _BY_STATUS[status](response, detail)
    if status in (502, 503):
        busy = SourceBusy(f"PostHog is busy or restarting (HTTP {status})", "try again in a few minutes")
        return _later(busy, response)
    if status == 504 and not detail:
        return _later(TooSlow("PostHog's gateway gave up on the query (HTTP 504)", _SHORTER), response)
    if status in (504, 512):
        return failure(detail, otherwise=SourceBusy)
    if status in (301, 302, 303, 307, 308):
        location = clean(response.headers.get("location", ""), 100)
        return ConnectionFailed(f"POSTHOG_HOST answers with a redirect to {location or 'nowhere'}", _ADDRESS)
    return QueryError(
        f"PostHog answered HTTP {status}{': ' + detail if detail else ''}",
        _SUPPORT,
    )


def _status_message(body: dict[str, Any]) -> Any:
    """Why an asynchronous query failed: a poll tells it in another place than all other errors."""
    status = body.get("query_status")
    return status.get("error_message") if isinstance(status, dict) else None


def failure(detail: object, otherwise: type[UsertrackError] = QueryError) -> UsertrackError:
    """The error for a query that PostHog stopped or failed, by what it says of it."""
    told = clean(detail or "no reason given")
    if "max execution time" in told.lower():
        return TooSlow(f"PostHog stopped the query: {told}", _SHORTER)
    if "memory" in told.lower():
        return SourceBusy(f"PostHog ran out of memory: {told}", f"{_SHORTER} or fewer columns")
    return otherwise(f"PostHog failed the query: {told}", _SHORTER if otherwise is SourceBusy else "")


def _bad_request(response: httpx.Response, detail: str) -> UsertrackError:
    code = str(_object(response).get("code") or "")
    hints = {"hogql_syntax_error": "this is HogQL: SELECT over events, persons, sessions, groups"}
    what = "query" if "/query/" in response.request.url.path else "request"
    return QueryError(f"PostHog refused the {what}: {detail or 'no reason given'}", hints.get(code, ""))


def _unauthorized(response: httpx.Response, detail: str) -> UsertrackError:
    return ConnectionFailed(
        "PostHog does not accept the personal API key",
        "make one in PostHog (Settings, Personal API keys, scope query:read); set POSTHOG_PERSONAL_API_KEY",
    )


def _forbidden(response: httpx.Response, detail: str) -> UsertrackError:
    scope = re.search(r"required scope '([^']+)'", detail)
    if scope:
        return LacksScope(
            f"the PostHog key lacks the scope {scope[1]}", "add it in PostHog under Settings, Personal API keys"
        )
    return ConnectionFailed(
        f"PostHog does not let this key in: {detail or 'HTTP 403'}", "check POSTHOG_PROJECT_ID and the key's projects"
    )


def _payment(response: httpx.Response, detail: str) -> UsertrackError:
    return ConnectionFailed(f"PostHog wants to be paid: {detail or 'HTTP 402'}", "raise the billing limit in PostHog")


def _not_found(response: httpx.Response, detail: str) -> UsertrackError:
    if re.match(r"Query \S+ not found", detail):
        return QueryError("PostHog no longer knows the query", "run the command again")
    return NotFound(
        f"PostHog does not know this: {detail or 'HTTP 404'}", f"check POSTHOG_PROJECT_ID and POSTHOG_HOST: {_ADDRESS}"
    )


def _throttled(response: httpx.Response, detail: str) -> UsertrackError | Again:
    return _later(SourceBusy("PostHog asks us to slow down", "wait a minute and try again"), response)


_BY_STATUS: dict[int, Callable[[httpx.Response, str], UsertrackError | Again]] = {
    400: _bad_request,
    401: _unauthorized,
    402: _payment,
    403: _forbidden,
    404: _not_found,
    429: _throttled,
}


def _later(final: SourceBusy, response: httpx.Response) -> SourceBusy | Again:
    """Another attempt, unless the server wants us to wait for longer than anybody would."""
    wait = retry_after(response)
    if wait is None or wait <= LONGEST_WAIT:
        return Again(final, wait, refused=response.status_code == 429)
    minutes = f"{number(min(wait / 60, 1e6))} minutes"
    return type(final)(f"{final.message}, for {minutes}", f"try again in {minutes}")


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = _json(response)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _json(response: httpx.Response) -> Any:
    return response.json(parse_constant=lambda name: None)  # NaN and Infinity, which JSON lacks, are no values


def json_body(response: httpx.Response) -> dict[str, Any]:
    """The JSON object in ``response``; one that was cut off is worth another attempt, one that is wrong is not."""
    try:
        body = _json(response)
    except (ValueError, RecursionError) as error:
        raise _unreadable(response, error) from error
    if body == {}:
        raise QueryError("PostHog answered with an empty object", _SUPPORT)
    if not isinstance(body, dict):
        raise _stranger(response)
    return body


def _unreadable(response: httpx.Response, error: ValueError | RecursionError) -> UsertrackError | Again:
    text = response.content.rstrip()
    if _kind(response) != "application/json" or not text.lstrip().startswith(b"{"):
        return _stranger(response)
    ends_early = isinstance(error, json.JSONDecodeError) and error.pos >= len(error.doc.rstrip())
    if ends_early or not text.endswith(b"}"):
        return Again(ConnectionFailed("PostHog's answer was cut off", "run the command again"))
    what = "text that is not UTF-8" if isinstance(error, UnicodeDecodeError) else "JSON that cannot be read"
    return QueryError(f"PostHog answered with {what}", _SUPPORT)


def _stranger(response: httpx.Response) -> ConnectionFailed:
    what = clean(_kind(response)) or "nothing"
    return ConnectionFailed(f"POSTHOG_HOST answers with {what}, not as PostHog does", _ADDRESS)


def _kind(response: httpx.Response) -> str:
    return str(response.headers.get("content-type", "")).split(";")[0]


def clean(text: object, longest: int = 400) -> str:
    """``text`` of a server on one line and cut, fit for a message; a key that it echoes is left out."""
    line = re.sub(r"\bph[xsc]_\w+", "[key]", " ".join(str(text).split()))
    return line if len(line) <= longest else line[: longest - 1] + "…"
