"""A source that hangs: whom we wait for is said, and that it ends."""

import asyncio
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.sources.test_posthog_faults import RUNNING, listening
from tests.sources.wires import Answers, refused
from usertrack.core.errors import ConnectionFailed
from usertrack.core.spool import Spool
from usertrack.library.library import Statement
from usertrack.sources import waiting
from usertrack.sources.postgres import Postgres


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST_WAIT_SECONDS", 0.1)


def test_a_posthog_that_hangs(cli: Cli, clean_env: pytest.MonkeyPatch) -> None:
    with listening(None) as server:
        settings = {"POSTHOG_HOST": server.host, "POSTHOG_PROJECT_ID": "1", "POSTHOG_PERSONAL_API_KEY": "phx_1"}
        for name, value in (settings | {"USERTRACK_POSTHOG_TIMEOUT": "1"}).items():
            clean_env.setenv(name, value)
        done = cli("query", "run", "posthog/presence")
    first, *more, error, _ = done.err.splitlines()
    assert first == "note: waiting for PostHog (127.0.0.1), 0 s of at most 1 s"
    assert (done.code, error) == (4, "error: posthog/presence: PostHog took longer than 1 s")
    assert len(more) < 4  # ever less often


def test_a_query_that_never_ends(tmp_path: Path) -> None:
    notices: list[str] = []
    error = refused(Answers(RUNNING).wire, tmp_path, timeout=0.5, notices=notices)
    assert (error.exit_code, "longer than 0.5 s" in error.message) == (4, True)
    assert notices[0] == "waiting for PostHog (posthog), 0 s of at most 0 s"


def test_a_postgres_that_lets_nobody_in(tmp_path: Path) -> None:
    notices: list[str] = []

    async def ask(host: str) -> None:
        async def address() -> str:
            return host.replace("http://", "postgresql://u:secret@")

        source = Postgres(address, connect_timeout=2, notify=lambda message, **_: notices.append(message))
        try:
            await source.run(Statement("neon", "SELECT 1"), Spool(tmp_path))
        finally:
            await source.close()

    with listening(None) as server, pytest.raises(ConnectionFailed, match="did not answer in time"):
        asyncio.run(ask(server.host))
    assert notices[0] == "waiting for Postgres to let us in, or to wake up, 0 s of at most 2 s"


def test_a_consent_query_with_another_shape(demo: Cli, tmp_path: Path) -> None:
    """The workspace's own one, in place of the shipped one."""
    (tmp_path / "usertrack.yaml").touch()
    own = tmp_path / "queries" / "posthog" / "opted_out.sql"
    own.parent.mkdir(parents=True)
    own.write_text("-- title: Nobody\nSELECT 'a@b.example' AS emails\n")
    done = demo("query", "run", "posthog/presence", "--demo", "-n", "1")
    assert done.code == 0
    problem = "the answer to posthog/opted_out is not one row of two counts and two lists of e-mails"
    assert f"who has opted out is not known: {problem}" in done.err
