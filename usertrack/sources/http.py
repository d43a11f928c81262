"""Sends a request to PostHog, retries it where that helps, and turns every error into what the user can do."""

import json
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx

from usertrack.core.errors import ConnectionFailed, QueryError, SourceBusy, UsertrackError
from usertrack.core.json_types import JsonObject
from usertrack.core.notify import Notify
from usertrack.core.words import number
from usertrack.sources.retry import LONGEST_WAIT, Retry, attempts, notify_retry, retry_after

_ADDRESS = "US Cloud is https://us.posthog.com, EU Cloud https://eu.posthog.com"
_SHORTER = "ask for a shorter range"
_SUPPORT = "try again; if it stays, ask PostHog's support"

_KEY = re.compile(r"\bph[xsc]_\w+")  # a key of PostHog

T = TypeVar("T")


class TooSlow(SourceBusy):
    """The query took longer than a blocking request may take: run it asynchronously."""

    code = "too_slow"


class KeyRefused(ConnectionFailed):
    """PostHog does not accept the key at all: it is wrong, or of another address."""


class LacksScope(ConnectionFailed):
    """The key is valid, but lacks the scope for this."""

    code = "lacks_scope"


class NotFound(ConnectionFailed):
    """The requested object, or the project itself, does not exist."""

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
    """``read(response)`` of the first successful response to ``request``. Raises a UsertrackError.

    Waits between attempts as ``Retry-After`` says, else ``pause`` seconds, doubling; ``notify`` is called for each. A
    ``blocking`` query that is too slow is not retried, nor a request to be sent ``once``, unless PostHog throttled it.
    """
    try:
        async for attempt in attempts(pause):
            with notify_retry(attempt, notify):
                try:
                    return read(await _once(request))
                except Retry as retry:
                    if (blocking and isinstance(retry.final, TooSlow)) or (once and not retry.refused):
                        raise retry.final from None
                    raise
    except Retry as retry:
        raise retry.final from retry.__cause__
    raise AssertionError("stamina always returns or raises")


async def _once(request: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    try:
        response = await request()
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise ConnectionFailed(
            f"cannot reach PostHog: {why_unreachable(error)}", "check POSTHOG_HOST, and your network"
        ) from error
    except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
        raise TooSlow("PostHog did not answer in time", f"{_SHORTER}, or try again later") from error
    except (httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeError) as error:  # UnicodeError: a host of `a..b`
        raise ConnectionFailed("POSTHOG_HOST is not an address", _ADDRESS) from error
    except httpx.RequestError as error:
        broken = f"the connection to PostHog broke ({type(error).__name__})"
        raise Retry(ConnectionFailed(broken, "run the command again")) from error
    if response.status_code in (200, 201, 202):
        return response
    raise _refusal(response)


def why_unreachable(error: BaseException) -> str:
    """Why there is no connection, in words that hold nothing of the address."""
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


def _refusal(response: httpx.Response) -> UsertrackError | Retry:
    """The error for a response other than 2xx (PostHog's API: exceptions and rate limits)."""
    status = response.status_code
    body = _json_object(response)
    detail = one_line(body.get("detail") or "")
    if message := _status_message(body):
        return failure(message)
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
        location = one_line(response.headers.get("location", ""), 100)
        return ConnectionFailed(f"POSTHOG_HOST answers with a redirect to {location or 'nowhere'}", _ADDRESS)
    return QueryError(
        f"PostHog answered HTTP {status}{': ' + detail if detail else ''}",
        _SUPPORT,
    )


def _status_message(body: JsonObject) -> Any:  # noqa: ANN401
    """The error message of an asynchronous query, which is at another place than that of other errors."""
    status = body.get("query_status")
    return status.get("error_message") if isinstance(status, dict) else None


def failure(detail: object, otherwise: type[UsertrackError] = QueryError) -> UsertrackError:
    """The error for a query that PostHog stopped or failed, by PostHog's message."""
    reason = one_line(detail or "no reason given")
    if "max execution time" in reason.lower():
        return TooSlow(f"PostHog stopped the query: {reason}", _SHORTER)
    if "memory" in reason.lower():
        return SourceBusy(f"PostHog ran out of memory: {reason}", f"{_SHORTER} or fewer columns")
    return otherwise(f"PostHog failed the query: {reason}", _SHORTER if otherwise is SourceBusy else "")


def _bad_request(response: httpx.Response, detail: str) -> UsertrackError:
    code = str(_json_object(response).get("code") or "")
    hints = {"hogql_syntax_error": "this is HogQL: SELECT over events, persons, sessions, groups"}
    noun = "query" if "/query/" in response.request.url.path else "request"
    return QueryError(f"PostHog refused the {noun}: {detail or 'no reason given'}", hints.get(code, ""))


def _unauthorized(response: httpx.Response, detail: str) -> UsertrackError:
    return KeyRefused(
        "PostHog does not accept the personal API key",
        "make one in PostHog (Settings, Personal API keys, scope query:read); `usertrack login` stores it",
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
    return ConnectionFailed(f"PostHog asks for a payment: {detail or 'HTTP 402'}", "raise the billing limit in PostHog")


def _not_found(response: httpx.Response, detail: str) -> UsertrackError:
    if re.match(r"Query \S+ not found", detail):
        return QueryError("PostHog no longer knows the query", "run the command again")
    return NotFound(
        f"PostHog does not know this: {detail or 'HTTP 404'}", f"check POSTHOG_PROJECT_ID and POSTHOG_HOST: {_ADDRESS}"
    )


def _throttled(response: httpx.Response, detail: str) -> UsertrackError | Retry:
    return _later(SourceBusy("PostHog asks us to slow down", "wait a minute and try again"), response)


_BY_STATUS: dict[int, Callable[[httpx.Response, str], UsertrackError | Retry]] = {
    400: _bad_request,
    401: _unauthorized,
    402: _payment,
    403: _forbidden,
    404: _not_found,
    429: _throttled,
}


def _later(final: SourceBusy, response: httpx.Response) -> SourceBusy | Retry:
    """A retry, unless the server asks for a longer wait than is acceptable."""
    wait = retry_after(response)
    if wait is None or wait <= LONGEST_WAIT:
        return Retry(final, wait, refused=response.status_code == 429)
    minutes = f"{number(min(wait / 60, 1e6))} minutes"
    return type(final)(f"{final.message}, for {minutes}", f"try again in {minutes}")


def _json_object(response: httpx.Response) -> JsonObject:
    try:
        body = _json(response)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _json(response: httpx.Response) -> Any:  # noqa: ANN401
    return response.json(parse_constant=lambda name: None)  # NaN and Infinity are no JSON


def json_body(response: httpx.Response) -> JsonObject:
    """The JSON object in ``response``. Raises Retry for one that was cut off, a UsertrackError for a wrong one."""
    try:
        body = _json(response)
    except (ValueError, RecursionError) as error:
        raise _unreadable(response, error) from error
    if body == {}:
        raise QueryError("PostHog answered with an empty object", _SUPPORT)
    if not isinstance(body, dict):
        raise _not_posthog(response)
    return body


def _unreadable(response: httpx.Response, error: ValueError | RecursionError) -> UsertrackError | Retry:
    text = response.content.rstrip()
    if _kind(response) != "application/json" or not text.lstrip().startswith(b"{"):
        return _not_posthog(response)
    ends_early = isinstance(error, json.JSONDecodeError) and error.pos >= len(error.doc.rstrip())
    if ends_early or not text.endswith(b"}"):
        return Retry(ConnectionFailed("PostHog's answer was cut off", "run the command again"))
    fault = "text that is not UTF-8" if isinstance(error, UnicodeDecodeError) else "JSON that cannot be read"
    return QueryError(f"PostHog answered with {fault}", _SUPPORT)


def _not_posthog(response: httpx.Response) -> ConnectionFailed:
    content_type = one_line(_kind(response)) or "nothing"
    return ConnectionFailed(f"POSTHOG_HOST answers with {content_type}, not as PostHog does", _ADDRESS)


def _kind(response: httpx.Response) -> str:
    return str(response.headers.get("content-type", "")).split(";")[0]


def one_line(text: object, longest: int = 400) -> str:
    """``text`` of a server on one line, cut to fit a message, and without an echoed key."""
    line = _KEY.sub("[key]", " ".join(str(text).split()))
    return line if len(line) <= longest else line[: longest - 1] + "…"
