"""Answers from the cache on the command line: the same as from the sources, and labelled with their age."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from usertrack.demo import embedded_postgres

from ..conftest import Cli
from ..people import Company, Office, furnished, served
from .test_own_sources import LENA, northwind

OMAR = "omar@acme.example"
RULES = """
profile: {queries: [neon/accounts, posthog/presence: {days: 30}]}
sets: {action: {segments: {failing: {when: credits < 50}}}}
"""
SQL = "SELECT email, credits FROM wasp_user ORDER BY email"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("northwind")


@pytest.fixture(scope="module")
def north(folder: Path) -> Iterator[Office]:
    company = Company()
    northwind(company)
    dsn = embedded_postgres.start(folder / "postgres")  # a server of its own, which a test stops
    with furnished(folder, dsn, company) as opened:
        yield opened
    embedded_postgres.stop(folder / "postgres")


@contextmanager
def connected(north: Office, clean_env: pytest.MonkeyPatch) -> Iterator[None]:
    """PostHog is served meanwhile, and nobody says for which moment to answer."""
    with served(north) as env:
        for name, value in env.items():
            clean_env.setenv(name, value)
        clean_env.delenv("USERTRACK_AS_OF")
        yield


@pytest.fixture
def few_questions(tmp_path: Path) -> None:
    """A workspace whose profiles rest on one query of each source."""
    (tmp_path / "usertrack.yaml").touch()
    (tmp_path / "segments.yaml").write_text(RULES)


@pytest.fixture
def own(cli: Cli, clean_env: pytest.MonkeyPatch, north: Office, few_questions: None) -> Iterator[Cli]:
    with connected(north, clean_env):
        yield cli


def without_cache_notes(out: str) -> Any:
    """A command's JSON without what says that it is from the cache."""
    document = json.loads(out)
    notes = document.get("meta", document)
    notes["notes"] = [note for note in notes["notes"] if not note.startswith("from the cache")]
    notes.pop("asked_at", None)
    return document


@pytest.mark.slow
@pytest.mark.usefixtures("few_questions")
def test_when_both_sources_are_gone(
    cli: Cli, clean_env: pytest.MonkeyPatch, north: Office, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "my.sql").write_text(SQL)
    commands = [
        ["segments", "--limit", "2"],
        ["explain", OMAR],
        ["query", "run", "--source", "neon", "--sql", "my.sql"],
    ]
    with connected(north, clean_env):
        plain = re.sub(r"\d\d:\d\d", "", cli("segments").out)
        live = [cli(*command, "-f", "json") for command in commands]  # the latest answers, whoever asks for them
    embedded_postgres.stop(folder / "postgres")
    try:
        cached = [cli(*command, "-f", "json", "--offline") for command in commands]
        assert [result.code for result in cached] == [result.code for result in live] == [0] * len(commands)
        assert [without_cache_notes(result.out) for result in cached] == [
            without_cache_notes(result.out) for result in live
        ]
        again = cli("segments", "--offline")
        assert re.sub(r"\d\d:\d\d", "", again.out) == plain
        assert "note: from the cache, " in again.err
        down = cli("segments")
        assert down.code == 3
        assert "; --offline shows the last answer, " in down.err
        with connected(north, clean_env):
            half = cli("segments")
            assert half.code == 6
            assert "note: --offline shows the last answer, " in half.err
    finally:
        embedded_postgres.start(folder / "postgres")


@pytest.mark.slow
def test_the_age_is_in_every_format(own: Cli, tmp_path: Path) -> None:
    own("segments")
    for fmt in ("table", "csv"):
        assert "note: from the cache, " in own("segments", "--offline", "-f", fmt).err
    assert "from the cache, " in own("segments", "--offline", "-f", "markdown").out
    document = json.loads(own("segments", "--offline", "-f", "json").out)
    assert any(note.startswith("from the cache, ") for note in document["notes"])
    assert document["asked_at"].endswith("Z")
    assert "asked_at" not in json.loads(own("segments", "-f", "json").out)


def test_max_age(own: Cli, clean_env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "now.sql").write_text("SELECT clock_timestamp()::text AS now")
    (tmp_path / "usertrack.yaml").write_text("max_age: 2d\n")

    def now(*options: str) -> str:
        return own("query", "run", "--source", "neon", "--sql", "now.sql", "-f", "csv", *options).out

    first = now()
    assert now() == now("--max-age", "1h") == now("--offline") == first
    second = now("--refresh")
    assert second != first
    assert now() == second
    clean_env.setenv("USERTRACK_MAX_AGE", "an hour")
    assert "USERTRACK_MAX_AGE: 'an hour' is not an age" in own("segments").err


def test_somebody_out_of_what_was_kept_of_everybody(own: Cli) -> None:
    live = own("explain", OMAR).out
    own("cache", "clear")
    own("segments")
    cached = own("explain", OMAR, "--offline")
    assert (cached.code, cached.out.splitlines()[3:]) == (0, live.splitlines()[3:])
    dossier = own("user", OMAR, "--offline")
    assert dossier.code == 6
    assert "note: neon/user_tools is not in the cache; ask once without --offline" in dossier.err


def test_nothing_is_kept(own: Cli) -> None:
    result = own("segments", "--offline")
    assert (result.code, result.out) == (3, "")
    assert "is not in the cache; ask once without --offline" in result.err
    assert "hint: `usertrack segments` asks, and keeps the answers" in result.err
    listed = own("insight", "list", "--offline")
    assert listed.code == 3
    assert "hint: ask without --offline" in listed.err


@pytest.mark.parametrize("command", [["doctor"], ["check", "--online"], ["push", "failing", "--to", "csv"]])
@pytest.mark.parametrize("option", [["--offline"], ["--max-age", "1h"]])
def test_what_always_asks_the_sources(own: Cli, command: list[str], option: list[str]) -> None:
    result = own(*command, *option)
    assert (result.code, result.out) == (2, "")
    assert f"{option[0]} is not for this command" in result.err


def test_the_history_is_of_the_moment_that_was_kept(own: Cli) -> None:
    own("segments")
    before = own("history", "-f", "json").out
    own("segments", "--offline")
    after = json.loads(own("history", "-f", "json").out)
    assert after == json.loads(before)


def test_info_and_clear(own: Cli, clean_env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own("query", "run", "neon/accounts")
    rows = json.loads(own("cache", "info", "-f", "json").out)["rows"]
    assert {row["query"]: (row["source"], row["rows"]) for row in rows if "/" in row["query"]} == {
        "neon/accounts": ("neon", 6),
        "neon/own_accounts": ("neon", 1),
        "posthog/own_people": ("posthog", 0),
        "posthog/opted_out": ("posthog", 1),
    }
    assert str(tmp_path / "cache") in own("cache", "info").out
    assert f"removed {len(rows)} answers from " in own("cache", "clear").err
    assert json.loads(own("cache", "info", "-f", "json").out)["rows"] == []
    assert os.listdir(tmp_path / "cache") == [".gitignore"]
    clean_env.setenv("USERTRACK_CACHE", "off")
    assert own("cache", "info").code == 2


def test_the_demo_is_not_kept(demo: Cli, tmp_path: Path) -> None:
    result = demo("query", "run", "neon/accounts", "--offline", "-f", "csv")
    assert result.code == 0
    assert "the demo is on this machine" in result.err
    assert not (tmp_path / "cache").exists()
    assert "the demo has no cache" in demo("cache", "info").err


def test_no_secret_lies_in_the_cache(own: Cli, clean_env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clean_env.setenv("DATABASE_URL", os.environ["DATABASE_URL"].replace("postgres@", "postgres:hunter2@", 1))
    assert "hunter2" in os.environ["DATABASE_URL"]
    assert own("user", LENA).code == 0
    content = b"".join(str(p).encode() + p.read_bytes() for p in (tmp_path / "cache").rglob("*") if p.is_file())
    assert len(content) > 1000
    for secret in (os.environ["POSTHOG_PERSONAL_API_KEY"], os.environ["DATABASE_URL"], "hunter2"):
        assert secret.encode() not in content


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--refresh", "--offline"], "--refresh and --offline contradict each other"),
        (["--refresh", "--max-age", "1h"], "--refresh and --max-age contradict each other"),
        (["--offline", "--max-age", "1h"], "--offline and --max-age contradict each other"),
        (["--max-age", "soon"], "'soon' is not an age"),
    ],
)
def test_wrong_options(own: Cli, options: list[str], message: str) -> None:
    result = own("segments", *options)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert "hint: " in result.err
