"""Queries that read entities beside the same queries written by hand against the tables.

`python benchmarks/entities.py` makes 1 000 000 accounts and 5 000 000 runs in the embedded PostgreSQL (`--scale 0.1`: a
tenth of that), and compares what PostgreSQL needs for each, in turn. The answers must be the same.
"""

import argparse
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from usertrack.demo import embedded_postgres
from usertrack.library.library import Library, shipped_root
from usertrack.library.sql import placeholders

TABLES = """
CREATE TABLE wasp_user AS SELECT i AS id, 'p' || i || '@x' || i % 50 || '.example' AS email, 'P ' || i AS name,
    (i % 120)::float8 AS credits, CASE WHEN i % 9 = 0 THEN 'active' ELSE 'free' END AS subscription_status,
    timestamp '2026-01-01' + i * interval '20 s' AS created_at,
    timestamp '2026-06-01' + i * interval '10 s' AS last_active_timestamp
FROM generate_series(1, {accounts}) AS i;
CREATE TABLE fastapi_user AS SELECT i + 7 AS id, i AS wasp_user_id FROM generate_series(1, {accounts}) AS i;
CREATE TABLE fastapi_run AS SELECT i AS id, 8 + (i::bigint * 7919) % {accounts} AS user_id,
    timestamp '2026-02-01' + i * (interval '292 days' / {runs}) AS created_at,
    (ARRAY['completed', 'completed', 'success', 'failed', 'running', 'cancelled'])[1 + i % 6] AS run_state,
    CASE WHEN i % 6 = 3 THEN 'API timeout: step ' || i % 40 || ' took too long' END AS run_error_log
FROM generate_series(1, {runs}) AS i;
ALTER TABLE wasp_user ADD PRIMARY KEY (id);
ALTER TABLE fastapi_user ADD PRIMARY KEY (id);
ALTER TABLE fastapi_run ADD PRIMARY KEY (id);
CREATE INDEX ON fastapi_run (user_id, created_at);
CREATE INDEX ON fastapi_run (created_at);
"""
_INTERNAL = """EXISTS (
    SELECT FROM unnest('{own.example}'::text[]) AS own
    WHERE lower(trim(w.email)) = own
        OR (own NOT LIKE '%@%' AND right(lower(trim(w.email)), length(own) + 1) IN ('@' || own, '.' || own))
)"""
_RUNS = "fastapi_run AS r JOIN fastapi_user AS f ON f.id = r.user_id JOIN wasp_user AS w ON w.id = f.wasp_user_id"
_CAUSE = r"""regexp_replace(regexp_replace(regexp_replace(split_part(btrim(regexp_replace(r.run_error_log,
    '\x1b\[[0-9;?]*[ -/]*[@-~]', '', 'g'), E' \n'), chr(10),
    CASE WHEN r.run_error_log ~ '^(\x1b\[[0-9;?]*[ -/]*[@-~])*Traceback' THEN -1 ELSE 1 END),
    '\m(?=[\w-]*\d)[\w-]{8,}\M', '…', 'g'),
    '(?<![=\w])(?:\d+(?=\s*(?:m?s|[KMG]i?B)\M)|(?![45]\d\d\M)\d+)\M', '…', 'g'),
    '^(.{79}).{2,}$', '\1…')"""
BY_HAND = {
    "neon/run_activity": f"""SELECT lower(trim(w.email)) AS email, count(*) AS run_count,
    count(*) FILTER (WHERE r.created_at > {{as_of}} - make_interval(days => {{days}}::int)) AS runs_recent,
    count(*) FILTER (WHERE r.run_state IN ('success', 'completed')) AS runs_completed,
    count(*) FILTER (WHERE r.run_state = 'failed') AS runs_failed,
    max(r.created_at) AS last_run_at, max(r.created_at) FILTER (WHERE r.run_state = 'failed') AS last_failed_run_at,
    mode() WITHIN GROUP (ORDER BY {_CAUSE}) FILTER (WHERE r.run_state = 'failed') AS top_failure
FROM {_RUNS} WHERE r.created_at <= {{as_of}} AND NOT {_INTERNAL} GROUP BY lower(trim(w.email))""",
    "neon/failed_runs": f"""SELECT r.created_at AS at, lower(trim(w.email)) AS email,
    left(split_part(btrim(r.run_error_log, E' \\n'), chr(10),
        CASE WHEN r.run_error_log LIKE 'Traceback%' THEN -1 ELSE 1 END), 200) AS error, r.id AS run_id
FROM {_RUNS.replace(" JOIN", " LEFT JOIN")}
WHERE r.run_state = 'failed' AND r.created_at <= {{as_of}}
    AND r.created_at > {{as_of}} - make_interval(days => {{days}}::int) AND NOT {_INTERNAL}
ORDER BY r.created_at DESC, r.id DESC""",
    "neon/user_runs": f"""SELECT CASE WHEN r.run_state IN ('success', 'completed') THEN 'ok' WHEN r.run_state = 'failed'
    THEN 'failed' WHEN r.run_state IN ('running', 'queued', 'pending') THEN 'running'
    WHEN r.run_state IN ('cancelled', 'canceled') THEN 'cancelled' ELSE 'unknown' END AS outcome,
    CASE WHEN r.run_state <> 'failed' THEN NULL ELSE r.run_error_log END AS message,
    count(*) AS runs, min(r.created_at) AS first_at, max(r.created_at) AS last_at
FROM {_RUNS} WHERE lower(trim(w.email)) = ANY ({{email}}) AND r.created_at <= {{as_of}} AND NOT {_INTERNAL}
GROUP BY 1, 2 ORDER BY runs DESC, outcome, message""",
}  # fmt: skip
VALUES = {
    "as_of": "timestamptz '2026-11-20 09:00+00'",
    "days": "30",
    "internal": "'{own.example}'::text[]",
    "email": "ARRAY['p77@x27.example', 'p4711@x11.example']",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        address = embedded_postgres.start(Path(folder) / "postgres")
        try:
            with psycopg.connect(address, autocommit=True) as connection:
                compare(connection, options.scale, options.rounds)
        finally:
            embedded_postgres.stop(Path(folder) / "postgres")


def compare(connection: Any, scale: float, rounds: int) -> None:
    accounts, runs = round(1_000_000 * scale), round(5_000_000 * scale)
    connection.execute(TABLES.format(accounts=accounts, runs=runs))
    connection.execute("VACUUM ANALYZE")
    library = Library([shipped_root() / "queries"])
    print(f"{accounts:,} accounts, {runs:,} runs; seconds in PostgreSQL, median of {rounds} or more")
    for name, by_hand in BY_HAND.items():
        versions = {"by hand": filled(by_hand), "entities": filled(library[name].sql)}
        first, second = (connection.execute(sql).fetchall() for sql in versions.values())
        assert first == second or sorted(map(str, first)) == sorted(map(str, second)), name
        times: dict[str, list[float]] = {version: [] for version in versions}
        while sum(times["entities"]) < 5 or len(times["entities"]) < rounds:  # short queries are run for five seconds
            for version, sql in versions.items():
                plan = connection.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}").fetchone()[0][0]
                times[version].append((plan["Planning Time"] + plan["Execution Time"]) / 1000)
        hand, own = (median(each) for each in times.values())
        print(f"{name:20} by hand {hand:7.3f}   entities {own:7.3f}   ratio {own / hand:.2f}")


def filled(sql: str) -> str:
    """``sql`` with literal values, as every version of it gets them."""
    for name, start, end in reversed(placeholders(sql, "neon")):
        sql = f"{sql[:start]}{VALUES[name]}{sql[end:]}"
    return sql


if __name__ == "__main__":
    main()
