"""One POST to somebody else's server, tried again where that helps. Its address is a secret, and is in no message."""

import ipaddress
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import httpx
import stamina

from usertrack.errors import ConnectionFailed, QueryError, SourceBusy, UsageError, UsertrackError
from usertrack.sources import Notify
from usertrack.sources.http import LONGEST_WAIT, clean, retry_after

ATTEMPTS = 5
_TIMEOUT = httpx.Timeout(30, connect=10)


class _Again(Exception):  # noqa: N818 - not an error yet
    def __init__(self, final: UsertrackError, wait: float | None = None) -> None:
        super().__init__(final.message)
        self.final, self.wait = final, wait


def require_address(url: str | None, who: str, hint: str) -> str:
    """``url``, once it is one that people's e-mails may be sent to; raises UsageError, which does not show it."""
    if not url:
        raise UsageError(f"{who} needs an address to post to", hint)
    try:
        parts = urlsplit(url)
        host, scheme, _ = parts.hostname or "", parts.scheme, parts.port
    except ValueError:
        host = scheme = ""
    if not host or scheme not in ("https", "http") or not url.isprintable() or " " in url:
        raise UsageError(f"the address for {who} does not begin with https://", hint)
    if scheme == "http" and not _is_here(host):
        raise UsageError(f"the address for {who} is not https://, so that others could read along", hint)
    return url


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def shown(url: str) -> str:
    """``url`` as it may be shown: which server, and no more."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}/[secret]"


def told(response: httpx.Response) -> str:
    """What the server answered, in one short line without any part of its address."""
    text = clean(response.text[:2000], 200)
    url = response.request.url
    secrets = [url.path.strip("/"), *url.path.split("/"), *url.params.values(), url.password, url.username]
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        if len(secret) > 5:
            text = text.replace(secret, "[secret]")
    return text


def post(
    url: str,
    content: bytes,
    headers: Mapping[str, str],
    who: str,
    refused: Callable[[httpx.Response], UsertrackError],
    notify: Notify,
    *,
    pause: float = 1.0,
    repeatable: bool = False,
) -> httpx.Response:
    """The answer (2xx) to a POST of ``content``.

    Waits between attempts as ``Retry-After`` says, else ``pause`` seconds doubling. After 429, after 5xx and where
    nothing was reached it is tried again; after silence only if it is ``repeatable``, because it may have arrived.
    ``refused`` makes the error of any other answer. Raises a UsertrackError.
    """
    try:
        with httpx.Client(timeout=_TIMEOUT) as client:
            for attempt in stamina.retry_context(
                on=_wait, attempts=ATTEMPTS, timeout=None, wait_initial=pause, wait_max=30, wait_jitter=pause / 2
            ):
                with attempt:
                    try:
                        return _once(client, url, content, headers, who, refused, repeatable=repeatable)
                    except _Again as again:
                        if attempt.num < ATTEMPTS:
                            wait = f" in {again.wait:.0f} s" if again.wait else ""
                            notify(f"{again.final.message}; trying again{wait}")
                        raise
    except _Again as again:
        raise again.final from None
    raise AssertionError("stamina always returns or raises")


def _wait(error: Exception) -> bool | float:
    if not isinstance(error, _Again):
        return False
    return True if error.wait is None else error.wait


def _once(
    client: httpx.Client,
    url: str,
    content: bytes,
    headers: Mapping[str, str],
    who: str,
    refused: Callable[[httpx.Response], UsertrackError],
    *,
    repeatable: bool,
) -> httpx.Response:
    try:
        response = client.post(url, content=content, headers=headers)
    except (httpx.ConnectError, httpx.ConnectTimeout):
        raise _Again(ConnectionFailed(f"cannot reach {who}", "check its address, and your network")) from None
    except httpx.InvalidURL:
        raise UsageError(f"the address for {who} is not one", "copy it again") from None
    except httpx.RequestError:
        if not repeatable:
            raise SourceBusy(
                f"{who} did not answer, and may have taken it or not", "look there before you send it again"
            ) from None
        raise _Again(SourceBusy(f"{who} did not answer in time", "send it again later")) from None
    if response.is_success:
        return response
    raise _failure(response, who, refused)


def _failure(
    response: httpx.Response, who: str, refused: Callable[[httpx.Response], UsertrackError]
) -> UsertrackError | _Again:
    status = response.status_code
    if status == 429:
        wait = retry_after(response)
        busy = SourceBusy(f"{who} asks us to slow down (HTTP 429)", "wait a minute and send it again")
        if wait is not None and wait > LONGEST_WAIT:
            return SourceBusy(busy.message, f"send it again in {min(wait / 60, 1e6):,.0f} minutes, as it asks")
        return _Again(busy, wait)
    if status >= 500:
        said = f"HTTP {status} {told(response)}".strip()
        return _Again(SourceBusy(f"{who} failed: {said}", "send it again later"), retry_after(response))
    if response.is_redirect:
        return ConnectionFailed(f"the address for {who} answers with a redirect", "use the address it leads to")
    return refused(response)


def plain_refusal(response: httpx.Response, who: str) -> UsertrackError:
    """The error for an answer that says no more than its status."""
    said = f"HTTP {response.status_code} {told(response)}".strip()
    return QueryError(f"{who} refused it: {said}", "is the address right?")
