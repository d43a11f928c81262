"""`usertrack segments` beside the same SQL run by hand (`by_hand.py`): on the demo, or on a world of any size.

`python benchmarks/segments.py` measures the warm demo, `--users 1000000 --days 7 --events 10000000` a large world, and
`--served` also the command line against `usertrack serve` in a process of its own.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from demo_world import USERTRACK, build, parser_of
from plan import silent
from side_by_side import Contestant, compare, script

KEYS = {"USERTRACK_PROJECT_TOKEN": "phc_benchmark", "USERTRACK_PERSONAL_API_KEY": "phx_benchmark"}


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--served", action="store_true")
    options = parser.parse_args()
    folder = build(options)
    plan = folder / "plan.json"
    subprocess.run(
        [sys.executable, script("plan.py"), str(plan), "segments"], check=True
    )  # its engines are closed with it

    segments = [*USERTRACK, "segments"]
    export = [*segments, "--format", "csv", "--output", str(folder / "segments.csv")]
    contestants = [
        Contestant(
            "by hand, bare engines", [sys.executable, script("by_hand.py"), str(plan), str(folder / "hand.csv")]
        ),
        Contestant("usertrack segments", segments),
        Contestant("usertrack segments -f csv -o FILE", export),
    ]
    rounds = options.rounds or (9 if options.users <= 20_000 else 3)
    by_hand = compare(
        f"{options.users:,} accounts, {options.days} days, engines in the same process", contestants, rounds=rounds
    )
    if options.served:
        with _served() as env:
            served = [Contestant("usertrack segments -f csv -o FILE", export, env)]
            compare("the same beside `usertrack serve` and a running Postgres", served, rounds=rounds, baseline=by_hand)


@contextmanager
def _served() -> Iterator[dict[str, str]]:
    """The demo's events behind `usertrack serve`, its Postgres started; yields the settings that connect to both."""
    from usertrack.demo.sources import open_last_demo
    from usertrack.workspace.demo_choice import cache_root

    demo = open_last_demo(cache_root(), now=datetime.now(UTC), notify=silent)
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
