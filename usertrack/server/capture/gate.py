"""Which requests are let in: of pages from the allowed origins, and not too many of one address or with one key."""

import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request

from usertrack.server.capture.payload import Refused
from usertrack.server.http.server_settings import ServerSettings

_BURST = 5  # seconds of the rate that may come at once
_ADDRESSES = 10_000  # remembered at a time: bounds the memory under a flood
_OF_PROGRAM = 10  # times what a browser's address may send: a product's server speaks for many people


def any_site(methods: Sequence[str]) -> Middleware:
    """CORS for every site: whoever knows the public token may send events, as to PostHog's own."""
    return Middleware(
        CORSMiddleware,
        allow_origin_regex=".*",
        allow_credentials=True,
        allow_headers=["*"],
        allow_methods=methods,
        expose_headers=["Retry-After"],
    )


class Buckets:
    """A token bucket for each name: ``rate`` a second, and a burst of five seconds' worth. ``rate`` 0 is no limit."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._levels: dict[str, tuple[float, float]] = {}

    def wait(self, name: str) -> float:
        """0 for a request that may pass, which is counted; else in how many seconds one may."""
        if not self._rate:
            return 0
        now = self._clock()
        level, since = self._levels.pop(name, (self._rate * _BURST, now))
        level = min(self._rate * _BURST, level + (now - since) * self._rate)
        passes = level >= 1
        self._levels[name] = (level - passes, now)
        if len(self._levels) > _ADDRESSES:
            del self._levels[next(iter(self._levels))]  # who was quiet for longest
        return 0 if passes else (1 - level) / self._rate


class CaptureGate:
    """Lets requests in as the settings say. Programs on this machine may send any number, and any may from any site."""

    def __init__(self, settings: ServerSettings) -> None:
        self._origins = {origin.rstrip("/").lower() for origin in settings.origins}
        self._of_address = Buckets(settings.requests_per_address)
        self._of_program = Buckets(settings.requests_per_address * _OF_PROGRAM)
        self._of_key = Buckets(settings.requests_per_key)

    def admit(self, request: Request) -> None:
        """Raises Refused: 403 for another origin, 429 for too many requests."""
        self.check_origin(request)
        if is_browser(request) or not _is_of_this_machine(request):
            self.count(request)

    def check_origin(self, request: Request) -> None:
        if self._origins and is_browser(request) and _origin(request) not in self._origins:
            raise Refused("this origin may not send events", 403)

    def count(self, request: Request) -> None:
        """Raises Refused where it is one too many."""
        address = request.client.host if request.client else ""
        if is_browser(request):
            wait = self._of_address.wait(address) or self._of_key.wait("")
        else:
            wait = self._of_program.wait(address)
        if wait:
            raise Refused("too many requests, please retry", 429, {"Retry-After": str(int(wait) + 1)})


def is_browser(request: Request) -> bool:
    """Whether a page may have sent this: with ``GET``, as an image, it does so without ``Origin``."""
    return request.method == "GET" or any(name in request.headers for name in ("origin", "referer", "sec-fetch-site"))


def _is_of_this_machine(request: Request) -> bool:
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _origin(request: Request) -> str:
    """Which site the request says that it is from; "" when it does not say."""
    if (origin := request.headers.get("origin")) is not None:
        return origin.lower()
    try:
        site = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return ""
    return f"{site.scheme}://{site.netloc}".lower() if site.netloc else ""
