"""The burst test of `usertrack failures` held to its promise: false alarms in months of seven kinds in which people
fail for reasons of their own, and how often it sees an outage in such months.

    python benchmarks/failure_worlds.py [--worlds 60] [--only nights] [--seed 1]
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

from tests.failure_worlds import HOUR, KINDS, NOW, Kind, Run, alarms, outage, quiet, write
from tests.people import SCHEMA
from usertrack.demo import postgres
from usertrack.library import Library, shipped_root
from usertrack.run import Runner
from usertrack.settings import load
from usertrack.sources.postgres import Postgres

OUTAGES = {"outage of 1 hour": (1, 0.9), "of 3 hours": (3, 0.9), "of 3 hours, half the runs": (3, 0.5)}


@contextmanager
def asked(dsn: str) -> Iterator[Runner]:
    async def address() -> str:
        return dsn

    settings = load(env={}, workspace=Path(__file__).parent)
    with Runner(
        settings, Library([shipped_root() / "queries"]), NOW.replace(tzinfo=UTC), {"neon": Postgres(address)}
    ) as runner:
        yield runner


def seen(dsn: str, runs: list[Run]) -> list[tuple[datetime, datetime]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("TRUNCATE wasp_user, fastapi_user, fastapi_run")
        write(connection, runs)
    with asked(dsn) as runner:
        return [(one.start, one.end) for one in alarms(runner, runs)]


def world(dsn: str, kind: Kind, luck: random.Random) -> tuple[int, ...]:
    """Whether there was a false alarm, and whether each of the outages was seen."""
    runs = quiet(kind, luck)
    start = (NOW - timedelta(days=luck.randint(3, 25))).replace(hour=luck.randint(9, 15))
    found = [bool(seen(dsn, runs))]
    for hours, share in OUTAGES.values():
        times = seen(dsn, outage(runs, start, hours, luck, share))
        found.append(any(begin < start + hours * HOUR and start < end for begin, end in times))
    return tuple(map(int, found))


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--worlds", type=int, default=60)
    options.add_argument("--only", choices=KINDS)
    options.add_argument("--seed", type=int, default=1)
    args = options.parse_args()
    print("| kind | months | false alarms |", *(f"{outage} seen |" for outage in OUTAGES))
    with tempfile.TemporaryDirectory(prefix="usertrack-") as directory:
        dsn = postgres.start(Path(directory) / "pg")
        try:
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(SCHEMA.encode())
            for name in [args.only] if args.only else KINDS:
                luck = random.Random(f"{args.seed} {name}")
                counts = [world(dsn, KINDS[name], luck) for _ in range(args.worlds)]
                print(
                    f"| {name} | {args.worlds} |", *(f"{sum(each)} |" for each in zip(*counts, strict=True)), flush=True
                )
        finally:
            postgres.stop(Path(directory) / "pg")


if __name__ == "__main__":
    main()
