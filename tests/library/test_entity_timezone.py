"""Times without a timezone: `timezone:` of an entity says which they are of; checks warn until then."""

from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ..conftest import Cli
from ..databases import database

SCHEMA = """
CREATE TABLE users (id int PRIMARY KEY, email text, born timestamp, seen timestamptz);
CREATE TABLE jobs (id serial, user_id int, began timestamp, state text);
INSERT INTO users VALUES (1, 'ada@ada.example', '2026-11-01 10:00', '2026-11-01 10:00+00');
INSERT INTO jobs (user_id, began, state) SELECT 1, '2026-11-01 22:30', 'done' FROM generate_series(1, 9);
"""
ACCOUNTS = "SELECT u.id AS account_id, u.email, u.born AS signed_up_at, u.seen AS last_active_at FROM users AS u\n"
RUNS = (
    "-- title: jobs\n-- states: {ok: [done]}\n"
    + "SELECT j.user_id AS account_id, j.began AS at, j.state AS status FROM jobs AS j\n"
)
TIMES = "-- title: times\nSELECT a.signed_up_at, a.last_active_at, a.exists_since FROM {accounts} AS a\n"
SETTINGS = "events: none\ntables: {calls: none, code_runs: none, deployments: none, agent_runs: none}\n"


@pytest.mark.parametrize(("zone", "signed_up"), [("", "10:00"), ("UTC", "10:00"), ("America/New_York", "15:00")])
def test_times_are_read_in_it(
    cli: Cli, clean_env: pytest.MonkeyPatch, tmp_path: Path, zone: str, signed_up: str
) -> None:
    header = f"-- title: people\n{f'-- timezone: {zone}' * bool(zone)}\n"
    for name, text in {
        "usertrack.yaml": SETTINGS,
        "queries/neon/times.sql": TIMES,
        "tables/neon/accounts.sql": header + ACCOUNTS,
        "tables/neon/runs.sql": RUNS,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with database() as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(SCHEMA.encode())
            name = connection.info.dbname
            connection.execute(f"ALTER DATABASE {name} SET TimeZone = 'America/New_York'".encode())
        clean_env.setenv("DATABASE_URL", make_conninfo(dsn))
        times = cli("query", "run", "neon/times", "-f", "csv").out
        checked = cli("check", "--online", "-f", "csv").out
    assert f"2026-11-01 {signed_up}" in times.splitlines()[1].split(",")[0].replace("T", " ")
    assert "2026-11-01 10:00" in times.splitlines()[1].split(",")[1].replace("T", " ")
    assert times.splitlines()[1].split(",")[0] == times.splitlines()[1].split(",")[2]
    warned = "signed_up_at has no timezone, and the database is in America/New_York" in checked
    assert (warned, "tables/neon/runs.sql: at has no timezone" in checked) == (not zone, True)


@pytest.mark.slow
def test_a_zone_that_nobody_named_is_a_warning(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "tables/neon/accounts.sql"
    path.parent.mkdir(parents=True)
    (tmp_path / "usertrack.yaml").write_text(SETTINGS)
    path.write_text(f"-- title: people\n-- timezone: unknown\n{ACCOUNTS}")
    assert "its times have no timezone, and it is unknown which is meant" in cli("check", "-f", "csv").out
    path.write_text(f"-- title: people\n-- timezone: Europe/Berln\n{ACCOUNTS}")
    wrong = cli("check", "-f", "csv").out
    assert "accounts.sql:2: 'Europe/Berln' is not a timezone" in wrong
    assert "did you mean 'Europe/Berlin'" in wrong
