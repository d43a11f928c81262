"""Capture beside clients that hold connections: uvicorn alone, our front door, granian.

    python benchmarks/front_door.py [--idle 2000] [--slow 200] [--rate 200] [--seconds 20]

Each server gets a fresh store, and single events at a steady rate over 32 connections; a late answer counts from the
moment it was due. First alone, then while as many idle connections and slow ones (a byte a second of the headers, or
of a body) are held open, and opened again when they are closed. Throughput is that of 32 connections which send as
fast as they are answered. A refused or broken request is counted as failed. granian is measured where it is installed.
"""

import argparse
import asyncio
import importlib.util
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from ingest import KEY, TOKEN, exchange, quantile, request

SERVERS = ("uvicorn", "front door", "granian")
PATIENCE = 10  # seconds after which a request has failed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("idle", 2_000), ("slow", 200), ("rate", 200), ("seconds", 20), ("nofile", 20_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--serve", choices=SERVERS, help=argparse.SUPPRESS)
    parser.add_argument("--hold", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    if options.hold:
        asyncio.run(hold_all(options.hold, options.idle, options.slow))
        return
    print(f"{options.idle} idle, {options.slow} slow connections, {options.nofile} descriptors\n")
    print(f"{'':24}{'p50 ms':>9}{'p99 ms':>9}{'failed':>8}{'requests/s':>12}{'log KB':>9}{'open':>7}")
    for name in SERVERS:
        if name != "granian" or importlib.util.find_spec("granian"):
            measure(name, options)


def measure(name: str, options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, __file__, "--serve", name],
            env={**os.environ, "DATA": folder},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (options.nofile, options.nofile)),
        )
        try:
            assert process.stdout
            url = process.stdout.readline().strip()
            for beside in (False, True):
                asyncio.run(measured(url, name, options, log.name, beside=beside))
        finally:
            process.kill()
            process.wait()


async def measured(url: str, name: str, options: argparse.Namespace, log: str, *, beside: bool) -> None:
    holding = [sys.executable, __file__, "--hold", url, f"--idle={options.idle}", f"--slow={options.slow}"]
    holder = subprocess.Popen(holding, stdout=subprocess.PIPE, text=True) if beside else None  # its time is not ours
    await asyncio.sleep(5 if beside else 1)
    latencies: list[float] = []
    failed = await steady(url, options.rate, options.seconds, latencies)
    count = await throughput(url, options.seconds / 4)
    held = 0
    if holder and holder.stdout:
        holder.terminate()
        held = int(holder.stdout.read().split()[-1])
        holder.wait()
    p50, p99 = (quantile(latencies, share) if latencies else 0.0 for share in (0.5, 0.99))
    label = f"{name}{', beside' if beside else ', alone'}"
    size = os.path.getsize(log) / 1024
    print(f"{label:24}{p50:9.1f}{p99:9.1f}{failed:8}{count:12.0f}{size:9.0f}{held:7}", flush=True)


async def hold_all(url: str, idle: int, slow: int) -> None:
    """Hold connections, and print once a second how many are open."""
    open_now = [0]
    holders = [asyncio.create_task(hold(url, number, open_now, slow=number < slow)) for number in range(idle + slow)]
    while not all(holder.done() for holder in holders):
        await asyncio.sleep(1)
        print(open_now[0], flush=True)


async def hold(url: str, number: int, open_now: list[int], *, slow: bool) -> None:
    """Keep a connection open, and open it again when the server closes it."""
    head = b"POST /e/ HTTP/1.1\r\nHost: local\r\n"
    whole = head + b"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
    while True:
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
            open_now[0] += 1
            try:
                if not slow:
                    await reader.read()
                writer.write(head if number % 2 else whole)
                while not reader.at_eof():
                    writer.write(b"x")
                    with suppress(TimeoutError):
                        await asyncio.wait_for(reader.read(1000), 1)
            finally:
                open_now[0] -= 1
                writer.transport.abort()
        await asyncio.sleep(random.random())


async def steady(url: str, rate: int, seconds: int, latencies: list[float]) -> int:
    """Send ``rate`` requests a second, and return how many failed."""
    begin = time.perf_counter() + 0.2
    due = iter([(begin + number / rate, request(1)) for number in range(rate * seconds)])
    failed = 0

    async def client() -> None:
        nonlocal failed
        connection = None
        for moment, body in due:
            await asyncio.sleep(max(0, moment - time.perf_counter()))
            try:
                async with asyncio.timeout(PATIENCE):
                    connection = connection or await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
                    await exchange(*connection, body)
                latencies.append(time.perf_counter() - moment)
            except (OSError, TimeoutError, asyncio.IncompleteReadError, AssertionError):
                failed, connection = failed + 1, None

    await asyncio.gather(*(client() for _ in range(32)))
    return failed


async def throughput(url: str, seconds: float) -> float:
    """Return the answered requests a second of 32 connections."""
    end, count = time.perf_counter() + seconds, 0

    async def client() -> None:
        nonlocal count
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, AssertionError):
            connection = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
            while time.perf_counter() < end:
                async with asyncio.timeout(PATIENCE):
                    await exchange(*connection, request(1))
                count += 1

    await asyncio.gather(*(client() for _ in range(32)))
    return count / seconds


def serve(name: str) -> None:
    """Run a server of ``name`` over a fresh store, and print its address."""
    import uvicorn

    from usertrack.server.app import create_app
    from usertrack.server.database.store import Store
    from usertrack.server.http.front_door import FrontDoor
    from usertrack.server.http.log import to_stderr
    from usertrack.server.http.server_settings import ServerSettings
    from usertrack.server.serve import listen, tune_python

    to_stderr("text")
    store = Store(Path(os.environ["DATA"]) / "data")
    app = create_app(store, ServerSettings(TOKEN, KEY, requests_per_address=0))
    listener = listen("127.0.0.1", 0)
    address = listener.getsockname()
    tune_python()
    print(f"http://127.0.0.1:{address[1]}", flush=True)
    if name == "granian":
        listener.close()
        asyncio.run(serve_granian(app, address[1]))
    elif name == "front door":
        FrontDoor(app).run(sockets=[listener])
    else:
        config = uvicorn.Config(app, log_config=None, access_log=False, ws="none", lifespan="off")
        uvicorn.Server(config).run(sockets=[listener])


async def serve_granian(app: object, port: int) -> None:
    from granian.constants import HTTPModes, Interfaces  # type: ignore[import-not-found]
    from granian.http import HTTP1Settings  # type: ignore[import-not-found]
    from granian.server.embed import Server  # type: ignore[import-not-found]

    server = Server(
        app,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        backlog=2048,
        backpressure=4096,
        http1_settings=HTTP1Settings(header_read_timeout=10_000),
        log_enabled=False,
    )
    await server.serve()


if __name__ == "__main__":
    main()
