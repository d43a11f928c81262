"""The whole library and the main commands on exactly the columns that seed 000 documents, whatever their types."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from usertrack.library.lacking import COLUMNS, Columns
from usertrack.library.library import Library, shipped_root

from ..people import NOW, Company, ago, office, served
from ..sources.engines import tables
from .test_own_sources import LENA, northwind

STRICT = (Path(__file__).parent.parent / "seed_schema.sql").read_text()
LIBRARY = Library([shipped_root() / "queries"])
NAMES = [name for name in LIBRARY if name.startswith("neon/")]
ENUMS = """
CREATE TYPE run_state AS ENUM ('queued', 'running', 'completed', 'failed');
CREATE TYPE outcome AS ENUM ('success', 'failed');
CREATE TYPE ended AS ENUM ('completed', 'cancelled');
CREATE TYPE subscription AS ENUM ('trial', 'past_due');
CREATE TYPE kind AS ENUM ('default', 'mcp');
CREATE TYPE provider AS ENUM ('gmail', 'linear');
ALTER TABLE fastapi_run ALTER run_state TYPE run_state USING run_state::run_state;
ALTER TABLE fastapi_tool_executions ALTER status TYPE outcome USING status::outcome,
    ALTER tool_type TYPE kind USING tool_type::kind,
    ALTER tool_provider TYPE provider USING tool_provider::provider;
ALTER TABLE fastapi_code_execution ALTER status TYPE outcome USING status::outcome;
ALTER TABLE wasp_agentexecution ALTER status TYPE ended USING status::ended;
ALTER TABLE wasp_user ALTER subscription_status TYPE subscription USING subscription_status::subscription;
"""
KEYS = {
    "wasp_user": ["id"],
    "fastapi_user": ["id", "wasp_user_id"],
    "fastapi_run": ["id", "user_id"],
    "fastapi_tool_executions": ["id", "user_id"],
    "fastapi_code_execution": ["user_id"],
    "fastapi_deployment": ["user_id"],
}
UUIDS = "".join(
    f"ALTER TABLE {table} ALTER {key} TYPE uuid USING lpad(to_hex({key}::integer), 32, '0')::uuid;"
    for table, keys in KEYS.items()
    for key in keys
)
MAIL = "ALTER TABLE wasp_user ALTER email TYPE {};"
ZONED = "".join(
    f"ALTER TABLE {table} ALTER created_at TYPE timestamptz;"
    for table in ("fastapi_run", "fastapi_tool_executions", "fastapi_code_execution", "fastapi_deployment")
)
VARIANTS = {
    "enums": ENUMS,
    "uuids": UUIDS,
    "varchar": MAIL.format("varchar(320)"),
    "citext": "CREATE EXTENSION citext;" + MAIL.format("citext"),
    "integers": "ALTER TABLE fastapi_tool_executions ALTER user_id TYPE integer USING user_id::integer;",
    "zoned": ZONED,
    "everything": ENUMS + UUIDS + MAIL.format("varchar(320)") + ZONED,
}


def everything_that_happens(company: Company) -> None:
    northwind(company)
    for user in (1, 2):
        company.code(user, ago(2))
        company.agent(user, ago(4))
    company.account("gone@acme.example", runs={"completed": 1}, run_at=ago(20))
    for number in range(5):
        company.account(f"one{number}@acme.example", runs={"failed": 1})
    company.tool(1, ago(1), "failed", tool_type="default", tool_provider="linear", error_type="ValueError")


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, str]]]:
    """The environment of each variant: copies of one database, their columns of other types."""
    company = Company()
    everything_that_happens(company)
    with office(tmp_path_factory.mktemp("strict"), company, STRICT) as opened, served(opened) as strict:
        environments, original = {"strict": strict}, conninfo_to_dict(opened.dsn)["dbname"]
        for name, changes in VARIANTS.items():
            dsn = opened.dsn.replace(f"/{original}?", f"/{name}?")
            with psycopg.connect(opened.dsn.replace(f"/{original}?", "/postgres?"), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name} TEMPLATE {original}".encode())
            with psycopg.connect(dsn, autocommit=True) as connection:
                try:
                    connection.execute(changes.encode())
                except psycopg.errors.FeatureNotSupported:  # the extension is not on this server
                    continue
            environments[name] = {**strict, "DATABASE_URL": dsn}
        yield environments


def answers(dsn: str, folder: Path) -> dict[str, str]:
    """What each query answers; a key is the number that it was made of, whatever its type."""
    required = {"email": [LENA], "tool": "gmail_send", **dict.fromkeys(("since", "before"), ago(90)), "until": NOW}
    own = {"entities": LIBRARY.entities.present, "internal": ["datagen.dev"], "own_people": []}
    offered = {"as_of": NOW, "timezone": "Europe/Berlin", **own}
    library = LIBRARY.asking(lambda names: columns(dsn, names))
    queries = [library[name] for name in NAMES]
    statements = [
        query.bind({p.name: required[p.name] for p in query.params.values() if p.default is None}, offered)
        for query in queries
    ]
    key = re.compile(r"'(?:0{8}-0{4}-0{4}-0{4}-0*([0-9a-f]+)|([0-9]+))'")
    return {
        table.name: key.sub(lambda match: match[2] or str(int(match[1], 16)), "\n".join(map(repr, table.rows)))
        for table in tables(dsn, statements, folder)
    }


def columns(dsn: str, names: Collection[str]) -> Columns:
    """The columns of the tables with these ``names``, as a runner asks for them."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(COLUMNS.replace("{tables}", "%s::text[]").encode(), [[*names]]).fetchall()
    return {name: {column for table, column in rows if table == name} for name in names}


@pytest.fixture(scope="module")
def strict(databases: dict[str, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return answers(databases["strict"]["DATABASE_URL"], tmp_path_factory.mktemp("answers"))


def test_every_query_answers_on_the_columns_of_the_seed(strict: dict[str, str]) -> None:
    assert sorted(strict) == NAMES
    # whose an agent is stands nowhere, nor since when somebody pays
    assert [name for name, rows in strict.items() if not rows] == ["neon/agent_activity", "neon/paid_churn"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_types_change_no_number(
    databases: dict[str, dict[str, str]], strict: dict[str, str], variant: str, tmp_path: Path
) -> None:
    if variant not in databases:
        pytest.skip("this PostgreSQL has no such extension")
    assert answers(databases[variant]["DATABASE_URL"], tmp_path) == strict
