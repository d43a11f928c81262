"""The library with a PostgreSQL, a PostHog on loopback and a spool of its own; it sends when a test says so."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import usertrack_track as track
from tests.databases import database
from tests.track.posthog_server import PostHogServer, posthog_server
from usertrack_track import configuration, relay
from usertrack_track.declared import DECLARATIONS
from usertrack_track.errors import TokenBuckets
from usertrack_track.postgres import schema

TABLES = "usertrack.event, usertrack.outbox, usertrack.due_property, usertrack.profile_property"
Configure = Callable[..., None]


def problem(action: Callable[[], object]) -> track.TrackError:
    """The error that ``action`` ends with."""
    with pytest.raises(track.TrackError) as caught:
        action()
    return caught.value


@pytest.fixture(scope="module")
def migrated() -> Iterator[str]:
    with database() as dsn:
        with psycopg.connect(dsn) as connection:
            connection.execute(schema().encode())
        yield dsn


@pytest.fixture
def db(migrated: str) -> Iterator["psycopg.Connection[Any]"]:
    """A connection in autocommit mode, to empty tables."""
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {TABLES}".encode())
        yield connection


@pytest.fixture
def server() -> Iterator[PostHogServer]:
    with posthog_server() as server:
        yield server


@pytest.fixture
def configure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, migrated: str, server: PostHogServer
) -> Iterator[Configure]:
    """Set the library up; what is not said is the database, the server and a spool of this test."""
    for name in configuration.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(track, "_errors", TokenBuckets())
    monkeypatch.setattr(relay, "GATHER_SECONDS", 0.01)
    monkeypatch.setattr(DECLARATIONS, "_declared", {})
    monkeypatch.setattr(DECLARATIONS, "_by_event", {})

    def configure(**options: Any) -> None:
        spool = tmp_path / "spool"
        ours = {"project_key": "phc_test", "host": server.url, "database_url": migrated, "spool": spool, "relay": False}
        track.configure(**{**ours, **options})  # type: ignore[typeddict-item]

    yield configure
    track.current().stop()
    track.current().spool.close()
    if postgres := track.current().postgres:
        postgres.close()
    monkeypatch.setattr(track, "_tracker", None)


@pytest.fixture
def tracking(configure: Configure, db: "psycopg.Connection[Any]") -> None:
    configure()
