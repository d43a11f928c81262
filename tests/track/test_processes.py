"""What else a process does: importing is light, a fork has its own connections and thread, and a worker sends."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

import usertrack_track as track
from tests.databases import database
from tests.track.conftest import Configure
from tests.track.posthog_server import PostHogServer
from tests.track.test_relay import until
from usertrack_track.postgres import schema

FORKS = """
import os, sys
import usertrack_track as track

track.track("parent", "before")  # its thread runs, and it has a connection and a file
children = []
for number in range(2):
    child = os.fork()
    if not child:
        track.track(f"child {number}", "in child")
        os._exit(0 if track.flush(20) else 1)
    children.append(child)
assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
track.track("parent", "after")
assert track.flush(20)
"""
LIGHT = """
import sys
import usertrack_track
print(*{name.partition(".")[0] for name in sys.modules})
"""


def environment(server: PostHogServer, dsn: str, tmp_path: Path) -> dict[str, str]:
    ours = {"POSTHOG_API_KEY": "phc_test", "POSTHOG_HOST": server.url, "DATABASE_URL": dsn}
    return {**os.environ, **ours, "USERTRACK_SPOOL": str(tmp_path / "spool")}


@pytest.mark.slow
@pytest.mark.parametrize("stored", ["postgres", "files"])
def test_a_fork(
    stored: str, migrated: str, db: "psycopg.Connection[Any]", server: PostHogServer, tmp_path: Path
) -> None:
    env = environment(server, migrated if stored == "postgres" else "", tmp_path)
    run = subprocess.run([sys.executable, "-c", FORKS], env=env, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    people = sorted(event["distinct_id"] for event in server.received)
    assert people == ["child 0", "child 1", "parent", "parent"]
    assert set(server.uuids().values()) == {1}


def test_importing_it_loads_nothing_heavy() -> None:
    run = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    heavy = {"posthog", "psycopg", "typer", "rich", "requests", "httpx", "yaml", "django", "sqlalchemy", "platformdirs"}
    assert set(run.stdout.split()) & heavy == set()


def test_the_worker_sends_until_it_is_stopped(
    configure: Configure, migrated: str, db: "psycopg.Connection[Any]", server: PostHogServer, tmp_path: Path
) -> None:
    configure(project_key=None)
    env = environment(server, migrated, tmp_path)
    worker = subprocess.Popen([sys.executable, "-m", "usertrack_track", "relay"], env=env)
    try:
        for expected in (1, 2):
            track.track("ada", "seen")
            until(lambda expected=expected: len(server.received) == expected)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(10) == 0
    finally:
        worker.kill()


def command(*words: str) -> int:
    from usertrack_track.__main__ import main

    return main(words)


@pytest.mark.usefixtures("tracking")
def test_status_and_one_round(capsys: pytest.CaptureFixture[str]) -> None:
    track.person_property(refreshed_by="seen", name="role")(lambda distinct_id: "admin")
    track.track("ada", "seen")
    assert command("status") == 0
    assert capsys.readouterr().out == (
        "1 events wait for PostHog, and it has refused 0\nperson.role: 0 known, 1 due, 0 failing, never computed\n"
    )
    assert command("relay", "--once") == 0
    assert command("status") == 0
    assert "person.role: 1 known, 0 due, 0 failing, oldest of 20" in capsys.readouterr().out


def test_migrate(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    with database() as dsn:
        configure(database_url=dsn)
        assert command("migrate") == 0
        track.track("ada", "seen")
        with psycopg.connect(dsn) as own:
            assert own.execute("SELECT name FROM usertrack.event").fetchall() == [("seen",)]
        track.current().close(0)
    assert command("migrate", "--print") == 0
    assert capsys.readouterr().out == schema()


def test_a_worker_without_a_database_says_what_to_do(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    configure(database_url=None)
    assert command("relay") == 2
    assert capsys.readouterr().err.startswith("error: DATABASE_URL is not set\nhint: set it to the database")
    assert command("migrate") == 2


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("postgresql://u:secret@127.0.0.1:1/none", "OperationalError"),
        ("postgresql:/u:secret@host/none", "ProgrammingError"),
        ("u:secret@host none", "ProgrammingError"),
    ],
)
def test_a_database_that_cannot_be_asked_is_told_without_its_password(
    configure: Configure, capsys: pytest.CaptureFixture[str], url: str, kind: str
) -> None:
    configure(database_url=url)
    assert command("status") == 3
    error = capsys.readouterr().err
    assert error.startswith(f"error: the database cannot be asked ({kind})\nhint: DATABASE_URL is to be")
    assert "secret" not in error


@pytest.mark.usefixtures("tracking")
def test_a_module_that_cannot_be_imported_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("status", "--import", "nonesuch") == 2
    assert capsys.readouterr().err.startswith("error: the module nonesuch cannot be imported (ModuleNotFoundError)\n")


def test_a_personal_key_is_refused(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exception, match="personal key") as caught:
        configure(project_key="phx_secret")
    assert "phx_secret" not in str(caught.value)
    configure(project_key="phc_secret", database_url="postgresql://u:secret@h/d")
    assert "secret" not in repr(track.current().configuration)
