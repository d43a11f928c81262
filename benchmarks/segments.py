"""`usertrack segments` beside the same SQL run by hand (`by_hand.py`): on the demo, or on a world of any size.

`python benchmarks/segments.py` measures the warm demo, `--users 1000000 --days 7 --events 10000000` a large world, and
`--served` also the command line against `usertrack serve` in a process of its own.
"""

import argparse
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from plan import silent
from side_by_side import Contestant, compare, here

KEYS = {"USERTRACK_PROJECT_TOKEN": "phc_benchmark", "USERTRACK_PERSONAL_API_KEY": "phx_benchmark"}


def main() -> None:
    wanted = _arguments()
    world = "-".join(str(size) for size in (wanted.users, wanted.days, wanted.events) if size)
    folder = (wanted.folder / world).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    os.environ["USERTRACK_DEMO"] = "1"
    usertrack = [sys.executable, "-m", "usertrack"]
    subprocess.run([*usertrack, "demo", "--users", str(wanted.users), "--days", str(wanted.days)], check=True)
    if wanted.events:
        subprocess.run([sys.executable, here("thin.py"), str(wanted.events)], check=True)
    plan = folder / "plan.json"
    subprocess.run(
        [sys.executable, here("plan.py"), str(plan), "segments"], check=True
    )  # its engines are closed with it

    segments = [*usertrack, "segments"]
    export = [*segments, "--format", "csv", "--output", str(folder / "segments.csv")]
    contestants = [
        Contestant("by hand, bare engines", [sys.executable, here("by_hand.py"), str(plan), str(folder / "hand.csv")]),
        Contestant("usertrack segments", segments),
        Contestant("usertrack segments -f csv -o FILE", export),
    ]
    rounds = wanted.rounds or (9 if wanted.users <= 20_000 else 3)
    by_hand = compare(
        f"{wanted.users:,} accounts, {wanted.days} days, engines in the same process", contestants, rounds=rounds
    )
    if wanted.served:
        with _served() as env:
            served = [Contestant("usertrack segments -f csv -o FILE", export, env)]
            compare("the same beside `usertrack serve` and a running Postgres", served, rounds=rounds, baseline=by_hand)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--events", type=int, help="leave so many of the world's events")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--served", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path.home() / ".cache" / "usertrack-benchmarks")
    return parser.parse_args()


@contextmanager
def _served() -> Iterator[dict[str, str]]:
    """The demo's events behind `usertrack serve`, its Postgres started; yields the settings that connect to both."""
    from usertrack.sources.demo import cache_root, open_chosen

    demo = open_chosen(cache_root(), now=datetime.now(UTC), notify=silent)
    port = _free_port()
    serve = [sys.executable, "-m", "usertrack", "serve", "--data", str(demo.store_path), "--port", str(port)]
    server = subprocess.Popen(serve, env=os.environ | KEYS, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield {
            "USERTRACK_DEMO": "",
            "POSTHOG_HOST": f"http://127.0.0.1:{port}",
            "POSTHOG_PROJECT_ID": "1",
            "POSTHOG_PERSONAL_API_KEY": KEYS["USERTRACK_PERSONAL_API_KEY"],
            "DATABASE_URL": demo.postgres_dsn(),
            "USERTRACK_AS_OF": demo.as_of.isoformat(),
        }
    finally:
        server.terminate()
        server.wait()
        demo.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("usertrack serve did not start")


if __name__ == "__main__":
    main()
