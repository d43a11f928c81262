"""Ten thousand numbered actions in a real Chromium, over reloads, closed tabs, crashes and offline spells.

Prints how many were done, arrived, are there twice, and how often each disturbance came. Takes some minutes.
Before that, the longest tasks of a page of 5 000 elements with a full queue and clicks that do nothing: none on a
quiet machine is longer than 50 ms, which is where a browser calls a task long.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests/server"))

from browser import NOWHERE, Site, stored_numbers
from capture_fixtures import AppThread, Client
from playwright.sync_api import sync_playwright
from scripted_visits import Visits

from tests.chromium import ARGUMENTS, CHROMIUM, UNLIKE_USERS
from usertrack.server.database.store import Store


def long_tasks(page: Any, site: Site) -> list[float]:
    """Milliseconds of the tasks that the browser calls long, while events queue and clicks are judged."""
    body = "<button id=b>B</button>" + "<div><input value=1><span>text</span></div>" * 1200
    observe = "new PerformanceObserver((list) => long.push(...list.getEntries().map((entry) => entry.duration)))"
    page.add_init_script(f"window.long = []; {observe}.observe({{type: 'longtask'}})")
    page.goto(site.put(body, host=NOWHERE))
    page.wait_for_function("sessionStorage.usertrack_queue")
    page.evaluate("for (let n = 0; n < 1000; n++) usertrack.track('x', {n})")
    page.evaluate("long.length = 0")
    for _ in range(5):
        page.click("#b")
        page.evaluate("usertrack.track('x', {n: 1})")
    page.wait_for_timeout(3500)  # a click is judged after three seconds
    tasks: list[float] = page.evaluate("long")
    return tasks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=14)
    options = parser.parse_args()
    store = Store(Path(tempfile.mkdtemp()))
    began = time.monotonic()
    with AppThread(store) as server, sync_playwright() as driver:
        client, site = Client(server.url, store), Site(server.url)
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS, ignore_default_args=UNLIKE_USERS)
        print(f"tasks longer than 50 ms, in ms: {long_tasks(browser.new_page(), site) or 'none'}")
        visits = Visits(browser.new_context(), site, options.seed)
        visits.act(options.actions)
        numbers = stored_numbers(client, len(visits.done))
        browser.close()
    lost = len(visits.done - set(numbers))
    print(f"{len(visits.done)} actions in {time.monotonic() - began:.0f} s: {', '.join(visits.disturbance_counts())}")
    twice = len(numbers) - len(set(numbers))
    print(f"{len(set(numbers))} arrived, {lost} did not ({lost / len(visits.done):.2%}), {twice} are there twice")
    store.close()


if __name__ == "__main__":
    main()
