"""One HTTP request to PostHog, tried again where that helps, and every refusal turned into what to do about it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import stamina

from usertrack.errors import ConnectionFailed, QueryError, SourceBusy, UsertrackError
from usertrack.sources import Notify

stamina.instrumentation.set_on_retry_hooks([])  # retries are shown through `notify`, not logged

ATTEMPTS = 6
LONGEST_WAIT = 90.0
"""Seconds that we wait at the most because a server asks us to; beyond that the user decides."""


class TooSlow(SourceBusy):
    """The query did not finish within what a blocking request may take: ask again asynchronously."""


class _Again(Exception):  # noqa: N818 - not an error yet
    """Worth another attempt, after ``wait`` seconds if the server named them; ``final`` is raised when none is left."""

    def __init__(self, final: UsertrackError, wait: float | None = None) -> None:
        super().__init__(final.message)
        self.final = final
        self.wait = wait


async def send(
    request: Callable[[], Any], notify: Notify, *, attempts: int = ATTEMPTS, pause: float = 1.0
) -> httpx.Response:
    """The response to ``request`` (a call that makes a coroutine), its body read, once it succeeded.

    Waits between attempts as long as ``Retry-After`` says, else ``pause`` seconds doubling. Raises a UsertrackError.
    """

    def wait(error: Exception) -> bool | float:
        if not isinstance(error, _Again):
            return False
        notify(f"{error.final.message}; trying again")
        return True if error.wait is None else error.wait

    try:
        async for attempt in stamina.retry_context(
            on=wait, attempts=attempts, timeout=None, wait_initial=pause, wait_max=30, wait_jitter=pause / 2
        ):
            with attempt:
                return await _once(request)
    except _Again as error:
        raise error.final from error
    raise AssertionError("stamina always returns or raises")


async def _once(request: Callable[[], Any]) -> httpx.Response:
    try:
        response: httpx.Response = await request()
    except httpx.ConnectError as error:
        raise ConnectionFailed(
            f"cannot reach PostHog: {_reason(error)}", "check POSTHOG_HOST, and your network"
        ) from error
    except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
        raise TooSlow("PostHog did not answer in time", "ask for a shorter range, or try again later") from error
    except httpx.InvalidURL as error:
        raise ConnectionFailed("POSTHOG_HOST is not an address", "US Cloud is https://us.posthog.com") from error
    except httpx.TransportError as error:
        raise _Again(
            ConnectionFailed(f"the connection to PostHog broke ({type(error).__name__})", "run the command again")
        ) from error
    if response.status_code in (200, 201, 202):
        return response
    raise _refusal(response)


def _reason(error: Exception) -> str:
    text = str(error).lower()
    if "name" in text and ("resol" in text or "known" in text or "service" in text):
        return "its host name is not known"
    if "refused" in text:
        return "nothing answers at that address"
    if "certificate" in text or "ssl" in text:
        return "TLS could not be agreed on"
    return "no connection"


def _refusal(response: httpx.Response) -> UsertrackError | _Again:
    """What a response other than 2xx means (statuses and bodies: PostHog's API, exceptions and rate limits)."""
    status = response.status_code
    body = _body(response)
    detail = clean(str(body.get("detail") or ""))
    if status in _BY_STATUS:
        return _BY_STATUS[status](response, detail)
    if status in (502, 503) or (status == 504 and not body):
        busy = SourceBusy(f"PostHog is busy or restarting (HTTP {status})", "try again in a few minutes")
        return _Again(busy, _retry_after(response))
    if status == 504 and "memory" in detail.lower():
        return SourceBusy(f"PostHog ran out of memory: {detail}", "ask for a shorter range or fewer columns")
    if status == 504:
        return TooSlow(f"PostHog stopped the query: {detail}", "ask for a shorter range")
    if status == 512:
        return SourceBusy(f"PostHog refused the query: {detail}", "ask for a shorter range")
    if status in (301, 302, 307, 308):
        return ConnectionFailed(
            "POSTHOG_HOST answers with a redirect", "use the address it ends at, such as https://us.posthog.com"
        )
    return QueryError(
        f"PostHog answered HTTP {status}{': ' + detail if detail else ''}",
        "try again; if it stays, ask PostHog's support",
    )


def _bad_request(response: httpx.Response, detail: str) -> UsertrackError:
    code = str(_body(response).get("code") or "")
    hints = {"hogql_syntax_error": "this is HogQL: SELECT over events, persons, sessions, groups"}
    return QueryError(f"PostHog refused the query: {detail or 'no reason given'}", hints.get(code, ""))


def _unauthorized(response: httpx.Response, detail: str) -> UsertrackError:
    return ConnectionFailed(
        "PostHog does not accept the personal API key",
        "make one in PostHog (Settings, Personal API keys, scope query:read); set POSTHOG_PERSONAL_API_KEY",
    )


def _forbidden(response: httpx.Response, detail: str) -> UsertrackError:
    scope = re.search(r"scope '([^']+)'", detail)
    if scope:
        return ConnectionFailed(
            f"the PostHog key lacks the scope {scope[1]}", "add it in PostHog under Settings, Personal API keys"
        )
    return ConnectionFailed(
        f"PostHog does not let this key in: {detail or 'HTTP 403'}", "check POSTHOG_PROJECT_ID and the key's projects"
    )


def _payment(response: httpx.Response, detail: str) -> UsertrackError:
    return ConnectionFailed(f"PostHog wants to be paid: {detail or 'HTTP 402'}", "raise the billing limit in PostHog")


def _not_found(response: httpx.Response, detail: str) -> UsertrackError:
    return ConnectionFailed(
        f"PostHog does not know this: {detail or 'HTTP 404'}", "check POSTHOG_HOST (US or EU?) and POSTHOG_PROJECT_ID"
    )


def _throttled(response: httpx.Response, detail: str) -> UsertrackError | _Again:
    wait = _retry_after(response)
    if wait is not None and wait > LONGEST_WAIT:
        return SourceBusy(f"PostHog's rate limit is used up for {wait:.0f} s", "wait, or share fewer runs per hour")
    return _Again(SourceBusy("PostHog asks us to slow down", "wait a minute and try again"), wait)


_BY_STATUS: dict[int, Callable[[httpx.Response, str], UsertrackError | _Again]] = {
    400: _bad_request,
    401: _unauthorized,
    402: _payment,
    403: _forbidden,
    404: _not_found,
    429: _throttled,
}


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that ``Retry-After`` asks for: a number or an HTTP date; None without one (PostHog's concurrency 429)."""
    header = response.headers.get("Retry-After", "").strip()
    if header.isdigit():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _body(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def json_body(response: httpx.Response) -> dict[str, Any]:
    """The JSON object in ``response``; raises ConnectionFailed where something else answers at that address."""
    body = _body(response)
    if not body:
        kind = response.headers.get("content-type", "nothing").split(";")[0]
        raise ConnectionFailed(
            f"POSTHOG_HOST answers with {clean(kind)}, not as PostHog does", "US Cloud is https://us.posthog.com"
        )
    return body


def clean(text: str, longest: int = 400) -> str:
    """``text`` of a server on one line and cut, fit for a message."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
