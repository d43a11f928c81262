"""Events in the product's own database: there with its transaction, once, and at PostHog under the same UUID."""

import json
import random
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import sqlalchemy
from sqlalchemy.orm import Session

import usertrack_track as track
from tests.track.conftest import Configure, problem
from tests.track.posthog_server import PostHogServer
from tests.track.test_relay import until
from usertrack_track import postgres
from usertrack_track.message import make_message, uuid7

MOMENT = datetime(2026, 11, 20, 9, 30, 0, 250_000, tzinfo=UTC)
AWAY = "postgresql://nobody@127.0.0.1:1/none?connect_timeout=1"
LONG = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=12_000))  # an index cannot shorten it
pytestmark = pytest.mark.usefixtures("tracking")


def events(db: "psycopg.Connection[Any]") -> list[tuple[Any, ...]]:
    return db.execute(
        "SELECT distinct_id, name, properties, session_id, created_at FROM usertrack.event ORDER BY id"
    ).fetchall()


def names(db: "psycopg.Connection[Any]") -> list[str]:
    return [row[1] for row in events(db)]


def queued(db: "psycopg.Connection[Any]") -> int:
    return db.execute("SELECT count(*) FROM usertrack.outbox").fetchone()[0]  # type: ignore[index]


def test_an_event_is_in_both_places_under_one_uuid_and_time(
    db: "psycopg.Connection[Any]", server: PostHogServer
) -> None:
    uuid = track.track(7, "report_exported", {"format": "csv"}, session_id="s1", timestamp=MOMENT)
    assert events(db) == [("7", "report_exported", {"format": "csv"}, "s1", MOMENT)]
    assert server.received == []
    assert track.flush()
    (event,) = server.received
    assert (event["uuid"], event["event"], event["distinct_id"]) == (uuid, "report_exported", "7")
    assert datetime.fromisoformat(event["timestamp"]) == MOMENT
    assert event["properties"].items() >= {"format": "csv", "$session_id": "s1", "$lib": "posthog-python"}.items()
    assert queued(db) == 0
    assert len(events(db)) == 1


def test_the_same_uuid_is_stored_and_sent_once(db: "psycopg.Connection[Any]", server: PostHogServer) -> None:
    uuid = uuid7()
    track.track("ada", "paid", uuid=uuid)
    track.track("ada", "paid", uuid=str(uuid))
    track.flush()
    track.track("ada", "paid", uuid=uuid)
    track.flush()
    assert names(db) == ["paid"]
    assert server.uuids() == {str(uuid): 1}


def test_flush_and_shutdown_leave_it_usable(db: "psycopg.Connection[Any]", server: PostHogServer) -> None:
    for finish in (track.flush, track.shutdown, track.flush):
        track.track("ada", "seen")
        assert finish()
    assert len(server.received) == 3


def test_groups_identify_and_alias_reach_posthog(server: PostHogServer) -> None:
    track.track("ada", "joined", {"seats": 2}, groups={"team": "acme"})
    track.identify("ada", {"role": "admin"}, set_once={"signup_source": "ad"}, anonymous_id="anon-1")
    track.group_identify("team", "acme", {"plan": "pro"})
    track.alias("ada", "ada-phone")
    track.flush()
    by_name = {event["event"]: event for event in server.received}
    assert by_name["joined"]["properties"]["$groups"] == {"team": "acme"}
    identified = by_name["$identify"]["properties"]
    assert identified["$set"] == {"role": "admin"}
    assert identified["$set_once"] == {"signup_source": "ad"}
    assert identified["$anon_distinct_id"] == "anon-1"
    group = by_name["$groupidentify"]["properties"]
    assert (group["$group_type"], group["$group_key"], group["$group_set"]) == ("team", "acme", {"plan": "pro"})
    alias = by_name["$create_alias"]["properties"]
    assert (alias["distinct_id"], alias["alias"]) == ("ada", "ada-phone")


def test_what_is_said_of_people_is_no_event_of_the_product(db: "psycopg.Connection[Any]") -> None:
    track.identify("ada", {"role": "admin"})
    track.group_identify("team", "acme", {"plan": "pro"})
    track.alias("ada", "ada-phone")
    assert (events(db), queued(db)) == ([], 3)


def test_an_event_of_nobody_makes_no_person(db: "psycopg.Connection[Any]", server: PostHogServer) -> None:
    uuid = track.track(None, "seen")
    track.flush()
    assert server.received[0]["properties"]["$process_person_profile"] is False
    assert server.received[0]["distinct_id"] == uuid == events(db)[0][0]


@pytest.mark.parametrize("commits", [True, False])
def test_psycopg(migrated: str, db: "psycopg.Connection[Any]", commits: bool) -> None:  # noqa: FBT001
    with psycopg.connect(migrated) as own:
        track.track("ada", "ordered", {"n": 1}, connection=own)
        track.identify("ada", {"role": "admin"}, connection=own)
        assert names(db) == []
        own.commit() if commits else own.rollback()
    assert (names(db), queued(db)) == ((["ordered"], 2) if commits else ([], 0))


@pytest.mark.parametrize("commits", [True, False])
@pytest.mark.parametrize("kind", [Session, sqlalchemy.Engine.connect])
def test_sqlalchemy(migrated: str, db: "psycopg.Connection[Any]", kind: Any, commits: bool) -> None:  # noqa: FBT001
    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(migrated))
    with kind(engine) as own:
        track.track("ada", "ordered", {"share": "40 %", "at": "12:30", "q": ":name %(id)s"}, connection=own)
        assert names(db) == []
        own.commit() if commits else own.rollback()
    engine.dispose()
    assert (names(db), queued(db)) == ((["ordered"], 1) if commits else ([], 0))
    if commits:
        assert events(db)[0][2]["q"] == ":name %(id)s"


def asyncpg_connection() -> Any:
    return type("Connection", (), {"__module__": "asyncpg.connection", "cursor": lambda self, query: None})()


@pytest.mark.parametrize(
    "connection",
    [
        object(),
        psycopg.AsyncConnection.__new__(psycopg.AsyncConnection),
        asyncpg_connection(),
        sqlite3.connect(":memory:"),  # as pg8000, it binds no values by name
    ],
    ids=["object", "psycopg's AsyncConnection", "asyncpg", "sqlite3"],
)
def test_connections_that_cannot_be_joined_are_refused(connection: Any) -> None:
    error = problem(lambda: track.track("ada", "ordered", connection=connection))
    assert f"{type(connection).__module__}.{type(connection).__name__}" in error.message
    assert "usertrack_track.aio" in error.hint


def test_hostile_values_are_data(db: "psycopg.Connection[Any]", server: PostHogServer) -> None:
    hostile = "'; DROP TABLE usertrack.event; -- {x} %s %(id)s :id \x1b[31m ünï 🎉"
    track.track(hostile, hostile, {hostile: hostile})
    track.track("nul\0", "nul\0", {"a": "\0", "b\0": ["\ud800"], "c": {"d": "\udfff\\u0000"}})
    assert track.flush()
    assert events(db)[0][:3] == (hostile, hostile, {hostile: hostile})
    assert events(db)[1][:3] == ("nul�", "nul�", {"a": "�", "b�": ["?"], "c": {"d": "?\\u0000"}})
    assert server.received[0]["properties"][hostile] == hostile


def test_values_that_json_cannot_hold_are_left_out_and_told(
    db: "psycopg.Connection[Any]", caplog: pytest.LogCaptureFixture
) -> None:
    circle: list[Any] = []
    circle.append(circle)
    for _ in range(2):
        track.track(
            "ada", "seen", {"user": object(), "circle": circle, "n": float("nan"), "when": MOMENT, "id": UUID(int=1)}
        )
    assert events(db)[0][2] == {"n": None, "when": MOMENT.isoformat(), "id": str(UUID(int=1))}
    assert [record.getMessage().split(",")[0] for record in caplog.records] == [
        "seen: the property user is left out",
        "seen: the property circle is left out",
    ]


@pytest.mark.parametrize("value", [10**5_000, {10**5_000: 1}, [Decimal("sNaN")]], ids=["n", "key", "sNaN"])
def test_numbers_that_json_cannot_hold_are_left_out(db: "psycopg.Connection[Any]", value: object) -> None:
    track.track("ada", "seen", {"n": value, "most": 2**1024 - 1, "decimal": Decimal("1e400")})
    assert events(db)[0][2] == {"most": 2**1024 - 1, "decimal": None}


def test_an_event_needs_a_name_and_a_true_uuid() -> None:
    assert problem(lambda: track.track("ada", "")).message == "an event has no name"
    assert problem(lambda: track.track("ada", "seen", uuid="7")).message == "the uuid of an event is none"


class Name(Enum):
    SIGNED_UP = "signed_up"


def test_names_may_be_constants(db: "psycopg.Connection[Any]") -> None:
    track.track("ada", Name.SIGNED_UP)  # type: ignore[arg-type]
    assert names(db) == ["signed_up"]


@pytest.mark.parametrize(
    "call",
    [
        lambda: track.identify(None, {"role": "admin"}),
        lambda: track.alias("ada", ""),
        lambda: track.group_identify("team", None),
    ],
)
def test_who_is_identified_has_an_id(call: Callable[[], object], db: "psycopg.Connection[Any]") -> None:
    assert "without an id" in problem(call).message
    assert queued(db) == 0


def test_uuids_sort_by_time_and_are_version_7() -> None:
    early, late = uuid7(1_700_000_000_000), uuid7(1_700_000_000_001)
    assert early < late
    assert (early.version, early.variant) == (7, "specified in RFC 4122")
    assert int(early) >> 80 == 1_700_000_000_000


def test_a_database_that_is_down_costs_no_event(
    db: "psycopg.Connection[Any]", server: PostHogServer, configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    configure(database_url=AWAY)
    uuids = {track.track("ada", "seen") for _ in range(3)}
    assert caplog.text.count("events wait in") == 1
    assert not track.flush(0)
    configure()
    assert track.flush()
    assert set(server.uuids()) == uuids
    assert names(db) == ["seen"] * 3


def test_a_refused_event_keeps_no_other(
    db: "psycopg.Connection[Any]", server: PostHogServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = MOMENT.replace(tzinfo=timezone(timedelta(hours=20)))  # of no place that PostgreSQL knows
    bad = track.track("ada", "bad", timestamp=nowhere)
    track.track("ada", "good")
    assert names(db) == ["good"]
    good = make_message("good", "bob", {})
    track.current().spool.append(good)
    assert track.flush()
    assert names(db) == ["good", "good"]
    assert len(server.named("good")) == 2
    assert f"the database takes no event {bad} (" in caplog.text
    assert bad in (tmp_path / "spool" / "refused.txt").read_text()


def test_names_and_ids_may_be_long(db: "psycopg.Connection[Any]", server: PostHogServer) -> None:
    track.person_property(refreshed_by="n" + LONG, name="role")(lambda distinct_id: "admin")
    track.track(LONG, "n" + LONG)
    assert track.flush()
    assert names(db) == ["n" + LONG]


def test_what_cannot_be_prepared_keeps_nothing_from_being_sent(
    db: "psycopg.Connection[Any]", server: PostHogServer
) -> None:
    track.person_property(refreshed_by="joined")(lambda distinct_id: "admin")
    track.track("ada", "seen")
    db.execute("ALTER TABLE usertrack.due_property RENAME TO away")
    assert not track.flush(0.1)
    db.execute("ALTER TABLE usertrack.away RENAME TO due_property")
    assert len(server.named("seen")) == 1


def test_properties_that_an_outage_made_due_outlive_a_restart(
    db: "psycopg.Connection[Any]", server: PostHogServer, configure: Configure
) -> None:
    track.person_property(refreshed_by="joined", name="role")(lambda distinct_id: "admin")
    configure(database_url=AWAY)
    track.track("ada", "joined")
    configure()
    assert track.flush()
    assert [event["properties"]["$set"] for event in server.named("$identify")] == [{"role": "admin"}]


def test_a_process_that_does_not_send_still_stores_what_an_outage_kept(
    db: "psycopg.Connection[Any]", server: PostHogServer, configure: Configure
) -> None:
    configure(database_url=AWAY)
    track.track("ada", "meanwhile")
    configure()
    track.track("ada", "after")
    until(lambda: sorted(names(db)) == ["after", "meanwhile"])
    assert server.received == []


def test_missing_tables_are_told_and_migrate_makes_them(
    db: "psycopg.Connection[Any]", server: PostHogServer, caplog: pytest.LogCaptureFixture
) -> None:
    db.execute("ALTER SCHEMA usertrack RENAME TO away")
    track.track("ada", "early")
    assert "run `python -m usertrack_track migrate`" in caplog.text
    track.migrate()
    track.migrate()
    track.track("ada", "late")
    assert track.flush()
    assert sorted(names(db)) == ["early", "late"]
    db.execute("DROP SCHEMA usertrack CASCADE")
    db.execute("ALTER SCHEMA away RENAME TO usertrack")


@pytest.mark.parametrize("at_start", [True, False])
def test_a_locked_table_does_not_hold_a_request_up(
    migrated: str,
    db: "psycopg.Connection[Any]",
    monkeypatch: pytest.MonkeyPatch,
    at_start: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setitem(postgres._LIMITS, "lock_timeout", "50ms")
    monkeypatch.setattr(track.current().postgres, "_limits_at_start", at_start)
    with psycopg.connect(migrated) as own:
        own.execute("LOCK usertrack.event IN ACCESS EXCLUSIVE MODE")
        track.track("ada", "seen")  # the lock goes after it: to wait for it would be to wait without end
    assert track.flush()
    assert names(db) == ["seen"]


def test_options_of_the_dsn_are_heeded(migrated: str, db: "psycopg.Connection[Any]", configure: Configure) -> None:
    configure(database_url=f"{migrated}&options=-c%20statement_timeout%3D7s")
    database = track.current().postgres
    assert database
    with database._connection() as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("7s",)


def test_a_restarted_database_costs_no_event(db: "psycopg.Connection[Any]", caplog: pytest.LogCaptureFixture) -> None:
    track.track("ada", "before")
    db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'usertrack_track'")
    track.track("ada", "after")
    assert names(db) == ["before", "after"]
    assert caplog.records == []


def test_a_pooler_that_mixes_sessions_costs_no_event(
    db: "psycopg.Connection[Any]", caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(4):
        track.track("ada", "seen")
    postgres = track.current().postgres
    assert postgres
    with postgres.transaction() as connection:
        assert connection.execute("SELECT count(*) > 0 FROM pg_prepared_statements").fetchone() == (True,)
        connection.execute("DEALLOCATE ALL")
    for _ in range(4):
        track.track("ada", "seen")
    assert (len(names(db)), caplog.records) == (8, [])


def test_the_outbox_holds_what_posthog_will_get(db: "psycopg.Connection[Any]") -> None:
    track.track("ada", "seen", {"n": 1})
    ((message,),) = db.execute("SELECT message FROM usertrack.outbox").fetchall()
    assert json.loads(json.dumps(message)).keys() == {"uuid", "event", "distinct_id", "timestamp", "properties"}
