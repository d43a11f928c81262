"""A small company, written row by row: accounts and what they did in PostgreSQL, persons and events in PostHog."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg

from usertrack.engine.runner import Runner
from usertrack.library.library import Library, shipped_root
from usertrack.segments.applicable import applicable
from usertrack.segments.classify import Classification, classify
from usertrack.segments.profiles import Profiles, build_profiles
from usertrack.segments.rules import Rules, read_rules
from usertrack.server.app import create_app
from usertrack.server.database.store import Store
from usertrack.server.http.server_settings import ServerSettings
from usertrack.sources import Source
from usertrack.sources.postgres import Postgres
from usertrack.sources.posthog import PostHog
from usertrack.workspace.settings import load_settings

from . import store_answers
from .databases import database

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
SCHEMA = (Path(__file__).parent.parent / "usertrack/demo/world/postgres.sql").read_text()
OWN_PEOPLE = "datagen.dev"
SERVER = ServerSettings(project_token="phc_test", personal_api_key="phx_test")


def ago(days: float = 0, seconds: float = 0) -> datetime:
    return (NOW - timedelta(days=days, seconds=seconds)).replace(tzinfo=None)


class Company:
    """Rows to be. Every account gets one backend user; ids count up from 1."""

    def __init__(self) -> None:
        self.tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.persons: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.distinct_ids: dict[str, str] = {}

    def _add(self, table: str, **values: Any) -> int:
        self.tables[table].append({"id": len(self.tables[table]) + 1, **values})
        return len(self.tables[table])

    def account(
        self,
        email: str | None,
        *,
        credits: float | None = 80,  # noqa: A002
        name: str | None = None,
        signed_up: datetime | None = None,
        subscription: str | None = None,
        last_active: datetime | None = None,
        runs: Mapping[str, int] | None = None,
        run_at: datetime | None = None,
        organization: str | None = None,
        revenue: float | None = None,
    ) -> int:
        """An account of 60 days, with ``runs`` by their state; returns the id of its backend user."""
        account = self._add(
            "wasp_user",
            email=email,
            name=name,
            credits=credits,
            subscription_status=subscription,
            created_at=signed_up or ago(60),
            last_active_timestamp=last_active,
            password_hash="$2b$12$secret",
            organization=organization,
            monthly_revenue=revenue,
        )
        user = self._add("fastapi_user", wasp_user_id=account)
        for state, count in (runs or {}).items():
            for _ in range(count):
                self.run(user, state, run_at or ago(3))
        return user

    def run(self, user: int, state: str, at: datetime, log: str | None = None) -> None:
        self._add("fastapi_run", user_id=user, run_state=state, created_at=at, run_error_log=log)

    def tool(self, user: int, at: datetime, status: str = "success", **values: Any) -> None:
        row = {"tool_name": "gmail_send", "tool_type": "mcp", **values}
        self._add("fastapi_tool_executions", user_id=str(user), status=status, created_at=at, **row)

    def code(self, user: int, at: datetime) -> None:
        self._add("fastapi_code_execution", user_id=user, name="script", status="success", created_at=at)

    def custom_tool(self, user: int, at: datetime) -> None:
        self._add("fastapi_deployment", user_id=user, name="digest", final_code="print(1)", created_at=at)

    def agent(self, user: int, at: datetime) -> None:
        account = self.tables["fastapi_user"][user - 1]["wasp_user_id"]
        self._add("wasp_agentexecution", agent_id="a", user_id=account, status="completed", started_at=at)

    def person(self, email: str | None, *, created: datetime | None = None) -> str:
        """A PostHog person; returns its id."""
        id_ = str(UUID(int=len(self.persons) + 1))
        properties = {} if email is None else {"email": email}
        self.persons.append({"id": id_, "created_at": str(created or ago(60)), "properties": properties, "version": 1})
        self.distinct_ids[id_] = id_
        return id_

    def event(self, person: str, event: str, at: datetime, times: int = 1, **properties: Any) -> None:
        """``times`` events; ``p_`` before a property is taken off, so that `$names` can be given."""
        named = {key.removeprefix("p_"): value for key, value in properties.items()}
        for _ in range(times):
            self.events.append(
                {
                    "uuid": str(UUID(int=len(self.events) + 1)),
                    "event": event,
                    "timestamp": str(at),
                    "created_at": str(at),
                    "distinct_id": person,
                    "person_id": person,
                    "properties": named,
                    "person_mode": "full",
                    "$session_id": named.get("$session_id", ""),
                    "$group_0": named.get("$group_0", ""),
                }
            )

    def write(self, store: Store, dsn: str, schema: str) -> None:
        """Rows into the tables of ``schema``, as far as those have columns for them."""
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(schema.encode())
            for table, rows in self.tables.items():
                columns = {each.name for each in connection.execute(f"TABLE {table}".encode()).description or []}
                names = ", ".join(dict.fromkeys(name for row in rows for name in row if name in columns))
                records = f"SELECT {names} FROM json_populate_recordset(NULL::{table}, %s)"
                connection.execute(f"INSERT INTO {table} ({names}) {records}".encode(), [json.dumps(rows, default=str)])
        store.insert("persons", self.persons)
        store.insert(
            "person_distinct_ids",
            [{"distinct_id": name, "person_id": id_, "version": 1} for name, id_ in self.distinct_ids.items()],
        )
        store.insert("events", self.events)
        store.refresh_property_definitions()


class Office:
    """Both engines with a company in them, asked as the command line asks."""

    def __init__(self, store: Store, dsn: str) -> None:
        self.store, self.dsn = store, dsn
        self.library = Library([shipped_root() / "queries"])
        self.rules = applicable(read_rules(shipped_root() / "segments.yaml"), self.library)

    @contextmanager
    def runner(
        self,
        *names: str,
        internal: Sequence[str] = (OWN_PEOPLE,),
        as_of: datetime = NOW,
        between: Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport] = lambda transport: transport,
    ) -> Iterator[Runner]:
        """A runner on the sources called ``names``; on both when none is named. ``between`` it and PostHog."""

        async def address() -> str:
            return self.dsn

        transport = httpx.ASGITransport(app=create_app(self.store, SERVER), raise_app_exceptions=False)
        posthog = PostHog(
            "http://test",
            "1",
            SERVER.personal_api_key,
            lambda m, *, passing=False: None,
            transport=between(transport),
            retry_pause=0.01,
        )
        sources: dict[str, Source] = {"posthog": posthog, "neon": Postgres(address)}
        connected = {name: source for name, source in sources.items() if not names or name in names}
        env = {"USERTRACK_INTERNAL": ",".join(internal), "DATABASE_URL": self.dsn}  # else it would be the demo's people
        settings = load_settings(env=env, workspace=Path(__file__).parent)
        with Runner(settings, self.library, as_of, connected) as runner:
            yield runner

    @contextmanager
    def profiles(self, *names: str, rules: Rules | None = None, **options: Any) -> Iterator[Profiles]:
        with self.runner(*names, **options) as runner:
            yield build_profiles(runner, rules or self.rules)

    @contextmanager
    def classified(self, set_name: str = "action", *names: str, **options: Any) -> Iterator[Classification]:
        with self.profiles(*names, **options) as profiles:
            yield classify(profiles, profiles.rules.set_named(set_name))


@contextmanager
def office(folder: Path, company: Company, schema: str = SCHEMA) -> Iterator[Office]:
    with database() as dsn, furnished(folder, dsn, company, schema) as opened:
        yield opened


@contextmanager
def furnished(folder: Path, dsn: str, company: Company, schema: str = SCHEMA) -> Iterator[Office]:
    """``company`` in the empty database ``dsn``, and in a store that is made in ``folder``."""
    with closing(Store(folder / "posthog")) as store, store_answers.given_once(store):
        company.write(store, dsn, schema)
        yield Office(store, dsn)


@contextmanager
def served(office: Office) -> Iterator[dict[str, str]]:
    """The environment in which the command line asks ``office`` over HTTP and TCP, as it would ask anybody's."""
    from .server.capture_fixtures import AppThread

    with AppThread(office.store) as server:
        yield {
            "USERTRACK_INTERNAL": OWN_PEOPLE,
            "POSTHOG_HOST": server.url,
            "POSTHOG_PROJECT_ID": "1",
            "POSTHOG_PERSONAL_API_KEY": SERVER.personal_api_key,
            "DATABASE_URL": office.dsn,
            "USERTRACK_AS_OF": NOW.isoformat(),
        }
