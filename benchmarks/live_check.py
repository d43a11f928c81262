"""What the live check of a tracking plan costs the ingest: events per second with and without a plan, in turns.

    python benchmarks/live_check.py [--events 5000] [--rounds 20] [--batch 100] [--connections 8]

Three servers run at once: without a plan, with one that all events conform to, and with one that every event breaks.
Each round sends the same load to each of them, one after the other, so that a busy machine slows all of them. The load
is made before the clock starts, which stops when nothing waits in the log any more: events are checked when they are
stored, after they were acknowledged. Ratios are medians over the rounds: of the rate, and of the CPU time per event,
which depends less on what else runs on the machine.
"""

import argparse
import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

TOKEN, KEY = "phc_benchmark", "phx_benchmark"
EVENTS = ("report_exported", "report_opened", "dashboard_viewed")
PROPERTIES = """
properties:
  team_slug: string
  format: {type: string, values: [csv, pdf, xlsx]}
  rows: integer
  share: number
  filtered: boolean
  ready_at: datetime
"""
CONFORMING = (
    PROPERTIES
    + "events:\n"
    + "".join(
        f"  {name}: {{required: [team_slug, format], properties: [rows, share, filtered, ready_at]}}\n"
        for name in EVENTS
    )
)
BREAKING = (
    PROPERTIES.replace("rows: integer", "rows: string")
    + "events:\n"
    + "".join(f"  {name}: {{required: [team_slug, owner], properties: [rows, share, filtered]}}\n" for name in EVENTS)
)


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers = {
            name: stack.enter_context(serving(Path(folder) / name.replace(" ", "-"), plan))
            for name, plan in (("no plan", ""), ("conforming", CONFORMING), ("breaking", BREAKING))
        }
        measured: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
        for number in range(options.rounds + 1):
            for name, server in random.sample(sorted(servers.items()), len(servers)):
                measure = send(server, options.events, options.batch, options.connections)
                if number:  # the first round warms up
                    measured[name].append(measure)
    print(f"{'':12} {'events/s':>10} {'of no plan':>13} {'CPU µs/event':>14} {'of no plan':>13}")
    for name, measures in measured.items():
        rate, cpu = (statistics.median(values) for values in zip(*measures, strict=True))
        of_rate, of_cpu = (ratio(measures, measured["no plan"], of) for of in (0, 1))
        print(f"{name:12} {rate:10.0f} {of_rate:>13} {cpu * 1e6:14.1f} {of_cpu:>13}")


def ratio(measures: list[tuple[float, float]], bare: list[tuple[float, float]], of: int) -> str:
    """The median of the ratios within each round, and how sure it is: a standard error."""
    ratios = [measure[of] / other[of] for measure, other in zip(measures, bare, strict=True)]
    return f"{statistics.median(ratios):.3f} ±{1.25 * statistics.stdev(ratios) / len(ratios) ** 0.5:.3f}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("events", 5_000), ("rounds", 20), ("batch", 100), ("connections", 8)):
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()


@contextmanager
def serving(folder: Path, plan: str) -> Iterator[tuple[str, int]]:
    """The address of a server, and the id of its process."""
    folder.mkdir()
    command = [sys.executable, "-m", "usertrack", "serve", "--port", "0", "--data", str(folder / "data")]
    if plan:
        (folder / "tracking.yaml").write_text(plan)
        command += ["--plan", str(folder / "tracking.yaml")]
    env = {**os.environ, "USERTRACK_PROJECT_TOKEN": TOKEN, "USERTRACK_PERSONAL_API_KEY": KEY}
    server = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
    assert server.stderr
    try:
        line = next(line for line in server.stderr if " at http" in line)
        yield line.partition(" at ")[2].partition(",")[0], server.pid
    finally:
        server.terminate()
        server.wait()


def send(server: tuple[str, int], events: int, batch: int, connections: int) -> tuple[float, float]:
    """Events stored per second, and the CPU seconds of the server per event."""
    url, process = server
    bodies = [body(batch) for _ in range(events // batch)]
    threads = [threading.Thread(target=post, args=(url, bodies)) for _ in range(connections)]
    count = len(bodies) * batch
    cpu, began = cpu_seconds(process), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    settle(url)
    return count / (time.perf_counter() - began), (cpu_seconds(process) - cpu) / count


def settle(url: str) -> None:
    """Wait until nothing waits in the log."""
    asking = urllib.request.Request(f"{url}/metrics", headers={"Authorization": f"Bearer {KEY}"})
    while b"\nusertrack_log_waiting_requests 0\n" not in urllib.request.urlopen(asking).read():
        time.sleep(0.02)


def cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def post(url: str, bodies: list[bytes]) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    while True:
        try:
            data = bodies.pop()
        except IndexError:
            return
        connection.request("POST", "/batch/", data, {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        assert response.status == 200, response.status


def body(batch: int) -> bytes:
    return json.dumps({"api_key": TOKEN, "batch": [event() for _ in range(batch)]}).encode()


def event() -> dict[str, object]:
    return {
        "uuid": str(uuid4()),
        "event": random.choice(EVENTS),
        "distinct_id": f"u{random.randrange(5000)}",
        "timestamp": "2026-11-20T09:00:00Z",
        "properties": {
            "$lib": "posthog-python",
            "$lib_version": "7.91.0",
            "$session_id": str(uuid4()),
            "$current_url": "http://app.example/reports",
            "team_slug": "acme",
            "format": random.choice(("csv", "pdf")),
            "rows": random.randrange(1000),
            "share": random.random(),
            "filtered": random.random() < 0.5,
            "ready_at": "2026-11-20T09:00:00Z",
        },
    }


if __name__ == "__main__":
    main()
