"""`usertrack import events` of a parquet file, beside the bare INSERT … SELECT FROM file() of chDB into the same table.

The bare insert gives every row a random uuid and no person. Usertrack also proves every row, names each event by its
content, makes persons and property definitions, and looks for what is there already.

    python benchmarks/import_events.py [--events 1000000] [--rounds 3]
"""

import argparse
import shutil
import sys
from importlib import resources
from pathlib import Path

from side_by_side import Contestant, compare

HOME = Path.home() / ".cache" / "usertrack-benchmarks"
NAMES = ("$pageview", "feature_used", "signup", "purchase", "mcp_connect_clicked")
PROPERTIES = "concat('{\"path\":', toJSONString(path), ',\"platform\":', toJSONString(platform), ',\"price\":', "
PROPERTIES += "toJSONString(price), '}')"


def make(file: Path, events: int) -> None:
    """``events`` of a fiftieth as many users over 90 days, in the order of time."""
    import chdb

    rows = f"""
        SELECT concat('user_', toString(cityHash64(number) % {max(1, events // 50)})) AS user_id,
            {list(NAMES)}[1 + cityHash64(number, 1) % {len(NAMES)}] AS action,
            toDateTime64('2026-08-01', 6, 'UTC') + toIntervalMicrosecond(cityHash64(number, 2) % 7776000000000) AS ts,
            round(cityHash64(number, 3) % 10000 / 100, 2) AS price,
            ['web', 'ios', 'android'][1 + cityHash64(number, 4) % 3] AS platform,
            concat('/p/', toString(cityHash64(number, 5) % 1000)) AS path
        FROM numbers({events}) ORDER BY ts"""
    chdb.query(f"INSERT INTO FUNCTION file('{file}', 'Parquet') {rows}")


def bare(file: str, folder: str) -> None:
    """The INSERT of somebody who knows ClickHouse, on the table that usertrack has."""
    import chdb

    connection = chdb.connect(folder)
    for statement in resources.files("usertrack.server.database").joinpath("schema.sql").read_text().split(";\n"):
        if statement.strip():
            connection.query(statement)
    connection.query(
        "INSERT INTO posthog.events (uuid, event, properties, timestamp, distinct_id)"
        f" SELECT generateUUIDv4(), action, {PROPERTIES}, ts, user_id FROM file('{file}')"
    )
    connection.close()


def usertrack(file: str, folder: str) -> None:
    from usertrack.cli.app import main

    sys.argv = ["usertrack", "import", "events", file, "--data", folder, "-o", "/dev/null", "-f", "json"]
    main()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    HOME.mkdir(parents=True, exist_ok=True)
    file = HOME / f"import-{options.events}.parquet"
    if not file.exists():
        make(file, options.events)
    folder = HOME / "import"
    contestants = [
        Contestant(name, [sys.executable, __file__, way, str(file), str(folder)])
        for name, way in (("chDB's own INSERT", "bare"), ("usertrack import events", "usertrack"))
    ]
    compare(f"{options.events:,} events from parquet", contestants, rounds=options.rounds)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] in ("bare", "usertrack"):
        shutil.rmtree(sys.argv[3], ignore_errors=True)
        {"bare": bare, "usertrack": usertrack}[sys.argv[1]](sys.argv[2], sys.argv[3])
    else:
        main()
