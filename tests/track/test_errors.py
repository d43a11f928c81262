"""Failed requests become events with view and type of error, not too many of them, and no response suffers."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

import usertrack_track as track
from tests.track.conftest import Configure
from tests.track.posthog_server import PostHogServer
from usertrack_track import asgi, wsgi
from usertrack_track.errors import TokenBuckets

SECRET = "ada@x.example owes 5"


@pytest.fixture
def failures(configure: Configure, server: PostHogServer) -> Callable[[], list[dict[str, Any]]]:
    """What PostHog got to know of failed requests: without what its SDK adds."""
    configure(database_url=None)

    def ask() -> list[dict[str, Any]]:
        assert track.flush()
        names = ("view", "error_type", "dropped")
        assert SECRET not in str(server.received)
        return [
            {name: event["properties"][name] for name in names if name in event["properties"]}
            for event in server.named("error_occurred")
        ]

    return ask


Failures = Callable[[], list[dict[str, Any]]]


async def broken(request: Request) -> Response:
    raise LookupError(SECRET)


async def sends_500(request: Request) -> Response:
    return PlainTextResponse("sorry", status_code=500)


async def well(request: Request) -> Response:
    return PlainTextResponse("well", status_code=int(request.query_params.get("status", "200")))


def test_starlette(failures: Failures) -> None:
    app = Starlette(routes=[Route("/users/{id}", broken), Route("/sorry", sends_500), Route("/well", well)])
    app.add_middleware(asgi.ErrorTracking)

    async def ask() -> list[int]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            paths = ("/users/ada", "/sorry", "/well", "/well?status=503", "/no")
            return [(await client.get(path)).status_code for path in paths]

    assert asyncio.run(ask()) == [500, 500, 200, 503, 404]
    assert failures() == [
        {"view": "/users/{id}", "error_type": "LookupError"},
        {"view": "/sorry", "error_type": "unknown"},
    ]


def test_an_exception_goes_on_as_it_was(failures: Failures) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError(SECRET)

    with pytest.raises(LookupError, match=SECRET):
        asyncio.run(asgi.ErrorTracking(app)({"type": "http"}, None, None))  # type: ignore[arg-type]
    assert failures() == [
        {"view": f"{__name__}.{app.__qualname__}", "error_type": "LookupError"},
    ]


def call_wsgi(app: Any) -> tuple[list[str], list[bytes]]:
    statuses: list[str] = []
    body = wsgi.ErrorTracking(app)({"PATH_INFO": "/users/ada"}, lambda status, headers, *rest: statuses.append(status))
    try:
        return statuses, list(body)
    finally:
        body.close()  # type: ignore[attr-defined]


def test_wsgi(failures: Failures) -> None:
    def answers(environ: Any, start: Any) -> list[bytes]:
        start("200 OK", [])
        return [b"well"]

    def sends_500(environ: Any, start: Any) -> list[bytes]:
        try:
            raise KeyError(SECRET)
        except KeyError:
            start("500 Internal Server Error", [])
        return [b"sorry"]

    def fails_late(environ: Any, start: Any) -> Iterator[bytes]:
        start("200 OK", [])
        yield b"half"
        raise ZeroDivisionError(SECRET)

    def fails(environ: Any, start: Any) -> list[bytes]:
        raise LookupError(SECRET)

    assert call_wsgi(answers) == (["200 OK"], [b"well"])
    assert call_wsgi(sends_500) == (["500 Internal Server Error"], [b"sorry"])
    for app, error in ((fails_late, ZeroDivisionError), (fails, LookupError)):
        with pytest.raises(error, match=SECRET):
            call_wsgi(app)
    assert [failure["error_type"] for failure in failures()] == ["KeyError", "ZeroDivisionError", "LookupError"]
    assert failures()[2]["view"] == f"{__name__}.{fails.__qualname__}"


def test_a_flood_is_counted_and_not_sent(failures: Failures, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(track, "_errors", TokenBuckets(lambda: now))
    for _ in range(105):
        track.track_error(ValueError(SECRET), view="shop.pay")
    track.track_error(ValueError(SECRET), view="shop.cart")
    now = 60.0
    for _ in range(2):
        track.track_error(ValueError(SECRET), view="shop.pay")
    assert [failure.get("dropped") for failure in failures()] == [None] * 6 + [100]


def test_buckets_do_not_grow_without_end() -> None:
    buckets = TokenBuckets(lambda: 0.0)
    for number in range(3_000):
        buckets.take(("view", str(number)))
    assert len(buckets._buckets) == 1_000


def test_types_of_errors_say_where_they_are_from(failures: Failures) -> None:
    import psycopg

    for error in (psycopg.OperationalError(SECRET), "Timeout", KeyError, None):
        track.track_error(error, view="v")
    assert [failure["error_type"] for failure in failures()] == [
        "psycopg.OperationalError",
        "Timeout",
        "KeyError",
        "unknown",
    ]


@pytest.mark.parametrize("fault", ["plan", "person"])
def test_no_response_suffers_from_what_fails_in_tracking(
    fault: str, configure: Configure, caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    configure(database_url="postgresql://127.0.0.1:1/none", plan=tmp_path / "none.yaml", enforce=fault == "plan")

    def nobody(environ: Any) -> str:
        raise RuntimeError(SECRET)

    def app(environ: Any, start: Any) -> list[bytes]:
        start("500 Internal Server Error", [])
        return [b"sorry"]

    watched = wsgi.ErrorTracking(app, person=nobody if fault == "person" else lambda environ: None)
    body = watched({}, lambda status, headers: None)
    assert list(body) == [b"sorry"]
    body.close()  # type: ignore[attr-defined]
    assert "a failed request could not be tracked" in caplog.text
    assert SECRET not in caplog.text
