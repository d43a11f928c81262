"""A real Django: its connection's transactions, its failed requests, and its users' ids."""

import asyncio
from collections.abc import Iterator
from typing import Any

import django
import psycopg
import pytest
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.test import AsyncClient, Client
from django.urls import path

import usertrack_track as track
from tests.track.conftest import Configure
from tests.track.posthog_server import PostHogServer


def broken(request: HttpRequest, name: str) -> HttpResponse:
    raise LookupError("of ada@x.example")


async def broken_too(request: HttpRequest) -> HttpResponse:
    raise LookupError("of ada@x.example")


def sends_500(request: HttpRequest) -> HttpResponse:
    return HttpResponseServerError("sorry")


def well(request: HttpRequest) -> HttpResponse:
    return HttpResponse("well")


class User:
    pk = 7


def logged_in(get_response: Any) -> Any:
    def answer(request: HttpRequest) -> Any:
        request._cached_user = User()
        return get_response(request)

    return answer


urlpatterns = [
    path("users/<str:name>/", broken, name="profile"),
    path("later/", broken_too, name="later"),
    path("sorry/", sends_500),
    path("well/", well),
]


@pytest.fixture(scope="module", autouse=True)
def shop(migrated: str) -> Iterator[None]:
    parts = psycopg.conninfo.conninfo_to_dict(migrated)
    database = {"ENGINE": "django.db.backends.postgresql", "NAME": parts["dbname"], "USER": parts["user"]}
    settings.configure(
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="x",
        DATABASES={"default": {**database, "HOST": parts["host"]}},
        MIDDLEWARE=["usertrack_track.django.ErrorTracking", f"{__name__}.logged_in"],
        LOGGING_CONFIG=None,
    )
    django.setup()
    yield
    django.db.connection.close()


@pytest.fixture
def ready(configure: Configure, db: "psycopg.Connection[Any]") -> None:
    configure()


def names(db: "psycopg.Connection[Any]") -> list[str]:
    return [name for (name,) in db.execute("SELECT name FROM usertrack.event ORDER BY id")]


@pytest.mark.usefixtures("ready")
def test_an_event_is_part_of_a_transaction(db: "psycopg.Connection[Any]") -> None:
    from django.db import connection, transaction

    with transaction.atomic():
        track.track(7, "ordered", {"share": "40 %"}, connection=connection)
        assert names(db) == []
    assert names(db) == ["ordered"]
    with transaction.atomic():
        track.track(7, "cancelled", connection=connection)
        transaction.set_rollback(True)
    assert names(db) == ["ordered"]


@pytest.mark.usefixtures("ready")
def test_failed_requests(server: PostHogServer) -> None:
    client = Client(raise_request_exception=False)
    assert isinstance(client.handler, WSGIHandler.__mro__[1])
    paths = ("/users/ada/", "/sorry/", "/well/", "/nowhere/")
    assert [client.get(path).status_code for path in paths] == [500, 500, 200, 404]
    assert track.flush()
    assert [failure(event) for event in server.received] == [
        ("7", "profile", "LookupError"),
        ("7", f"{__name__}.sends_500", "unknown"),
    ]
    assert "ada" not in str(server.received)


@pytest.mark.usefixtures("ready")
def test_asynchronous_requests(server: PostHogServer) -> None:
    client = AsyncClient(raise_request_exception=False)
    assert isinstance(client.handler, ASGIHandler.__mro__[1])
    assert asyncio.run(client.get("/later/")).status_code == 500
    assert track.flush()
    assert [failure(event) for event in server.received] == [("7", "later", "LookupError")]


def test_a_broken_database_breaks_no_response(configure: Configure) -> None:
    configure(database_url="postgresql://127.0.0.1:1/none")
    assert Client(raise_request_exception=False).get("/users/ada/").status_code == 500
    assert track.current().spool.waiting() == 1


def failure(event: dict[str, Any]) -> tuple[str, str, str]:
    return event["distinct_id"], event["properties"]["view"], event["properties"]["error_type"]
