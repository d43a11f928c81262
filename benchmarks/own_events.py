"""Events in the company's own Postgres: copied the first time, a run with nothing new, beside a bare COPY of the rows.

Processor seconds are those of usertrack and of PostgreSQL. The run with nothing new stands beside the same question
where the copy has no events at all: the difference is the look at Postgres.

    python benchmarks/own_events.py [--events 1000000]
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from usertrack.demo import embedded_postgres

TABLES = """
CREATE TABLE "User" (id text PRIMARY KEY, email text NOT NULL UNIQUE, "signedUpAt" timestamptz NOT NULL);
CREATE TABLE "Event" (
    id text PRIMARY KEY, "userId" text NOT NULL REFERENCES "User", name text NOT NULL, properties jsonb NOT NULL,
    "sessionId" text, "createdAt" timestamptz NOT NULL
);
CREATE INDEX ON "Event" ("userId", "createdAt");
CREATE INDEX ON "Event" (name, "createdAt");
"""
USERS = """INSERT INTO "User" SELECT 'u' || i, 'user' || i || '@x.example', now() - interval '90 days'
FROM generate_series(0, {users}) AS i"""
EVENTS = """INSERT INTO "Event" SELECT 'event' || lpad(i::text, 20, '0'), 'u' || i::bigint * 7919 % {users},
    (ARRAY['signed_up', 'workspace_created', 'feature_used', 'report_generated'])[1 + i % 4],
    jsonb_build_object('path', '/p/' || i % 1000, 'platform', 'web', 'price', i % 10000 / 100.0),
    's' || i / 5, now() - interval '90 days' + i * (interval '90 days' / {events})
FROM generate_series(1, {events}) AS i"""
FILES = {
    "usertrack.yaml": "tables: {runs: none, calls: none, code_runs: none, deployments: none, agent_runs: none}\n",
    "tables/neon/accounts.sql": (
        '-- title: Accounts\nSELECT id AS account_id, email, "signedUpAt" AS signed_up_at FROM "User"\n'
    ),
    "tables/neon/events.sql": (
        '-- title: Events\nSELECT id, "userId" AS person, name, "createdAt" AS time, properties, "sessionId" AS session'
        ' FROM "Event" WHERE true\n'
    ),
}
ASK = [sys.executable, "-m", "usertrack", "query", "run", "--source", "posthog", "--sql", "SELECT count() FROM events"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    events = parser.parse_args().events
    with tempfile.TemporaryDirectory(prefix="own-events-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        dsn = embedded_postgres.start(folder / "postgres")
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(TABLES.encode())
            connection.execute(USERS.format(users=events // 50).encode())
            connection.execute(EVENTS.format(events=events, users=events // 50).encode())
            connection.execute(b"VACUUM ANALYZE")
        for path, text in FILES.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        os.environ |= {"DATABASE_URL": dsn, "XDG_CACHE_HOME": name, "XDG_CONFIG_HOME": name, "XDG_RUNTIME_DIR": name}
        os.chdir(folder)
        server = int((folder / "postgres/postmaster.pid").read_text().split()[0])
        bare = timed("bare COPY into a file", lambda: copy(dsn, folder / "rows.csv"), server)
        first = timed(f"first run, {events} events", ask, server)
        print(f"processor time: {first / bare:.1f} times that of the bare COPY")
        timed("a run with nothing new", ask, server, rounds=5)
        file = folder / "tables/neon/events.sql"
        file.write_text(FILES["tables/neon/events.sql"].replace("true", "false"))
        ask()
        timed("the same question of no events", ask, server, rounds=5)
        embedded_postgres.stop(folder / "postgres")


def ask() -> None:
    subprocess.run(ASK, check=True, capture_output=True)


def copy(dsn: str, file: Path) -> None:
    with (
        psycopg.connect(dsn) as connection,
        connection.cursor() as cursor,
        file.open("wb") as rows,
        cursor.copy('COPY "Event" TO STDOUT (FORMAT csv)') as data,
    ):
        for row in data:
            rows.write(row)


def timed(what: str, work: Callable[[], None], server: int, rounds: int = 1) -> float:
    """Print the best wall time of ``rounds``, and return the processor seconds of one, of both sides."""
    time.sleep(1)  # PostgreSQL counts a backend's time when that has ended
    wall, begun, processor = [], server_seconds(server), own_seconds()
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        wall.append(time.perf_counter() - start)
    time.sleep(1)
    ours, theirs = (
        (now - then) / rounds for now, then in ((own_seconds(), processor), (server_seconds(server), begun))
    )
    print(f"{what:34} {min(wall):6.2f} s   processor: {ours:.2f} s here, {theirs:.2f} s in PostgreSQL", flush=True)
    return ours + theirs


def own_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def server_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
