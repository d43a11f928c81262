"""One POST to another server, with retries. The address of the server is a secret, and no message shows it."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus, urlsplit

import httpx

from usertrack.core.errors import ConnectionFailed, QueryError, SourceBusy, UsageError, UsertrackError
from usertrack.core.notify import Notify
from usertrack.core.tls import tls
from usertrack.core.words import number
from usertrack.sources.http import one_line, why_unreachable
from usertrack.sources.retry import LONGEST_WAIT, Retry, attempts, notify_retry, retry_after

_SHORTEST_SECRET = 8  # characters: what is shorter is a word such as `hooks`, and no key
_TIMEOUT = httpx.Timeout(30, connect=10)  # seconds: a receiver that hangs must not hold up a push for long
_SHORT = httpx.Timeout(10)  # for who tries again later


def require_address(url: str | None, receiver: str, hint: str) -> str:
    """``url``, if e-mails of people may be sent to it; else raises UsageError, which does not show it."""
    if not url:
        raise UsageError(f"{receiver} needs an address to post to", hint)
    try:
        parts = urlsplit(url)
        host, scheme, _ = parts.hostname or "", parts.scheme, parts.port
        host.encode("idna")  # as DNS will do
    except ValueError:
        host = scheme = ""
    if not host or scheme not in ("https", "http") or not url.isprintable() or " " in url:
        raise UsageError(f"the address for {receiver} does not begin with https:// and the name of a server", hint)
    if scheme == "http" and not is_loopback(host):
        raise UsageError(f"the address for {receiver} is not https://, so others could read the data", hint)
    return url


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def masked(url: str | None) -> str:
    """``url`` as it may be shown: the server alone."""
    if not url:
        return "[no address yet]"
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}/[secret]"


def answer_of(response: httpx.Response) -> str:
    """The server's answer in one short line, without any part of its address that can be a secret."""
    text, url = response.text[:2000], response.request.url
    raw = re.split("[/?&=#;]", url.raw_path.decode(errors="replace"))
    account = re.split("[:@]", url.userinfo.decode())
    parts = {*raw, *map(unquote, raw), *map(unquote_plus, raw), *url.params.values()}
    secrets = {part for part in parts if len(part) >= _SHORTEST_SECRET} | {*account, *map(unquote, account), url.path}
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) > 2:  # whole words alone: `inv` in the address is no part of `invalid`
            text = re.sub(rf"(?<!\w){re.escape(secret.strip('/'))}(?!\w)", "[secret]", text)
    return one_line(text, 200)


class NoAnswer(SourceBusy):
    """The content may have arrived."""


@dataclass(frozen=True)
class Delivery:
    """POSTs to ``receiver``, the name of a server in messages.

    Waits between attempts as ``Retry-After`` says, else ``pause`` seconds, doubled each time. It tries again after 429,
    after 5xx and when the server was not reached; after a timeout only if ``repeatable``, because the content may have
    arrived. ``refusal`` makes the error of any other answer. Nobody waits longer than ``longest_wait`` seconds for a
    server that asks for it.
    """

    receiver: str
    refusal: Callable[[httpx.Response], UsertrackError]
    notify: Notify
    pause: float = 1.0
    repeatable: bool = False
    longest_wait: float = LONGEST_WAIT

    def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """Send ``content`` and return the answer (2xx); raises a UsertrackError."""
        try:
            with httpx.Client(timeout=_TIMEOUT, verify=tls(url)) as client:
                for attempt in attempts(self.pause):
                    with notify_retry(attempt, self.notify):
                        request = client.build_request("POST", url, content=content, headers=headers)
                        return self._send_once(request, client)
        except httpx.InvalidURL:
            raise UsageError(f"the address for {self.receiver} is not one", "copy it again") from None
        except Retry as retry:
            raise retry.final from None
        raise AssertionError("stamina always returns or raises")

    def post_once(self, url: str, content: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """Send ``content`` once and return the answer. Raises `Retry` where another attempt may help."""
        try:
            with httpx.Client(timeout=_SHORT, verify=tls(url)) as client:
                return self._send_once(client.build_request("POST", url, content=content, headers=headers), client)
        except httpx.InvalidURL:
            raise UsageError(f"the address for {self.receiver} is not one", "copy it again") from None

    def _send_once(self, request: httpx.Request, client: httpx.Client) -> httpx.Response:
        try:
            response = client.send(request)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            unreachable = f"cannot reach {self.receiver}: {why_unreachable(error)}"
            lost = ConnectionFailed(unreachable, "check its address, and your network")
            raise Retry(lost) from None
        except httpx.RequestError:
            if self.repeatable:
                raise Retry(NoAnswer(f"{self.receiver} did not answer in time", "send it again later")) from None
            silent = f"{self.receiver} did not answer: it may have received the data or not"
            raise SourceBusy(silent, "check there before you send it again") from None
        if response.is_success:
            return response
        raise self._failure(response)

    def _failure(self, response: httpx.Response) -> UsertrackError | Retry:
        wait = retry_after(response)
        if response.status_code == 429:
            busy = f"{self.receiver} asks us to slow down (HTTP 429)"
            if wait is not None and wait > self.longest_wait:
                return SourceBusy(busy, f"send it again in {number(min(wait / 60, 1e6))} minutes, as it asks")
            return Retry(SourceBusy(busy, "wait a minute and send it again"), wait)
        if response.status_code >= 500:
            return Retry(SourceBusy(f"{self.receiver} failed: {status_of(response)}", "send it again later"), wait)
        if response.is_redirect:
            redirect = f"the address for {self.receiver} answers with a redirect"
            return ConnectionFailed(redirect, "use the address it leads to")
        return self.refusal(response)


def status_of(response: httpx.Response) -> str:
    return f"HTTP {response.status_code} {answer_of(response)}".strip()


def plain_refusal(response: httpx.Response, receiver: str) -> UsertrackError:
    """The error for an answer whose status is all that is known."""
    return QueryError(f"{receiver} refused it: {status_of(response)}", "is the address right?")
