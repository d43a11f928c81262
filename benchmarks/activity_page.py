"""How long /activity takes on many events: its first byte and each part, beside `usertrack activity`.

    python benchmarks/activity_page.py [--events 1e6|1e7] [--rounds 3]

The events are those of `analytics.py`, served by `usertrack serve`; the page asks for everything each time
(`refresh=1`). Figures are seconds of the clock; those of later views and of the command are medians.
"""

import argparse
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from analytics import HOME, KEYS, serving
from event_world import make

WINDOW = {"since": "2026-08-30", "until": "2026-09-27"}
_PART = re.compile(rb'<section slot="([a-z]+)"')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=float, default=1e6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=HOME)
    options = parser.parse_args()
    events = int(options.events)
    store = options.folder / f"analytics-{events}"
    make(store, events)
    with serving(store) as (url, _), tempfile.TemporaryDirectory(dir="/tmp") as folder:
        env = os.environ | {"POSTHOG_HOST": url, "POSTHOG_PROJECT_ID": "1", "XDG_RUNTIME_DIR": folder}
        env |= {"POSTHOG_PERSONAL_API_KEY": KEYS["USERTRACK_PERSONAL_API_KEY"], "USERTRACK_HISTORY": "off"}
        with opened(env, folder) as client:
            first, *pages = [page(client) for _ in range(1 + options.rounds)]
        command = statistics.median(asked(env, folder) for _ in range(options.rounds))
    print(f"\n{events:,} events · median of {options.rounds} · {os.cpu_count()} cores\n")
    print(f"  {'':24}{'first view':>12}{'later':>9}{'ratio':>8}")
    for name, at in first.items():
        later = statistics.median(each[name] for each in pages)
        print(f"  {name:24}{at:11.2f}s{later:8.2f}s{later / command:8.2f}")
    print(f"  {'usertrack activity':33}{command:11.2f}s{1:8.2f}")


@contextmanager
def opened(env: dict[str, str], folder: str) -> Iterator[httpx.Client]:
    """A client that was let in to the pages of `usertrack open`."""
    command = [sys.executable, "-m", "usertrack", "open", "--port", "0"]
    with subprocess.Popen(command, env=env, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        link = process.stdout.readline().strip()
        try:
            with httpx.Client(base_url=link.partition("/login")[0], timeout=600, follow_redirects=True) as client:
                client.get(link)
                yield client
        finally:
            process.send_signal(signal.SIGINT)


def page(client: httpx.Client) -> dict[str, float]:
    """Seconds until the first byte, until each part, in their order, and until the end."""
    began, text, seconds = time.perf_counter(), b"", {}
    with client.stream("GET", "/activity", params=WINDOW | {"refresh": "1"}) as answer:
        answer.raise_for_status()
        for piece in answer.iter_raw():
            text += piece
            for name in ["first byte", *(match.decode() for match in _PART.findall(text))]:
                seconds.setdefault(name, time.perf_counter() - began)
    return seconds | {"the whole": time.perf_counter() - began}


def asked(env: dict[str, str], folder: str) -> float:
    """Seconds that the command takes."""
    window = [word for name, value in WINDOW.items() for word in (f"--{name}", value)]
    began = time.perf_counter()
    command = [sys.executable, "-m", "usertrack", "activity", *window]
    subprocess.run(command, env=env, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
