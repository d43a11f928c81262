"""Access to the pages: by the one-time link, by the password, or through a proxy that names the visitor.

On this machine a one-time link is exchanged for a cookie, as Jupyter does. Where other machines can reach the pages, a
password or a proxy's header takes the place of the link.
"""

import asyncio
import getpass
import hmac
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal, TypedDict, cast
from urllib.parse import parse_qs

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

_DAYS = 30  # a cookie is good for so long
_LINK_SECONDS = 24 * 3600  # whoever starts the pages opens the link the same day
_LARGEST_FORM = 1 << 20  # bytes
WRONG_PASSWORD_SECONDS = 1.0  # so that guessing a password takes long
_MOST_GUESSES = 10  # of an address that wait; people behind one address mistype less often than that
_MOST_ADDRESSES = 100  # that guess at once: 100 guesses a second in all, for which eight random letters last 30 years

Refusal = Callable[[Request, int, str], Response]
"""The page that says why somebody may not: the request, the status, and what to do."""


class EndedVisits:
    """The visits that their visitors ended, until their cookies are too old anyway.

    With a ``file``, of a line with the visit and its Unix time for each, it stays so when the server starts again.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        lines = file.read_text().splitlines() if file and file.exists() else []
        ended = {visit: at for visit, _, at in (line.partition(" ") for line in lines) if at.isdecimal()}
        self._visits = {visit for visit, at in ended.items() if time.time() - int(at) < _DAYS * 86400}
        if file and len(self._visits) < len(lines):
            file.write_text("".join(f"{visit} {ended[visit]}\n" for visit in self._visits))

    def add(self, visit: str) -> None:
        self._visits.add(visit)
        if self._file:
            with self._file.open("a") as file:
                file.write(f"{visit} {int(time.time())}\n")

    def __contains__(self, visit: str) -> bool:
        return visit in self._visits


@dataclass
class Access:
    """Who may see the pages, and how they prove it.

    ``hosts`` are the names, without a port, of the pages. Any other is refused, so that no site of somebody else can
    reach them by pointing its own name here. A password or a proxy's ``header`` takes the place of the link. What a
    proxy says, in that header and in those of the protocol, counts from the addresses or networks ``proxies``.

    ``key`` signs cookies and tokens: pages that are open stay so when the server starts again with the same one. A
    cookie of a visit that was ``ended`` opens nothing.
    """

    key: bytes = field(repr=False)
    hosts: frozenset[str]
    port: int
    password: str = field(default="", repr=False)
    header: str = ""
    proxies: frozenset[str] = frozenset()
    ended: EndedVisits = field(default_factory=EndedVisits)
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict, repr=False)
    _guesses: Counter[str] = field(default_factory=Counter, repr=False)
    _links: dict[str, float] = field(default_factory=dict, repr=False)

    def cookie(self, request: Request) -> str:
        """Return the name of the cookie. Browsers let no other host, and no plain page, set one with ``__Host-``."""
        name = f"usertrack-{self.port}"  # a browser sends cookies to all ports of a host
        return f"__Host-{name}" if _is_secure(request) else name

    def new_link(self, url: str) -> str:
        """A link to the pages at ``url`` that opens them once, within a day."""
        self._links = {link: at for link, at in self._links.items() if time.monotonic() - at < _LINK_SECONDS}
        secret = secrets.token_urlsafe(24)
        self._links[secret] = time.monotonic()
        return f"{url}/login?link={secret}"

    def may_enter(self, link: str) -> bool:
        """Whether the link is one that was not used yet; it is used then."""
        return time.monotonic() - self._links.pop(link, -_LINK_SECONDS) < _LINK_SECONDS

    def knows(self, request: Request) -> bool:
        """Whether the pages may be asked for under the request's name. The address itself can be nobody else's."""
        host = request.url.hostname or ""
        return host in self.hosts or host == (request.scope.get("server") or ("",))[0]

    async def is_password(self, text: str, address: str) -> bool:
        """Check one guess of an address at a time; a wrong one takes a second. Raises HTTPException for too many.

        Addresses of IPv6 count by their network of 64 bits, of which one machine has all.
        """
        if ":" in address:
            with suppress(ValueError):
                address = str(ip_network(f"{address.partition('%')[0]}/64", strict=False))
        if self._guesses[address] >= _MOST_GUESSES:
            raise HTTPException(429, "too many guesses at the password come from your address: try again in a while")
        if len(self._guesses) >= _MOST_ADDRESSES and address not in self._guesses:
            raise HTTPException(429, "too many addresses guess at the password: try again in a while")
        self._guesses[address] += 1
        try:
            async with self._turns.setdefault(address, asyncio.Lock()):
                if is_right := bool(self.password) and hmac.compare_digest(text.encode(), self.password.encode()):
                    return is_right
                await asyncio.sleep(WRONG_PASSWORD_SECONDS)
            return False
        finally:
            self._guesses[address] -= 1
            if not self._guesses[address]:
                del self._guesses[address], self._turns[address]

    def let_in(self, request: Request, response: Response) -> Response:
        """Return ``response`` with the cookie that opens the pages."""
        value = self._signer.dumps(secrets.token_urlsafe(8))
        response.set_cookie(self.cookie(request), value, max_age=_DAYS * 86400, **_cookie_flags(request))
        return response

    def visitor(self, request: Request) -> str:
        """Return the visitor's name from the signed cookie, or from the proxy's header; "" for a stranger."""
        if self.header:
            return request.headers.get(self.header, "")  # `TrustedProxies` leaves it to proxies
        try:
            visit = str(self._signer.loads(request.cookies.get(self.cookie(request), ""), max_age=_DAYS * 86400))
        except BadSignature:
            return ""
        return "" if visit in self.ended else visit

    def let_out(self, request: Request, response: Response) -> Response:
        """``response`` that drops the visitor's cookie, which opens nothing from now on."""
        self.ended.add(self.visitor(request))
        response.delete_cookie(self.cookie(request), **_cookie_flags(request))
        return response

    def who(self, request: Request) -> str:
        """Return who stands behind an action: the proxy's name, else that of who runs the server."""
        return self.visitor(request) if self.header else getpass.getuser()

    def token(self, request: Request) -> str:
        """The token that forms carry, so that no other site can send them in this visitor's name."""
        return hmac.new(self.key, b"form " + self.visitor(request).encode(), "sha256").hexdigest()

    async def form(self, request: Request) -> dict[str, str]:
        """The fields of a form that was sent. Raises HTTPException without its token."""
        fields = await read_form(request)
        if not hmac.compare_digest(fields.pop("token", "").encode(), self.token(request).encode()):
            raise HTTPException(403, "this form is of another visit: go back, reload the page, and send it again")
        return fields

    @property
    def _signer(self) -> URLSafeTimedSerializer:
        secret = hmac.new(self.key, self.password.encode(), "sha256").digest()  # a new password ends old visits
        return URLSafeTimedSerializer(secret, salt="usertrack pages")


class _CookieFlags(TypedDict):
    secure: bool
    httponly: bool
    samesite: Literal["lax"]
    path: str


def _cookie_flags(request: Request) -> _CookieFlags:
    return {"secure": _is_secure(request), "httponly": True, "samesite": "lax", "path": "/"}


def _is_secure(request: Request) -> bool:
    """Whether the browser asked by https, of us or of a proxy that was named."""
    return request.url.scheme == "https"


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form. Raises HTTPException for one that is too large, before all of it is read."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LARGEST_FORM:
            raise HTTPException(413, "the form is too large")
    fields = parse_qs(body.decode(errors="replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in fields.items()}


class TrustedProxies:
    """Middleware: believes proxies that were named who asks, and by which protocol. From others it drops their word."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

        self._app = app
        self._header = access.header.lower().encode()
        self._behind = ProxyHeadersMiddleware(cast(Any, app), sorted(access.proxies))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (scope["client"] or ("",))[0] in self._behind.trusted_hosts:
            await self._behind(cast(Any, scope), cast(Any, receive), cast(Any, send))
            return
        if self._header and scope["type"] == "http":
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name.lower() != self._header]
        await self._app(scope, receive, send)


class Gate:
    """Middleware: lets nobody to the pages without access, and no other site's name to this server."""

    def __init__(self, app: ASGIApp, access: Access, refuse: Refusal) -> None:
        self.app = app
        self.access = access
        self.refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        answer = self._refusal(request)
        await (answer or self.app)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        if not self.access.knows(request):
            return self.refuse(request, 421, "these pages are not known under that name, which --allow-host gives them")
        if (
            request.scope["path"] == "/login"
            or request.scope["path"].startswith("/assets/")
            or self.access.visitor(request)
        ):
            return None
        if self.access.password and request.method in ("GET", "HEAD"):
            return RedirectResponse("/login", 303)
        if self.access.password:
            return self.refuse(request, 403, "your visit has ended, and nothing was done: open these pages again")
        if self.access.header:
            return self.refuse(request, 403, f"no proxy that is known here named you in {self.access.header}")
        return self.refuse(request, 403, "open the link that `usertrack open` prints: each opens these pages once")


Handler = Callable[[Request], Awaitable[Response]]


def login(access: Access, refuse: Refusal, ask_password: Callable[[Request, str], Response]) -> Handler:
    """The endpoint /login: takes a one-time link, or asks for the password."""

    async def endpoint(request: Request) -> Response:
        if request.method == "POST":
            guess = (await read_form(request)).get("password", "")
            try:
                is_right = await access.is_password(guess, request.client.host if request.client else "")
            except HTTPException as error:
                return refuse(request, error.status_code, error.detail)
            if is_right:
                return access.let_in(request, RedirectResponse("/login?entered=1", 303))
            return ask_password(request, "that is not the password")
        if link := request.query_params.get("link", ""):
            if access.may_enter(link):
                return access.let_in(request, RedirectResponse("/login?entered=1", 303))
            if not access.visitor(request):
                return refuse(request, 403, "this link was used before: `usertrack open` prints a new one")
        if access.visitor(request):
            return RedirectResponse("/", 303)
        if "entered" in request.query_params:
            again = "give the password again" if access.password else "open a new link: `usertrack open` prints one"
            return refuse(request, 403, f"your browser keeps no cookies from this page: allow them, and {again}")
        ended = "your visit has ended" if "ended" in request.query_params else ""
        if access.password:
            return ask_password(request, ended)
        return refuse(request, 403, f"{ended}{': ' if ended else ''}open the link that `usertrack open` prints")

    return endpoint
