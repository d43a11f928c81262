"""Measures the burst test of `usertrack failures`: false alarms in months of seven kinds without an outage, and how
often it detects an outage in such months.

    python benchmarks/failure_worlds.py [--worlds 60] [--outages 20] [--only nights] [--seed 1]
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.failures.failure_worlds import HOUR, KINDS, NOW, Kind, Run, alarms, outage, quiet, write
from tests.people import SCHEMA
from usertrack.demo import embedded_postgres
from usertrack.engine.runner import Runner
from usertrack.library.library import Library, shipped_root
from usertrack.sources.postgres import Postgres
from usertrack.workspace.settings import load_settings

OUTAGES = {"outage of 1 hour": (1, 0.9), "of 3 hours": (3, 0.9), "of 3 hours, half the runs": (3, 0.5)}


@contextmanager
def runner_on(dsn: str) -> Iterator[Runner]:
    async def address() -> str:
        return dsn

    settings = load_settings(env={}, workspace=Path(__file__).parent)
    with Runner(
        settings, Library([shipped_root() / "queries"]), NOW.replace(tzinfo=UTC), {"neon": Postgres(address)}
    ) as runner:
        yield runner


def seen(dsn: str, runs: list[Run]) -> list[tuple[datetime, datetime]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("TRUNCATE wasp_user, fastapi_user, fastapi_run")
        write(connection, runs)
    with runner_on(dsn) as runner:
        return [(burst.start, burst.end) for burst in alarms(runner, runs)]


def outages_seen(dsn: str, runs: list[Run], luck: random.Random) -> Iterator[bool]:
    """Whether each of the outages is seen, at an hour of some day's working time."""
    start = (NOW - timedelta(days=luck.randint(3, 25))).replace(hour=luck.randint(9, 15))
    for hours, share in OUTAGES.values():
        times = seen(dsn, outage(runs, start, hours, luck, share))
        yield any(begin < start + hours * HOUR and start < end for begin, end in times)


def line(dsn: str, kind: Kind, luck: random.Random, months: int, with_outages: int) -> Iterator[str]:
    worlds = [quiet(kind, luck) for _ in range(months)]
    yield f"{sum(bool(seen(dsn, runs)) for runs in worlds)} of {months}"
    detections = [list(outages_seen(dsn, runs, luck)) for runs in worlds[:with_outages]]
    yield from (f"{sum(each)} of {len(each)}" for each in zip(*detections, strict=True))


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--worlds", type=int, default=60)
    options.add_argument("--outages", type=int, default=20, help="months of each kind in which outages are tried")
    options.add_argument("--only", choices=KINDS)
    options.add_argument("--seed", type=int, default=1)
    args = options.parse_args()
    print("| kind | false alarms |", *(f"{name} seen |" for name in OUTAGES))
    with tempfile.TemporaryDirectory(prefix="usertrack-") as directory:
        dsn = embedded_postgres.start(Path(directory) / "pg")
        try:
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(SCHEMA.encode())
            for name in [args.only] if args.only else KINDS:
                counts = line(dsn, KINDS[name], random.Random(f"{args.seed} {name}"), args.worlds, args.outages)
                print(f"| {name} |", *(f"{count} |" for count in counts), flush=True)
        finally:
            embedded_postgres.stop(Path(directory) / "pg")


if __name__ == "__main__":
    main()
