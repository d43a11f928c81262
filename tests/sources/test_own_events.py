"""Events in the company's own Postgres: copied into the workspace, and from there they answer as PostHog's do."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from usertrack.server.database.lock import running_server
from usertrack_track.configuration import Configuration
from usertrack_track.message import make_message
from usertrack_track.spool import Spool
from usertrack_track.tracker import Tracker

from ..conftest import Cli, document_of
from ..databases import database

NOW = datetime.now(UTC)
PRISMA = """
CREATE TABLE "User" (
    id text PRIMARY KEY, email text UNIQUE, "signedUpAt" timestamptz NOT NULL DEFAULT now(), plan text DEFAULT 'trial'
);
CREATE TABLE "Event" (
    id text PRIMARY KEY, "userId" text, name text, properties jsonb DEFAULT '{}', "sessionId" text,
    "createdAt" timestamptz DEFAULT now()
);
"""
SETTINGS = "tables: {runs: none, calls: none, code_runs: none, deployments: none, agent_runs: none}\n"
ACCOUNTS = """-- title: Accounts
SELECT u.id AS account_id, u.email, u."signedUpAt" AS signed_up_at FROM "User" AS u
"""
EVENTS = """-- title: Events
SELECT e.id, e."userId" AS person, e.name, e."createdAt" AS time, e.properties, e."sessionId" AS session
FROM "Event" AS e
"""
Execute = Callable[..., Any]


@pytest.fixture
def execute(clean_env: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Execute]:
    """Runs SQL in the database of the seed's product, whose workspace is the current folder."""
    with database() as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(PRISMA.encode())
        clean_env.setenv("DATABASE_URL", dsn)
        clean_env.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
        for name, text in {"usertrack.yaml": SETTINGS, "accounts.sql": ACCOUNTS, "events.sql": EVENTS}.items():
            path = tmp_path / ("tables/neon" if name.endswith(".sql") else "") / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        yield lambda sql, *values: connection.execute(sql.encode(), values or None)


def user(execute: Execute, id_: str, email: str | None) -> None:
    execute('INSERT INTO "User" (id, email) VALUES (%s, %s)', id_, email)


def event(
    execute: Execute, id_: str, who: str | None, name: str | None, at: Any, session: str | None = None, **more: Any
) -> None:
    moment = NOW - timedelta(hours=at) if isinstance(at, int | float) else at
    values = id_, who, name, json.dumps(more), session, moment
    execute('INSERT INTO "Event" VALUES (%s, %s, %s, %s::jsonb, %s, %s)', *values)


@contextmanager
def tracker(folder: Path, host: str = "", project_key: str | None = None) -> Iterator[Tracker]:
    """`track()` of a product that has this database, and tells nobody else, or the PostHog at ``host``."""
    configuration = Configuration(
        project_key, host, database_url=os.environ["DATABASE_URL"], relay=False, spool=folder / "spool"
    )
    tracker = Tracker(configuration)
    assert tracker.postgres
    tracker.postgres.migrate()
    yield tracker
    tracker.close(2)


def ask(cli: Cli, sql: str, *options: str) -> list[tuple[Any, ...]]:
    document = document_of(cli, "query", "run", "--source", "posthog", "--sql", sql, *options)
    return [tuple(row.values()) for row in document["rows"]]


def names(cli: Cli, *options: str) -> list[str]:
    return [str(name) for (name,) in ask(cli, "SELECT event FROM events ORDER BY event", *options)]


@pytest.mark.slow
def test_own_events_answer_with_the_e_mails_of_accounts(cli: Cli, execute: Execute) -> None:
    user(execute, "u1", " Ann@X.example ")
    event(execute, "e1", "u1", "signed_up", 50, "s1", plan="trial")
    event(execute, "e2", "u1", "project_created", 49, "s1")
    event(execute, "e3", None, "pricing_viewed", 30, "s2")
    event(execute, "e4", None, "pricing_viewed", 29, "s2")

    said = cli("query", "run", "--source", "posthog", "--sql", "SELECT count() FROM events")
    assert "4 events of" in said.err
    who = "SELECT person.properties.email AS who, count() AS n, count(DISTINCT person_id) AS people, any($session_id)"
    people = ask(cli, f"{who} FROM events GROUP BY who ORDER BY who")
    assert people == [("ann@x.example", 2, 1, "s1"), (None, 2, 1, "s2")]
    assert ask(cli, "SELECT properties.plan FROM events WHERE event = 'signed_up'") == [("trial",)]
    funnel = document_of(cli, "funnel", "signed_up", "project_created", "--days", "7")
    assert [step["people"] for step in funnel["groups"][0]["steps"]] == [1, 1]
    user(execute, "u2", "bob@x.example")  # an account whose first event comes later
    execute('UPDATE "User" SET email = %s WHERE id = %s', "ann@new.example", "u1")
    event(execute, "e5", "u2", "signed_up", 0)
    emails = "SELECT DISTINCT person.properties.email AS email FROM events WHERE email IS NOT NULL ORDER BY email"
    assert ask(cli, emails) == [("ann@new.example",), ("bob@x.example",)]


@pytest.mark.slow
def test_what_is_new_changed_or_deleted_follows(cli: Cli, execute: Execute, tmp_path: Path) -> None:
    event(execute, "old", "u1", "old", 200)
    event(execute, "gone", "u2", "gone", 190)
    event(execute, "recent", "u1", "recent", 0.2)
    assert names(cli) == ["gone", "old", "recent"]
    event(execute, "late", "u1", "committed_late", 0.5)  # before the last one that was read
    event(execute, "new", "u1", "new", 0)
    execute("""UPDATE "Event" SET name = 'renamed' WHERE id = 'recent'""")
    assert names(cli) == [
        "committed_late",
        "gone",
        "new",
        "old",
        "renamed",
    ]
    execute("""UPDATE "Event" SET "createdAt" = "createdAt" - interval '5 days', name = 'moved' WHERE id = 'old'""")
    execute("""DELETE FROM "Event" WHERE id = 'gone'""")
    assert names(cli, "--refresh") == ["committed_late", "moved", "new", "renamed"]
    assert ask(cli, "SELECT count() FROM persons") == [(1,)]  # of whom nothing is left, is nobody here
    file = tmp_path / "tables/neon/events.sql"
    file.write_text(file.read_text().replace("e.name", "upper(e.name) AS name"))
    assert names(cli) == ["COMMITTED_LATE", "MOVED", "NEW", "RENAMED"]


@pytest.mark.slow
def test_rows_of_a_clock_that_jumps_by_an_hour_are_copied_once(cli: Cli, execute: Execute) -> None:
    event(execute, "before", "u1", "before", 0)
    assert names(cli) == ["before"]
    event(execute, "jumped", "u1", "jumped", -1)
    assert names(cli) == ["before", "jumped"]
    event(execute, "set_right", "u1", "set_right", 0)
    assert names(cli) == names(cli, "--refresh") == ["before", "jumped", "set_right"]


@pytest.mark.slow
def test_no_row_is_lost_silently(cli: Cli, execute: Execute) -> None:
    execute('ALTER TABLE "Event" DROP CONSTRAINT "Event_pkey", ALTER properties TYPE text')
    event(execute, "future", "u1", "future", datetime(2199, 1, 1, tzinfo=UTC))
    event(execute, "huge", "u1", "huge", 3, text="x" * 3_000_000)
    event(execute, "twice", "u1", "twice", 4)
    event(execute, "twice", "u1", "twice", 5)
    event(execute, "quotes", 'a"b,c\n', "line\nbreak", 6, "\\N")
    for id_, properties in {"broken": "{no", "list": "[1]", "nul": '{"a": "x\\u0000y"}', "null": "null"}.items():
        execute('INSERT INTO "Event" VALUES (%s, %s, %s, %s, NULL, now())', id_, "u1", id_, properties)
    event(execute, "nameless", "u1", None, 7)
    event(execute, "timeless", "u1", "timeless", None)
    event(execute, "endless", "u1", "endless", "infinity")

    said = cli("query", "run", "--source", "posthog", "--sql", "SELECT count() FROM events")
    assert names(cli) == ["future", "huge", "line\nbreak", "nul", "null", "twice"]
    for note in (
        "2 rows of your events left out: properties that are no JSON object, such as broken, list",
        "1 row of your events left out: no event name, such as nameless",
        "2 rows of your events left out: no time of the years 1900 to 2299",
        "1 row of your events left out: the id is that of another one",
    ):
        assert note in said.err
    found = " ".join(cli("doctor", "--verbose").out.split())
    assert "ok your events 5 events, the last" in found  # none of the future
    assert "your events 1 row left out: no event name hint: such as nameless" in found
    execute("""UPDATE "Event" SET name = 'named' WHERE id = 'nameless'""")
    assert "named" in names(cli, "--refresh")


def test_ids_of_events_and_of_people_may_be_the_same_numbers(cli: Cli, execute: Execute) -> None:
    for number in (1, 2, 3):
        event(execute, str(number), str(number), "signed_up", 5)
        event(execute, str(number + 3), str(number), "used", 4)
    funnel = document_of(cli, "funnel", "signed_up", "used", "--days", "7")
    assert [step["people"] for step in funnel["groups"][0]["steps"]] == [3, 3]


@pytest.mark.slow
def test_an_id_that_comes_again_in_another_hour_is_told(cli: Cli, execute: Execute) -> None:
    execute('ALTER TABLE "Event" DROP CONSTRAINT "Event_pkey"')
    for number in range(5):
        event(execute, str(number), "u1", "old", 24)
    assert len(names(cli)) == 5
    for number in range(3):
        event(execute, str(number), "u2", "new", 0)
    said = cli("query", "run", "--source", "posthog", "--sql", "SELECT 1 AS x")
    assert "3 rows of your events left out: the id is that of another one, such as" in said.err
    assert "the id is that of another one" in " ".join(cli("doctor").out.split())


@pytest.mark.slow
def test_a_copy_that_was_killed_goes_on(cli: Cli, execute: Execute, tmp_path: Path) -> None:
    execute(
        """INSERT INTO "Event" SELECT 'e' || i, 'u' || i % 50, 'act', '{}', NULL, now() - i * interval '1 minute'
        FROM generate_series(1, 20000) AS i"""
    )
    command = (
        "import usertrack.sources.event_copy as copy; copy.CHUNK = 2000\nfrom usertrack.cli.app import main; main()"
    )
    arguments = [sys.executable, "-c", command, "query", "run", "--source", "posthog", "--sql", "SELECT 1"]
    state = tmp_path / ".usertrack/own-events"
    for hours in (40, 120, 220):  # of 334
        with subprocess.Popen(
            arguments, env={**os.environ}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            deadline = time.monotonic() + 60
            while not any(len(json.loads(f.read_text())["hours"]) >= hours for f in state.glob("*/own_events.json")):
                assert process.poll() is None, process.stderr and process.stderr.read().decode()
                assert time.monotonic() < deadline
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
    assert ask(cli, "SELECT count(), count(DISTINCT uuid) FROM events") == [(20000, 20000)]


def test_what_track_stores_is_found_without_a_file(cli: Cli, execute: Execute, tmp_path: Path) -> None:
    (tmp_path / "tables/neon/events.sql").unlink()
    assert cli("query", "run", "--source", "posthog", "--sql", "SELECT 1").code == 3  # nothing has events yet
    user(execute, "7", "ann@x.example")
    with tracker(tmp_path) as track:
        track.track("7", "signed_up", {"plan": "trial"})
        track.track("7", "export_done", session_id="s1")
        track.track(None, "page_opened")
    who = "SELECT person.properties.email AS who, groupArray(event) AS events FROM events GROUP BY who ORDER BY who"
    assert [(mail, sorted(done)) for mail, done in ask(cli, who)] == [
        ("ann@x.example", ["export_done", "signed_up"]),
        (None, ["page_opened"]),
    ]
    [(uuid,)] = ask(cli, "SELECT toString(uuid) FROM events WHERE event = 'signed_up'")
    assert execute("SELECT id::text FROM usertrack.event WHERE name = 'signed_up'").fetchone() == (uuid,)
    assert execute("SELECT count(*) FROM usertrack.outbox").fetchone() == (3,)  # only read


@pytest.mark.slow
def test_of_two_sources_the_one_that_leads_answers(
    cli: Cli, execute: Execute, clean_env: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "usertrack", "serve", "--data", "posthog", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        while not (served := running_server(tmp_path / "posthog"))[0]:
            assert server.poll() is None
            time.sleep(0.05)
        keys = json.loads((tmp_path / "posthog/keys.json").read_text())
        with tracker(tmp_path, host=served[0], project_key=keys["project_token"]) as track:
            track.track("u1", "in_both")
            assert track.flush(10)
        clean_env.setenv("POSTHOG_HOST", served[0])
        clean_env.setenv("POSTHOG_PROJECT_ID", "1")
        clean_env.setenv("POSTHOG_PERSONAL_API_KEY", keys["personal_api_key"])
        events = "SELECT toString(uuid), event FROM events"
        execute("""INSERT INTO "Event" SELECT id::text, distinct_id, name FROM usertrack.event""")
        event(execute, "e1", "u1", "in_postgres", 1)
        [(uuid, name)] = ask(cli, events)  # PostHog leads
        assert name == "in_both"
        assert "tables/neon/events.sql is not asked: PostHog leads" in " ".join(cli("doctor").out.split())
        file = tmp_path / "tables/neon/events.sql"
        file.write_text(EVENTS.replace("Events\n", "Events\n-- leads: own\n"))
        assert [uuid for uuid, name in ask(cli, events) if name == "in_both"] == [uuid]  # once, and the same
        assert names(cli) == ["in_both", "in_postgres"]
        file.write_text(EVENTS.replace("Events\n", "Events\n-- leads: mine\n"))
        said = " ".join(cli("check").out.split())
        assert "events.sql:2: 'leads' takes posthog or own, not 'mine'" in said
        server.send_signal(signal.SIGINT)


@pytest.mark.slow
def test_erased_people_and_expired_events_do_not_come_back(
    cli: Cli, execute: Execute, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))  # PostgreSQL lies in the other
    for number, name in enumerate(("ann", "bob"), 1):
        user(execute, f"u{number}", f"{name}@x.example")
        event(execute, f"e{number}", f"u{number}", f"old_of_{name}", 24 * 50)
        event(execute, f"f{number}", f"u{number}", f"new_of_{name}", 2)
    assert len(names(cli)) == 4
    said = cli("privacy", "erase", "ann@x.example", "--yes", "-f", "json")
    assert said.code == 0, said.err
    places = {place["what"]: place for place in json.loads(said.out)["places"]}
    assert places["tables/neon/events.sql"]["held"] == 2
    statement = """DELETE FROM "Event" AS e WHERE e."userId"::text IN ('u1');"""
    assert places["tables/neon/events.sql"]["note"] == statement
    event(execute, "g1", "u1", "newest_of_ann", 0)
    assert names(cli, "--refresh") == ["new_of_bob", "old_of_bob"]
    execute(statement)
    execute("""DELETE FROM "User" WHERE id = 'u1'""")

    assert cli("privacy", "retention", "--older-than", "30d", "--yes").code == 0
    assert names(cli, "--refresh") == ["new_of_bob"]
    assert cli("privacy", "pseudonymize", "--yes").code == 0
    event(execute, "h2", "u2", "newest_of_bob", 0)
    assert names(cli, "--refresh") == ["new_of_bob"]
    assert ask(cli, "SELECT countIf(match(toString(properties), 'bob')) FROM persons") == [(0,)]


@pytest.mark.slow
def test_privacy_shows_what_deletes_the_rows_of_track(cli: Cli, execute: Execute, tmp_path: Path) -> None:
    (tmp_path / "tables/neon/events.sql").unlink()
    user(execute, "7", "ann@x.example")
    with tracker(tmp_path) as track:
        track.track("7", "signed_up")
        track.track("8", "signed_up")
    Spool(tmp_path / "spool").append(make_message("late", "7", {}))
    os.environ["USERTRACK_SPOOL"] = str(tmp_path / "spool")
    try:
        survey = document_of(cli, "privacy", "erase", "ann@x.example")
    finally:
        del os.environ["USERTRACK_SPOOL"]
    held = {place["what"]: (place["held"], place["note"]) for place in survey["places"]}
    for table, condition in {"event": "distinct_id", "outbox": "message ->> 'distinct_id'"}.items():
        assert held[f"usertrack.{table}"] == (1, f"DELETE FROM usertrack.{table} WHERE {condition} IN ('7');")
    assert held[str(tmp_path)][0] == 1


@pytest.mark.slow
def test_commands_ask_the_copy_that_open_pages_serve(cli: Cli, execute: Execute, tmp_path: Path) -> None:
    event(execute, "e1", "u1", "before", 2)
    command = [sys.executable, "-m", "usertrack", "open", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pages:
        assert pages.stdout
        assert "pages at" in pages.stdout.readline()
        event(execute, "e2", "u1", "while_open", 1)
        assert names(cli) == ["before", "while_open"]
        [holder] = (tmp_path / ".usertrack/own-events").glob("*/holder.json")
        assert json.loads(holder.read_text())["url"]  # the store is theirs
        pages.send_signal(signal.SIGINT)
    event(execute, "e3", "u1", "after", 0)
    assert names(cli) == ["after", "before", "while_open"]
