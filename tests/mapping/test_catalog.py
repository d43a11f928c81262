"""What is read of a database that is large, empty, odd or closed, and what is proposed of it."""

import re
from pathlib import Path

import psycopg
import pytest
import yaml

from usertrack.mapping import rules
from usertrack.mapping.accounts import account_proposals, nearest_account
from usertrack.mapping.activity import activity_proposals, without_way
from usertrack.mapping.catalog import Catalog, read_catalog, statements
from usertrack.mapping.proposal import Proposal

from .conftest import Reader, schema


def catalog_of(dsn: str, role: str = "") -> Catalog:
    with psycopg.connect(dsn) as connection:
        if role:
            connection.execute(f"SET ROLE {role}".encode())
        return read_catalog(*[connection.execute(each.sql.encode()).fetchall() for each in statements()])


def accounts_of(dsn: str, role: str = "reader") -> Proposal:
    return account_proposals(catalog_of(dsn, role))[0]


USERS = "CREATE TABLE users (id bigint PRIMARY KEY, email text UNIQUE, password text, created_at timestamptz NOT NULL);"


def test_framework_tables_are_no_candidates(reader: Reader) -> None:
    catalog = catalog_of(reader(schema("rails")), "reader")
    accounts = account_proposals(catalog)
    assert [each.table.name for each in accounts] == ["users"]
    runs = activity_proposals(catalog, accounts[0].table)
    assert {name: [each.table.name for each in proposals] for name, proposals in runs.items() if proposals} == {
        "runs": ["builds"]
    }


def test_names_with_quotes_dots_and_upper_case(reader: Reader) -> None:
    dsn = reader(schema("odd_names"))
    catalog = catalog_of(dsn, "reader")
    accounts = account_proposals(catalog)[0]
    runs = activity_proposals(catalog, accounts.table)["runs"][0]
    assert 'FROM "My.App"."User" AS u' in accounts.sql
    assert runs.states == {"ok": ("it's done",), "failed": ("failed",)}
    with psycopg.connect(dsn) as connection:
        for proposal in (accounts, runs):
            connection.execute(proposal.sql.encode())


def test_a_table_that_may_not_be_read_is_left_out_and_named(reader: Reader) -> None:
    dsn = reader(USERS + "CREATE TABLE secrets (id int)")
    with psycopg.connect(dsn) as connection:
        connection.execute("REVOKE SELECT ON secrets FROM reader; REVOKE SELECT ON users FROM reader")
        connection.execute("GRANT SELECT (id, email, created_at) ON users TO reader")
    catalog = catalog_of(dsn, "reader")
    assert catalog.refused == ("secrets",)
    (users,) = catalog.tables.values()
    assert [column.name for column in users.columns] == ["id", "email", "created_at"]
    assert account_proposals(catalog)[0].table.name == "users"


def test_only_views(reader: Reader) -> None:
    dsn = reader(
        f"CREATE SCHEMA raw; SET search_path TO raw; {USERS} CREATE TABLE jobs (id int, user_id bigint, state text,"
        "error text, started_at timestamptz); SET search_path TO public;"
        "CREATE VIEW users AS SELECT * FROM raw.users; CREATE VIEW jobs AS SELECT * FROM raw.jobs"
    )
    with psycopg.connect(dsn) as connection:
        connection.execute("REVOKE USAGE ON SCHEMA raw FROM reader")
    catalog = catalog_of(dsn, "reader")
    accounts = account_proposals(catalog)[0]
    assert accounts.table.is_view
    assert "r.user_id AS account_id" in activity_proposals(catalog, accounts.table)["runs"][0].sql.replace("j.", "r.")


def test_an_email_may_lead_to_the_account(reader: Reader) -> None:
    dsn = reader(
        USERS + "CREATE TABLE task_runs (id int PRIMARY KEY, owner_email text, status text, started_at timestamptz)"
    )
    catalog = catalog_of(dsn, "reader")
    runs = activity_proposals(catalog, account_proposals(catalog)[0].table)["runs"][0]
    assert "u.id AS account_id" in runs.sql
    assert "LEFT JOIN users AS u ON u.email = r.owner_email" in runs.sql


def test_partitions_are_one_table(reader: Reader) -> None:
    dsn = reader(
        f"{USERS} CREATE TABLE runs (id int, status text, created_at date) PARTITION BY RANGE (created_at);"
        "CREATE TABLE runs_1 PARTITION OF runs FOR VALUES FROM ('2020-01-01') TO ('2030-01-01');"
        "INSERT INTO runs SELECT n, 'ok', '2026-01-01' FROM generate_series(1, 500) AS n; ANALYZE"
    )
    tables = {table.name: table.row_count for table in catalog_of(dsn, "reader").tables.values()}
    assert tables == {"users": 0, "runs": 500}


def test_no_rows_and_no_statistics(reader: Reader) -> None:
    assert accounts_of(reader(USERS)).confidence == "high"


def test_nothing_there(reader: Reader) -> None:
    assert account_proposals(catalog_of(reader("SELECT"))) == []


def test_no_email_anywhere(reader: Reader) -> None:
    catalog = catalog_of(reader(USERS.replace("email", "nick")), "reader")
    nearest, (proposal,) = nearest_account(catalog), account_proposals(catalog)
    assert nearest
    assert nearest.table.name == proposal.table.name == "users"
    assert proposal.missing == ["email"]


@pytest.mark.slow
def test_five_thousand_tables(reader: Reader) -> None:
    dsn = reader(USERS)
    table = "(id bigint PRIMARY KEY, user_id bigint, status text, a int, b int, c int, created_at timestamptz)"
    with psycopg.connect(dsn, autocommit=True) as connection:
        for batch in range(10):
            names = [f"CREATE TABLE job_{batch}_{number} {table}" for number in range(500)]
            connection.execute("; ".join(names).encode())
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    catalog = catalog_of(dsn, "reader")
    activity_proposals(catalog, account_proposals(catalog)[0].table)
    assert len(catalog.tables) == 5001


@pytest.mark.parametrize(
    ("columns", "expression"),
    [
        ("createat bigint", "to_timestamp(CASE WHEN u.createat >= 1e17 THEN"),
        ("created_on integer", "to_timestamp(CASE WHEN u.created_on"),
        ("inserted_at timestamp", "u.inserted_at AS signed_up_at"),
        ('"CreatedUtc" timestamp', 'u."CreatedUtc" AS signed_up_at'),
        ("creation_ts bigint", "AS signed_up_at"),
        ("registered_ms bigint", "to_timestamp(CASE WHEN u.registered_ms"),
        ("regdate date", "u.regdate AS signed_up_at"),
        ("created_dt bigint", "to_timestamp(CASE WHEN u.created_dt"),
        ("since date, reg_no int", "u.since AS signed_up_at"),
        ("reg_dt timestamp", "u.reg_dt AS signed_up_at"),
    ],
)
def test_times_of_sign_up(reader: Reader, columns: str, expression: str) -> None:
    dsn = reader(f"CREATE TABLE users (id varchar(36) PRIMARY KEY, email text, password text, {columns})")
    proposal = accounts_of(dsn)
    assert expression in proposal.sql
    with psycopg.connect(dsn) as connection:
        connection.execute(proposal.sql.encode())


@pytest.mark.parametrize(
    ("columns", "expression"),
    [
        ("deleted_at timestamptz", "u.deleted_at IS NOT NULL AS deleted"),
        ('"isDeleted" boolean', 'u."isDeleted" IS TRUE AS deleted'),
        ("deleted boolean NOT NULL", "    u.deleted\n"),
        ("is_deleted smallint", "coalesce(u.is_deleted, 0) <> 0 AS deleted"),
        ("deleteat bigint", "coalesce(u.deleteat, 0) <> 0 AS deleted"),
        ("deleted_by bigint", ""),
    ],
)
def test_soft_deletes(reader: Reader, columns: str, expression: str) -> None:
    sql = accounts_of(reader(USERS.replace("password text", columns))).sql
    assert "WHERE" not in sql
    assert expression in sql if expression else "delete" not in sql


def test_of_several_memberships_one_counts(reader: Reader) -> None:
    dsn = reader(
        USERS + "CREATE TABLE teams (id int PRIMARY KEY, name text);"
        "CREATE TABLE memberships (id int PRIMARY KEY, user_id bigint REFERENCES users, team_id int REFERENCES teams,"
        "role text, created_at date); INSERT INTO users VALUES (1, 'ada@acme.example', '', now());"
        "INSERT INTO teams VALUES (1, 'Harbor'), (2, 'Evergreen'), (3, 'Third');"
        "INSERT INTO memberships VALUES (9, 1, 3, 'owner', '2026-01-01'), (7, 1, 2, 'owner', '2026-01-01'),"
        "(5, 1, 1, 'member', '2020-01-01')"
    )
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(accounts_of(dsn).sql.encode()).fetchall()
    assert [row[-2:] for row in rows] == [("Evergreen", 2)]


WORKSPACES = (
    "CREATE TABLE workspaces (id int PRIMARY KEY, name text, deleted_at timestamptz, {price} int);"
    "CREATE TABLE memberships (id int PRIMARY KEY, user_id bigint REFERENCES users,"
    "workspace_id int REFERENCES workspaces)"
)


@pytest.mark.parametrize("price", ["price_cents_monthly", "monthly_price_cents", "price_cents", "mrr_cents"])
def test_what_an_organization_pays_in_cents(reader: Reader, price: str) -> None:
    proposal = accounts_of(reader(USERS + WORKSPACES.format(price=price)))
    assert f"w.{price} / 100.0 AS organization_revenue" in proposal.sql
    assert f"what an organization pays in a month is workspaces.{price}, taken as cents" in proposal.notes


def test_a_deleted_organization_has_nobody(reader: Reader) -> None:
    dsn = reader(
        USERS + WORKSPACES.format(price="price_cents") + ";INSERT INTO users VALUES (1, 'ada@acme.example', '', now()),"
        "(2, 'ben@acme.example', '', now()); INSERT INTO workspaces VALUES (1, 'Gone', now(), 9900),"
        "(2, 'Here', NULL, 9900); INSERT INTO memberships VALUES (1, 1, 1), (2, 1, 2), (3, 2, 1)"
    )
    sql = accounts_of(dsn).sql
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            f"SELECT organization, organization_revenue FROM ({sql}) AS a ORDER BY account_id".encode()
        )
        assert rows.fetchall() == [("Here", 99), (None, None)]
    own = USERS.replace("password text", "team_id int REFERENCES teams, password text")
    by_column = accounts_of(reader("CREATE TABLE teams (id int PRIMARY KEY, is_deleted bool NOT NULL);" + own)).sql
    assert "t.id::text AS organization" in by_column
    assert by_column.endswith("LEFT JOIN teams AS t ON t.id = u.team_id AND NOT t.is_deleted")


API = (
    "CREATE TABLE api_request_logs (id int PRIMARY KEY, user_id bigint REFERENCES users, method text, path text,"
    "{column}, latency_ms int, created_at timestamptz);"
    "INSERT INTO users VALUES (1, 'ada@acme.example', '', now()); INSERT INTO api_request_logs VALUES"
    "(1, 1, 'GET', '/v1', 200, 9, now()), (2, 1, 'GET', '/v1', 302, 9, now()), (3, 1, 'GET', '/v1', 429, 9, now()),"
    "(4, 1, 'PUT', '/v2', 503, 9, now()), (5, 1, 'PUT', '/v2', NULL, 9, now())"
)


@pytest.mark.parametrize(("column", "labels"), [("status_code int", ()), ("status int", ("200", "302", "429", "503"))])
def test_a_status_of_http_says_how_a_call_ended(reader: Reader, column: str, labels: tuple[str, ...]) -> None:
    dsn = reader(USERS + API.format(column=column))
    catalog = catalog_of(dsn, "reader")
    accounts, table = account_proposals(catalog)[0], catalog.named("api_request_logs")
    assert table
    read = {(table.id, column.split()[0]): labels}
    proposals = activity_proposals(catalog, accounts.table, read)
    assert proposals["runs"] == []
    (calls,) = proposals["calls"]
    assert calls.states == {"ok": ("ok",), "failed": ("failed",)}
    assert "a.path AS tool" in calls.sql.replace("l.", "a.")
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(f"SELECT status, error FROM ({calls.sql}) AS calls".encode()).fetchall()
    assert [status for status, _ in rows] == ["ok", "ok", "failed", "failed", None]
    assert [error for _, error in rows] == [None, None, "HTTP 429", "HTTP 503", None]


def test_an_owner_of_several_kinds(reader: Reader) -> None:
    dsn = reader(
        USERS + "CREATE TABLE builds (id int PRIMARY KEY, owner_type varchar, owner_id bigint, status varchar,"
        "created_at timestamptz); INSERT INTO builds VALUES (1, 'User', 7, 'passed', now()),"
        "(2, 'Organization', 7, 'passed', now()), (3, 'App\\Models\\User', 8, 'failed', now()),"
        "(4, 'PowerUser', 9, '', now())"
    )
    catalog = catalog_of(dsn, "reader")
    builds = activity_proposals(catalog, account_proposals(catalog)[0].table)["runs"][0]
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            f"SELECT account_id FROM ({builds.sql}) AS builds ORDER BY run_id".encode()
        ).fetchall()
    assert [account for (account,) in rows] == [7, None, 8, None]
    assert "`owner_id` refers to several tables: rows of no user have no account" in builds.notes


def test_what_leads_to_nobody_is_named(reader: Reader) -> None:
    catalog = catalog_of(reader(USERS + "CREATE TABLE agent_runs (id int PRIMARY KEY, status text, created_at date)"))
    accounts = account_proposals(catalog)[0].table
    table = without_way("agent_runs", catalog, accounts)
    assert table
    assert table.name == "agent_runs"
    assert without_way("calls", catalog, accounts) is None


def test_every_row_of_the_rules_is_read_and_every_name_has_a_row() -> None:
    folder = Path(rules.__file__).parent
    code = "".join(file.read_text() for file in folder.glob("*.py"))
    rows = yaml.safe_load((folder / "rules.yaml").read_text())
    assert [row for row in rows if f'"{row}"' not in code] == []
    assert set(re.findall(r'rules[.]\w+[(]"(\w+)"', code)) <= set(rows)
