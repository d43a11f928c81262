"""How long after an event was sent to `usertrack serve` everybody who looks at /live sees it.

    python benchmarks/live_page.py [--rate 1000] [--viewers 100] [--sleepers 10] [--seconds 30] [--no-browser]

Everything is on this machine: a server, `usertrack open`, who sends (batches of five, at a steady rate, of 300 people),
the viewers with their streams, and a real Chromium. Each message says how many events its page has counted: an event is
seen when that number has reached its own. Times count from the moment at which the event was due to be sent. Sleepers
take nothing from their streams until all is sent: how long they then need for the state of that moment, and how much
they are sent for it.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

TOKEN, KEY = "phc_benchmark", "phx_benchmark"
BATCH, PEOPLE, HEADER = 5, 300, "X-Forwarded-Email"
COUNTED = re.compile(rb'"live-events": "([0-9 \xc2\xa0]+) event')
WATCH = """
() => {
  const place = document.getElementById("live-events");
  window.seen = [];
  new MutationObserver(() => seen.push([Number(place.textContent.replace(/[^0-9]/g, "")), Date.now() / 1000]))
    .observe(place, { childList: true, characterData: true, subtree: true });
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rate", 1_000), ("viewers", 100), ("sleepers", 10), ("seconds", 30)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--no-browser", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, serving(Path(name)) as server, pages(Path(name), server) as url:
        figures = asyncio.run(measured(server, url, options))
    for name, value in figures.items():
        print(f"{name:<44}{value:>12.3f}")


async def measured(server: str, url: str, options: argparse.Namespace) -> dict[str, float]:
    await send(server, batches(PEOPLE, "$identify"), 200)
    async with asyncio.timeout(120):
        while (base := await counted(url)) < PEOPLE:
            await asyncio.sleep(0.5)
    sights: list[list[tuple[int, float]]] = [[] for _ in range(options.viewers)]
    weights = [0] * options.viewers
    watching = [asyncio.create_task(look(url, sights[n], weights, n)) for n in range(options.viewers)]
    dawn = asyncio.Event()
    sleeping = [asyncio.create_task(sleep(url, dawn)) for _ in range(options.sleepers)]
    browser = None if options.no_browser else Browser(f"{url}/live")
    await asyncio.sleep(5)
    due = await send(server, batches(options.rate * options.seconds, "$pageview"), options.rate / BATCH)
    await asyncio.sleep(3)
    for task in watching:
        task.cancel()
    total.append(base + len(due))
    dawn.set()
    slept = await asyncio.gather(*sleeping)
    latencies = [seconds for seen in sights for seconds in delays(seen, due, base)]
    figures = {
        "events sent": float(len(due)),
        "events a second": len(due) / (due[-1] - due[0]),
        "sights of an event": float(len(latencies)),
        "missed sights": float(len(due) * options.viewers - len(latencies)),
        "p50 s, a viewer": quantile(latencies, 0.5),
        "p99 s, a viewer": quantile(latencies, 0.99),
        "most s, a viewer": max(latencies),
        "kB a second, a viewer": sum(weights) / options.viewers / (options.seconds + 8) / 1000,
    }
    if slept:
        figures |= {"s until a sleeper is up to date": max(seconds for seconds, _ in slept)}
        figures |= {"kB that takes": max(size for _, size in slept) / 1000}
    if browser:
        own = list(delays(browser.close(), due, base))
        figures |= {"p50 s, Chromium": quantile(own, 0.5), "p99 s, Chromium": quantile(own, 0.99)}
    return figures


def delays(seen: list[tuple[int, float]], due: list[float], base: int) -> Iterator[float]:
    """For each event, when the count first reached it, since it was due."""
    reached = 0
    for total, at in seen:
        for number in range(reached, min(total - base, len(due))):
            yield at - due[number]
        reached = max(reached, total - base)


async def look(url: str, seen: list[tuple[int, float]], weights: list[int], number: int) -> None:
    """A viewer: the stream of /live over a connection of its own."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1 << 24)
    head = f"GET /live/stream HTTP/1.1\r\nHost: {parts.netloc}\r\n{HEADER}: viewer{number}@acme.example\r\n\r\n"
    writer.write(head.encode())
    while line := await reader.readline():
        weights[number] += len(line)
        if match := COUNTED.search(line):
            seen.append((int(re.sub(rb"\D", b"", match[1])), time.time()))


total: list[int] = []  # how many events there are in the end


async def sleep(url: str, dawn: asyncio.Event) -> tuple[float, int]:
    """A viewer who takes nothing until ``dawn``: seconds and bytes until they see what is so then."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1024)
    writer.write(f"GET /live/stream HTTP/1.1\r\nHost: {parts.netloc}\r\n{HEADER}: sleeper\r\n\r\n".encode())
    await dawn.wait()
    began, size, rest = time.time(), 0, b""
    while chunk := await reader.read(1 << 16):
        size, rest = size + len(chunk), (rest + chunk)[-(1 << 20) :]
        if any(int(re.sub(rb"\D", b"", match[1])) >= total[0] for match in COUNTED.finditer(rest)):
            break
    else:  # who took nothing for so long was let go, and comes back with the number of the last message
        writer.close()
        seen: list[tuple[int, float]] = []
        weights = [0]
        coming_back = asyncio.create_task(look(url, seen, weights, 0))
        while not seen or seen[-1][0] < total[0]:
            await asyncio.sleep(0.01)
        coming_back.cancel()
        size += weights[0]
    return time.time() - began, size


async def counted(url: str) -> int:
    """How many events the page has counted by now."""
    seen: list[tuple[int, float]] = []
    with suppress(TimeoutError):
        await asyncio.wait_for(look(url, seen, [0], 0), 2)
    return seen[-1][0] if seen else 0


def batches(events: int, name: str) -> Iterator[tuple[int, bytes]]:
    for first in range(0, events, BATCH):
        numbers = range(first, min(first + BATCH, events))
        batch = [event(name, number % PEOPLE) for number in numbers]
        yield len(batch), json.dumps({"api_key": TOKEN, "batch": batch}).encode()


def event(name: str, number: int) -> dict[str, Any]:
    email = f"person{number}@acme.example"
    properties: dict[str, Any] = {"$pathname": f"/page/{number % 17}/edit", "$session_id": f"session {number}"}
    if name == "$identify":
        properties["$set"] = {"email": email}
    return {"uuid": str(uuid4()), "event": name, "distinct_id": email, "properties": properties}


async def send(server: str, bodies: Iterator[tuple[int, bytes]], rate: float) -> list[float]:
    """Send ``rate`` requests a second over 16 connections; returns when each event was due, in their order."""
    parts = urlsplit(server)
    begin, due = time.time() + 0.2, list[float]()
    plan = ((begin + number / rate, count, body) for number, (count, body) in enumerate(bodies))

    async def client() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        for moment, count, body in plan:
            due.extend([moment] * count)
            await asyncio.sleep(max(0, moment - time.time()))
            head = f"POST /batch/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
            writer.write(f"{head}\r\n\r\n".encode() + body)
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert answer.startswith(b"http/1.1 200"), answer
            await reader.readexactly(int(answer.partition(b"content-length:")[2].split(b"\r\n")[0]))
        writer.close()

    await asyncio.gather(*(client() for _ in range(16)))
    return due


class Browser:
    """A Chromium that looks at the page, in a thread."""

    def __init__(self, url: str) -> None:
        self._url, self._end, self._seen = url, threading.Event(), list[tuple[int, float]]()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def close(self) -> list[tuple[int, float]]:
        self._end.set()
        self._thread.join()
        return self._seen

    def _look(self) -> None:
        from playwright.sync_api import sync_playwright

        with sync_playwright() as driver:
            chromium = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = chromium.new_context(extra_http_headers={HEADER: "browser@acme.example"}).new_page()
            page.goto(self._url)
            page.evaluate(WATCH)
            self._end.wait()
            self._seen = [(int(count), float(at)) for count, at in page.evaluate("seen")]
            chromium.close()


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    keys = {"USERTRACK_PROJECT_TOKEN": TOKEN, "USERTRACK_PERSONAL_API_KEY": KEY}
    with process(folder, keys, "serve", "--port", "0", "--data", str(folder / "data")) as line:
        yield line.partition(" at ")[2].partition(",")[0]


@contextmanager
def pages(folder: Path, server: str) -> Iterator[str]:
    (folder / "usertrack.yaml").write_text("history: off\n")
    keys = {"POSTHOG_HOST": server, "POSTHOG_PROJECT_ID": "1", "POSTHOG_PERSONAL_API_KEY": KEY}
    with process(folder, keys, "open", "--port", "0", "--no-browser", "--proxy-header", HEADER) as line:
        yield line.partition(" at ")[2].partition(";")[0]


@contextmanager
def process(folder: Path, keys: dict[str, str], *arguments: str) -> Iterator[str]:
    """The line in which it says its address."""
    command = [sys.executable, "-m", "usertrack", *arguments]
    running = subprocess.Popen(command, env={**os.environ, **keys}, cwd=folder, stderr=subprocess.PIPE, text=True)
    assert running.stderr
    lines = running.stderr
    try:
        yield next(line for line in lines if " at http" in line)
    finally:
        running.terminate()
        running.wait()


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


if __name__ == "__main__":
    main()
