"""Generates the demo's data with ``world/*.sql``, in ClickHouse and PostgreSQL.

ClickHouse generates one range of accounts after the other in a scratch database, so memory does not grow with the
number of accounts. PostgreSQL's tables are copied from there as the bytes that COPY reads.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING

from usertrack.core.sql_file import sql_file
from usertrack.server.database.store import Store

if TYPE_CHECKING:
    import psycopg

Progress = Callable[[str, float], None]

SEED = 20_261_120  # any number; golden files and samples of the guides rest on this one
CHUNK = 10_000  # accounts in one range: 600 000 events over 90 days, 1.5 GB of memory
SHARED = ("functions", "personas")
STEPS = ("accounts", "visitors", "visits", "runs", "tools", "artifacts", "events", "persons")
TABLES = (  # in the order of their references
    "wasp_user",
    "fastapi_user",
    "fastapi_run",
    "fastapi_tool_executions",
    "fastapi_code_execution",
    "fastapi_deployment",
    "wasp_agentexecution",
)


@dataclass(frozen=True)
class Parameters:
    """The parameters of the data: ``as_of`` (UTC) is its end, ``users`` are accounts, ``quiet`` has no incident."""

    as_of: datetime
    users: int = 2000
    days: int = 120
    quiet: bool = False


def generate(store: "Store", dsn: str, parameters: Parameters, progress: Progress) -> None:
    """Write the data into an empty ``store`` and the empty database at ``dsn``."""
    import psycopg

    as_of = f"toDateTime64('{parameters.as_of:%Y-%m-%d %H:%M:%S}', 3, 'UTC')"
    _define(
        store,
        seed=str(SEED),
        as_of=as_of,
        users=str(parameters.users),
        days=str(parameters.days),
        quiet=str(int(parameters.quiet)),
    )
    for name in SHARED:
        _run(store, name)
    store.insert("group_types", [{"index": 0, "group_type": "organization"}])
    with psycopg.connect(dsn) as connection:  # rows of tables created in the same transaction skip the log
        _execute(connection, "postgres")
        for low in range(0, parameters.users, CHUNK):
            high = min(low + CHUNK, parameters.users)
            _fill(store, connection, low, high, progress, parameters.users)
        progress("indexes", 0.97)
        _execute(connection, "indexes")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE" if parameters.users <= CHUNK else "ANALYZE")
    _drop_scratch(store)
    # the insights of the company's analysts, with fixed ids
    from usertrack.server.database.saved_insights import SavedInsights

    insights = SavedInsights(store.path)
    for insight in json.loads(resources.files(__package__).joinpath("world", "insights.json").read_text()):
        id_, short_id = insight.pop("id"), insight.pop("short_id")
        insights.add({"tags": [], "favorited": True, "saved": True, **insight}, id_, short_id)
    store.refresh_property_definitions()
    progress("done", 1.0)


def _fill(
    store: "Store", connection: "psycopg.Connection", low: int, high: int, progress: Progress, users: int
) -> None:
    """Accounts ``low`` to ``high`` (exclusive), into both engines."""
    _define(store, lo=str(low), hi=str(high))
    work = [*STEPS, *TABLES]
    for number, name in enumerate(work):
        progress(name, 0.95 * (low + (high - low) * number / len(work)) / users)
        if name in STEPS:
            _run(store, name)
        else:
            rows = store.query(_text(f"copy/{name}"), "TabSeparated")
            with connection.cursor().copy(f"COPY {name} FROM STDIN (FREEZE)") as copy:
                copy.write(rows)
    for table in (
        store.query("SHOW TABLES FROM world WHERE name NOT IN ('personas', 'special', 'causes')", "TSV")
        .decode()
        .split()
    ):
        store.query(f"DROP TABLE world.{table}")


def _define(store: "Store", **values: str) -> None:
    """Define parameters as ClickHouse functions without arguments, which statements of all connections see."""
    for name, value in values.items():
        store.query(f"CREATE OR REPLACE FUNCTION {name} AS () -> {value}")


def _drop_scratch(store: "Store") -> None:
    """Drop the scratch database and the functions."""
    store.query("DROP DATABASE world")
    for name in (
        store.query("SELECT name FROM system.functions WHERE origin = 'SQLUserDefined'", "TSV").decode().split()
    ):
        store.query(f"DROP FUNCTION {name}")


def _run(store: "Store", name: str) -> None:
    for statement in _statements(name):
        store.query(statement)


def _execute(connection: "psycopg.Connection", name: str) -> None:
    for statement in _statements(name):
        connection.execute(statement)


def _statements(name: str) -> Iterator[str]:
    return (statement for statement in _text(name).split(";\n") if statement.strip())


def _text(name: str) -> str:
    return sql_file(__package__, f"world/{name}")
