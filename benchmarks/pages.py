"""How long the pages of `usertrack open --demo` take: the first time, and when they are warm; and what they weigh.

    python benchmarks/pages.py [--rounds 5] [PATH…]

A warm page is the least of the rounds, beside the least of a page without parts (a 404) in the same run.
"""

import argparse
import gzip
import os
import signal
import subprocess
import sys
import time

import httpx

PATHS = (
    "/",
    "/segments",
    "/segments/failing",
    "/people/lena@northwind.example",
    "/activity",
    "/live",
    "/alerts",
    "/plan",
    "/queries",
    "/queries/posthog/mcp_connects?run=1",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("paths", nargs="*")
    arguments = parser.parse_args()
    opened = subprocess.Popen(
        [sys.executable, "-m", "usertrack", "open", "--demo", "--port", "0", "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "XDG_RUNTIME_DIR": "/tmp"},
    )
    assert opened.stdout
    link = opened.stdout.readline().strip()
    try:
        with httpx.Client(base_url=link.split("/login")[0], timeout=120) as client:
            client.get(link)
            print(f"{'page':44} {'first':>9} {'warm':>9} {'of 404':>7} {'bytes':>9} {'gzip':>8}")
            bare = min(_seconds(client, "/no-such-page")[0] for _ in range(arguments.rounds))
            for path in arguments.paths or PATHS:
                first, content = _seconds(client, path)
                warm = min(_seconds(client, path)[0] for _ in range(arguments.rounds))
                sizes = f"{len(content):9} {len(gzip.compress(content)):8}"
                print(f"{path:44} {first * 1000:6.0f} ms {warm * 1000:6.0f} ms {warm / bare:7.1f} {sizes}")
            scripts = [client.get(f"/assets/{name}").content for name in ("keys.js", "page.js", "send.js", "live.js")]
            print("scripts, gzip:", sum(len(gzip.compress(script)) for script in scripts), "bytes")
    finally:
        opened.send_signal(signal.SIGINT)
        opened.wait()


def _seconds(client: httpx.Client, path: str) -> tuple[float, bytes]:
    began = time.perf_counter()
    answer = client.get(path)
    return time.perf_counter() - began, answer.content


if __name__ == "__main__":
    main()
