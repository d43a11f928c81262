"""A company as a description, and the same company on a real PostgreSQL and the embedded PostHog, with a workspace."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import NAMESPACE_OID, uuid5

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from usertrack.cli.app import run
from usertrack.engine import connect
from usertrack.engine.cache import Cache
from usertrack.server.database.store import Store

from .. import demo_answers, store_answers
from ..databases import database
from ..server.capture_fixtures import SETTINGS, TOKEN, AppThread
from .oracle import Answers

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
Row = dict[str, Any]
_BATCH = 1000  # events in one request to the capture API
_FOREIGN_SETTINGS = ("POSTHOG_", "DATABASE_URL", "NEON_", "USERTRACK_", "NO_COLOR", "FORCE_COLOR", "SLACK_")
_READER = "DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN END $$"
_GRANTS = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)' LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO reader', name);
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO reader', name);
    END LOOP;
END $$
"""


class Event(NamedTuple):
    """An event as an SDK sends it. ``who`` is the distinct id."""

    who: str
    name: str
    at: datetime
    properties: Mapping[str, Any] = {}


def ago(days: float, now: datetime = NOW) -> datetime:
    """So many days before the moment at which a world is looked at."""
    return now - timedelta(days)


def uuid(*parts: object) -> str:
    """An id that is the same in each run."""
    return str(uuid5(NAMESPACE_OID, "-".join(map(str, parts))))


@dataclass(frozen=True)
class World:
    """A company and what is true of it.

    Attributes:
        schema: the DDL of its tables; "" for a company without PostgreSQL.
        timezone: in which its database runs.
        rows: the rows of each table.
        events: what its SDKs sent, in the order of arrival; None for a company without PostHog.
        log: JSON lines that are imported into the embedded PostHog before its SDKs send anything.
        init: options of `usertrack init`, with which the workspace is made.
        settings: lines that somebody adds to usertrack.yaml.
        replaced: what somebody changes in files of the workspace: a text, and what stands there then.
        own_words: words that otherwise belong to the product of the demo, and that this company has, too.
        names: what the walk fills in: an `email`, the `steps` of a funnel and the like (see `calls.ARGUMENTS`).
        with_options: whether commands are also walked with options; two worlds are enough for what is one code.
        absent_segments: the shipped segments that rest on what the company does not have.
        refused: the commands that rest on what the company does not have.
        codes: exit codes that are right for every command, besides its own.
        answers: what the oracle computes.
        unknown: figures that nobody can know here, by the call or page that shows them under these labels.
    """

    name: str
    answers: Answers
    schema: str = ""
    timezone: str = "UTC"
    rows: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    events: Sequence[Event] | None = None
    log: str = ""
    init: Sequence[str] = ("--from-database", "--yes")
    settings: str = ""
    replaced: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    own_words: frozenset[str] = frozenset()
    names: dict[str, Sequence[str]] = field(default_factory=dict)
    with_options: bool = False
    absent_segments: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    codes: tuple[int, ...] = ()
    unknown: Mapping[str, Sequence[str]] = field(default_factory=dict)
    now: datetime = NOW


@dataclass(frozen=True)
class Opened:
    """A world that can be asked."""

    world: World
    workspace: Path
    environment: Mapping[str, str]
    init_said: str  # what `usertrack init` printed
    prepared: set[tuple[str, ...]] = field(default_factory=set)

    def enter(self, patch: pytest.MonkeyPatch) -> None:
        """Make it the only company that is configured, and its workspace the current folder."""
        for name in [name for name in os.environ if name.startswith(_FOREIGN_SETTINGS)]:
            patch.delenv(name)
        for name, value in self.environment.items():
            patch.setenv(name, value)
        patch.chdir(self.workspace)

    def run(self, *words: str) -> "Said":
        """Run a command in this process."""
        out, err = _stream(), _stream()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "argv", ["usertrack", *words])
            code = run()
        return Said(code, _text(out), _text(err))

    def prepare(self, words: Sequence[str]) -> None:
        """Run a command that another one rests on, unless it was run."""
        if words and tuple(words) not in self.prepared:
            self.prepared.add(tuple(words))
            said = self.run(*words)
            assert said.code == 0, said.err


class Said(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@contextmanager
def opened(world: World, folder: Path) -> Iterator[Opened]:
    """``world`` on engines of its own, and its workspace in ``folder``."""
    environment = {
        "XDG_CACHE_HOME": str(folder / "xdg-cache"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_RUNTIME_DIR": str(folder),
        "USERTRACK_CACHE": str(folder / "cache"),
        "USERTRACK_HISTORY": str(folder / "history.duckdb"),
        "USERTRACK_AS_OF": world.now.isoformat(),
        "USERTRACK_DEBUG": "1",  # a bug shows its trace
        "COLUMNS": "80",
    }
    with ExitStack() as stack:
        if world.schema:
            dsn = stack.enter_context(database())
            _furnish(dsn, world)
            environment["DATABASE_URL"] = make_conninfo(dsn, user="reader")
        if world.events is not None:
            _import(folder, world.log)
            store = stack.enter_context(closing(Store(folder / "posthog")))
            stack.enter_context(store_answers.given_once(store))
            server = stack.enter_context(AppThread(store))
            _capture(server.url, world.events)
            assert store.catch_up() == 0
            store.refresh_property_definitions()
            environment |= {
                "POSTHOG_HOST": server.url,
                "POSTHOG_PROJECT_ID": "1",
                "POSTHOG_PERSONAL_API_KEY": SETTINGS.personal_api_key,
            }
        else:
            stack.enter_context(store_answers.given_once(None))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        _give_answers_once(patch, folder, world.now)
        nowhere = Opened(world, folder, environment, "")
        nowhere.enter(patch)
        said = nowhere.run("init", world.name, *world.init)
        assert said.code == 0, said.err
        place = folder / world.name
        with (place / "usertrack.yaml").open("a") as file:
            file.write(world.settings)
        for name, (before, after) in world.replaced.items():
            (place / name).write_text((place / name).read_text().replace(before, after))
        yield Opened(world, place, environment, said.out + said.err)


def _give_answers_once(patch: pytest.MonkeyPatch, folder: Path, now: datetime) -> None:
    """Let the sources of a world, which no step changes, answer a question once."""
    cache = Cache(folder / "answers", 1 << 40, dict.fromkeys(("posthog", "neon"), ""), now, lambda line: None)

    def once(open_source: Callable[..., Any]) -> Callable[..., Any]:
        def opened(*arguments: Any) -> Any:
            source = open_source(*arguments)
            if hasattr(source, "run"):
                demo_answers.remember(source, cache)
            return source

        return opened

    for name in ("_open_source", "open_own_events"):
        patch.setattr(connect, name, once(getattr(connect, name)))


def _furnish(dsn: str, world: World) -> None:
    """Make the tables with their rows, and a role that may SELECT them."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        zone = f"ALTER DATABASE {connection.info.dbname} SET timezone = '{world.timezone}'"
        connection.execute(zone.encode())
        connection.execute(world.schema.encode())
        for table, rows in world.rows.items():
            names = ", ".join(f'"{name}"' for name in dict.fromkeys(name for row in rows for name in row))
            records = f"SELECT {names} FROM json_populate_recordset(NULL::{table}, %s)"
            connection.execute(f"INSERT INTO {table} ({names}) {records}".encode(), [json.dumps(rows, default=str)])
        connection.execute(_READER.encode())
        connection.execute(_GRANTS.encode())


def _import(folder: Path, log: str) -> None:
    if log:
        (folder / "log.jsonl").write_text(log)
        command = ["import", "events", str(folder / "log.jsonl"), "--data", str(folder / "posthog")]
        subprocess.run([sys.executable, "-m", "usertrack", *command], check=True, capture_output=True)


def _capture(url: str, events: Sequence[Event]) -> None:
    """Send ``events`` as an SDK does."""
    batch = [
        {
            "uuid": uuid(number),
            "event": event.name,
            "distinct_id": event.who,
            "timestamp": event.at.isoformat(),
            "properties": dict(event.properties),
        }
        for number, event in enumerate(events)
    ]
    with httpx.Client(base_url=url, timeout=30) as http:
        for start in range(0, len(batch), _BATCH):
            body = {"api_key": TOKEN, "batch": batch[start : start + _BATCH], "historical_migration": True}
            http.post("/batch/", json=body).raise_for_status()


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode("utf-8", "replace")  # type: ignore[attr-defined, no-any-return]
