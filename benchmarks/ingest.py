"""What `usertrack serve` takes: events acknowledged and stored, beside what the disk and ClickHouse do.

    python benchmarks/ingest.py [--rounds 3] [--rate 1000] [--seconds 10]

Each round starts a server on an empty directory and sends, from this process on the same machine:
one request after the other; from 32 connections as fast as they are answered; at a steady rate, whatever the answers
take (a late answer counts from the moment it was due); and batches of 500 from 8 connections. "Stored" is until nothing
waits in the log any more. Ratios: to an fsync for each request, and to a bare INSERT of the same rows. Medians.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

TOKEN, KEY = "phc_benchmark", "phx_benchmark"
SINGLES, BATCHES, BATCH = 5_000, 200, 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rounds", 3), ("rate", 1_000), ("seconds", 10)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    figures: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for name, value in measured(options.rate, options.seconds).items():
            figures.setdefault(name, []).append(value)
    middle = {name: statistics.median(values) for name, values in figures.items()}
    rows = {
        **middle,
        "ratio: requests/s from 32 connections to fsyncs/s": middle["32 connections, requests/s"] / middle["fsyncs/s"],
        "ratio: stored/s to a bare INSERT": middle["batches, stored/s"] / middle["bare INSERT, rows/s"],
    }
    for name, value in rows.items():
        print(f"{name:<52}{value:>12.2f}")


def measured(rate: int, seconds: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result = {"fsyncs/s": fsyncs(folder), "bare INSERT, rows/s": bare_insert(folder)}
        with serving(folder) as url:
            result |= asyncio.run(sent(url, rate, seconds))
            asyncio.run(closed(url, [request(BATCH) for _ in range(40)], 8, []))  # persons that are new cost more
            settle(url)
            bodies = [request(BATCH) for _ in range(BATCHES)]
            began = time.perf_counter()
            asyncio.run(closed(url, bodies, 8, []))
            result["batches, acknowledged/s"] = BATCHES * BATCH / (time.perf_counter() - began)
            settle(url)
            result["batches, stored/s"] = BATCHES * BATCH / (time.perf_counter() - began)
    return result


async def sent(url: str, rate: int, seconds: int) -> dict[str, float]:
    result = {}
    for connections, count in ((1, SINGLES // 10), (32, SINGLES)):
        latencies: list[float] = []
        bodies = [request(1) for _ in range(count)]
        began = time.perf_counter()
        await closed(url, bodies, connections, latencies)
        name = f"{connections} connection{'s' if connections > 1 else ''}"
        result[f"{name}, requests/s"] = count / (time.perf_counter() - began)
        result[f"{name}, p99 ms"] = quantile(latencies, 0.99)
    latencies = []
    await steady(url, rate, seconds, latencies)
    return result | {f"{rate} requests/s, p{share} ms": quantile(latencies, share / 100) for share in (50, 99)}


async def closed(url: str, bodies: list[bytes], connections: int, latencies: list[float]) -> None:
    """Send ``bodies``, each connection as fast as it is answered."""

    async def client() -> None:
        reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
        while bodies:
            body, began = bodies.pop(), time.perf_counter()
            await exchange(reader, writer, body)
            latencies.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(client() for _ in range(connections)))


async def steady(url: str, rate: int, seconds: int, latencies: list[float]) -> None:
    """Send ``rate`` requests a second over 64 connections."""
    bodies = [request(1) for _ in range(rate * seconds)]
    begin = time.perf_counter() + 0.2
    due = iter([(begin + number / rate, body) for number, body in enumerate(bodies)])

    async def client() -> None:
        reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
        for moment, body in due:
            await asyncio.sleep(max(0, moment - time.perf_counter()))
            await exchange(reader, writer, body)
            latencies.append(time.perf_counter() - moment)
        writer.close()

    await asyncio.gather(*(client() for _ in range(64)))


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
    writer.write(body)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
    assert head.startswith(b"http/1.1 200"), head


def request(events: int) -> bytes:
    batch = [event() for _ in range(events)]
    body = json.dumps({"api_key": TOKEN, "batch": batch} if events > 1 else {"api_key": TOKEN, **batch[0]}).encode()
    path = "/batch/" if events > 1 else "/i/v0/e/"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: local\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def event() -> dict[str, object]:
    properties = {"$current_url": "http://app.example/page", "$session_id": str(uuid4()), "number": random.random()}
    return {
        "uuid": str(uuid4()),
        "event": random.choice(("$pageview", "feature_used", "clicked")),
        "distinct_id": f"u{random.randrange(20_000)}",
        "timestamp": "2026-11-20T09:00:00Z",
        "properties": properties,
    }


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "usertrack", "serve", "--port", "0", "--data", str(folder / "data")]
    keys = {"USERTRACK_PROJECT_TOKEN": TOKEN, "USERTRACK_PERSONAL_API_KEY": KEY}
    server = subprocess.Popen(command, env={**os.environ, **keys}, stderr=subprocess.PIPE, text=True)
    assert server.stderr
    try:
        line = next(line for line in server.stderr if " at http" in line)
        yield line.partition(" at ")[2].partition(",")[0]
    finally:
        server.terminate()
        server.wait()


def settle(url: str) -> None:
    """Wait until nothing waits in the log."""
    asking = urllib.request.Request(f"{url}/metrics", headers={"Authorization": f"Bearer {KEY}"})
    while b"\nusertrack_log_waiting_requests 0\n" not in urllib.request.urlopen(asking).read():
        time.sleep(0.02)


def fsyncs(folder: Path) -> float:
    with (folder / "synced").open("wb") as file:
        began = time.perf_counter()
        for _ in range(500):
            file.write(b"x" * 400)
            file.flush()
            os.fsync(file.fileno())
    return 500 / (time.perf_counter() - began)


def bare_insert(folder: Path) -> float:
    from chdb import connect  # type: ignore[import-untyped]

    database = connect(str(folder / "bare"))
    database.query(
        "CREATE TABLE events (uuid UUID, event LowCardinality(String), distinct_id String,"
        " timestamp DateTime64(6, 'UTC'), properties JSON) ENGINE = MergeTree ORDER BY timestamp"
    )
    blocks = ["\n".join(json.dumps(event()) for _ in range(10_000)) for _ in range(5)]
    began = time.perf_counter()
    for block in blocks:
        database.query(f"INSERT INTO events SETTINGS date_time_input_format = 'best_effort' FORMAT JSONEachRow {block}")
    seconds = time.perf_counter() - began
    database.close()
    return 50_000 / seconds


def quantile(latencies: list[float], share: float) -> float:
    return 1000 * sorted(latencies)[min(len(latencies) - 1, int(len(latencies) * share))]


if __name__ == "__main__":
    main()
