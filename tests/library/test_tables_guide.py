"""The entities that the guide shows, on tables like those that it is about."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from usertrack.engine.runner import Runner
from usertrack.library.library import Library, shipped_root
from usertrack.sources.postgres import Postgres
from usertrack.workspace.settings import load_settings

from ..databases import database

GUIDE = Path(__file__).parents[2] / "docs/guide/tables.md"
UUID = "00000000-0000-0000-0000-00000000000"
PRISMA = f"""
CREATE TYPE "PlanTier" AS ENUM ('FREE', 'PRO', 'TEAM');
CREATE TABLE "User" (id uuid, email text, "createdAt" timestamp(3));
CREATE TABLE "Subscription" ("userId" uuid, "planTier" "PlanTier", "amountInCents" int);
INSERT INTO "User" VALUES ('{UUID}1', 'Ann@x.example', '2026-01-01'), ('{UUID}2', 'bob@x.example', '2026-01-01');
INSERT INTO "Subscription" VALUES ('{UUID}1', 'PRO', 4900), ('{UUID}2', 'FREE', 0);
"""
SUPABASE = f"""
CREATE SCHEMA auth;
CREATE TABLE auth.users (id uuid, created_at timestamptz, deleted_at timestamptz);
CREATE TABLE user_emails (id int, user_id uuid, email text, is_primary bool, verified_at timestamptz);
INSERT INTO auth.users VALUES ('{UUID}1', '2026-01-01', NULL), ('{UUID}2', '2026-01-01', '2026-02-01');
INSERT INTO user_emails VALUES (1, '{UUID}1', 'old@x.example', false, now());
INSERT INTO user_emails VALUES (2, '{UUID}1', 'Ann@x.example', true, NULL);
"""
NUMBERS = """
CREATE TABLE jobs (user_id int, created_at timestamptz, state smallint, message text);
INSERT INTO jobs SELECT 1, '2026-01-01', n, 'x' FROM generate_series(0, 5) AS n;
"""


@pytest.mark.parametrize(
    ("place", "entity", "schema", "sql", "rows"),
    [
        (
            0,
            "accounts",
            PRISMA,
            "SELECT email, subscription_status AS s, revenue FROM {accounts} AS a ORDER BY 1",
            [("ann@x.example", "active", 49.0), ("bob@x.example", "FREE", 0.0)],
        ),
        (1, "accounts", SUPABASE, "SELECT a.email FROM {accounts} AS a", [("ann@x.example",)]),
        (
            2,
            "runs",
            NUMBERS,
            "SELECT r.outcome, count(*) AS n FROM {runs} AS r GROUP BY 1 ORDER BY 1",
            [("failed", 2), ("ok", 1), ("running", 2), ("unknown", 1)],
        ),
    ],
)
def test_the_guide_is_right(
    tmp_path: Path, place: int, entity: str, schema: str, sql: str, rows: list[tuple[Any, ...]]
) -> None:
    section = GUIDE.read_text(encoding="utf-8").split("### Tables as they are")[1].split("\n### ")[0]
    (tmp_path / "tables/neon").mkdir(parents=True)
    (tmp_path / f"tables/neon/{entity}.sql").write_text(re.findall(r"```sql\n(.*?)```", section, re.DOTALL)[place])
    (tmp_path / "queries/neon").mkdir(parents=True)
    (tmp_path / "queries/neon/q.sql").write_text(f"-- title: x\n{sql}")
    library = Library([shipped_root() / "queries", tmp_path / "queries"], [tmp_path / "tables"])
    with database() as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(schema.encode())

        async def address() -> str:
            return dsn

        settings, moment = load_settings(env={}, workspace=tmp_path), datetime(2026, 11, 20, tzinfo=UTC)
        with Runner(settings, library, moment, {"neon": Postgres(address)}) as runner:
            assert list(runner.table(runner.bind("neon/q")).rows) == rows
