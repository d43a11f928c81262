"""Ten thousand numbered actions in a real Chromium, over reloads, closed tabs, crashes and offline spells.

Prints how many were done, arrived, are there twice, and how often each disturbance came. Takes some minutes.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests/server"))

from browser import Site, stored_numbers
from capture_fixtures import AppThread, Client
from playwright.sync_api import sync_playwright
from scripted_visits import Visits

from tests.chromium import ARGUMENTS, CHROMIUM, UNLIKE_USERS
from usertrack.server.database.store import Store


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
