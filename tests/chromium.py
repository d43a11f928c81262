"""A real Chromium, what it complains of, and axe-core, which judges whether everybody can use a page."""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import made_once

LONGEST = 900  # seconds for a module: a page that never answers is waited for without end, unless its browser dies
PATIENCE = 120_000  # milliseconds for what a page does, in place of 30 s: CI has four such tests on two processors
AXE_CORE = "axe-core@4.10.3"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or ""
# the popup of the address bar is two pages of its own in each window: two thirds of what a test in Chromium takes
_UNSEEN = "WebUIOmniboxPopup,WebUIOmniboxAimPopup"
# there is one list: this is Playwright's own, without what is of other browsers
_UNWANTED_BY_PLAYWRIGHT = (
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,"
    "MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect,OptimizationHints,"
    "NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch"
)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", f"--disable-features={_UNSEEN},{_UNWANTED_BY_PLAYWRIGHT}"]
UNLIKE_USERS = ["--disable-back-forward-cache"]  # an argument of Playwright's own
_RUN_AXE = """async () => {
    const shapes = new Map();
    const shape = (element) => {
        if (!shapes.has(element)) {
            const attributes = [...element.attributes].map(({ name, value }) =>
                ["class", "role", "fill", "style"].includes(name) ? [name, value] : [name, value === ""]);
            const inside = [...element.children].map(shape);
            shapes.set(element, JSON.stringify([element.localName, attributes, !element.textContent.trim(), inside]));
        }
        return shapes.get(element);
    };
    const repeated = [];
    for (const parent of document.querySelectorAll("body :is(tbody, ul, ol, svg, g)")) {
        for (const alike of Map.groupBy([...parent.children], shape).values()) repeated.push(...alike.slice(2, -1));
    }
    const places = repeated.map((element) => {
        const place = document.createComment("");
        element.replaceWith(place);
        return [place, element];
    });
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    places.forEach(([place, element]) => place.replaceWith(element));
    return violations;
}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="comes with the extra dev")
    if not CHROMIUM:
        pytest.skip("there is no chromium here; CHROMIUM names one")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS, ignore_default_args=UNLIKE_USERS)
        (process,) = _browser_processes(browser)
        end = threading.Timer(LONGEST, os.kill, (process, signal.SIGKILL))
        end.daemon = True
        end.start()
        yield browser
        end.cancel()
        browser.close()


def patient(opened: Any) -> Any:
    """The page, or the context of pages, that waits as long as `PATIENCE` says."""
    opened.set_default_timeout(PATIENCE)
    return opened


def _browser_processes(browser: Any) -> list[int]:
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return [process["id"] for process in processes if process["type"] == "browser"]


@pytest.fixture(scope="session")
def axe(of_all_workers: Path) -> str:
    """The text of axe-core, by npm, once for all processes."""

    def install(folder: Path) -> None:
        npm = shutil.which("npm")
        options = ["--prefix", str(folder), "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"]
        if npm is None or subprocess.run([npm, "install", *options, AXE_CORE], capture_output=True).returncode:
            pytest.skip(f"needs {AXE_CORE}, which npm could not install")

    return (made_once(of_all_workers / "axe", install) / "node_modules/axe-core/axe.min.js").read_text()


def violations(page: Any, axe: str) -> list[str]:
    """What axe finds on the page as it is now: the rule, and the first element that breaks it.

    Of rows and marks that differ in nothing but their words, it is shown the first two and the last: a thousand take
    it half a minute. Names that are empty, classes and roles are no words.
    The script comes by the debugger, so that a strict policy of the page stays in force.
    """
    session = page.context.new_cdp_session(page)
    session.send("Runtime.evaluate", {"expression": f"if (!globalThis.axe) {{ {axe} }}"})
    session.detach()
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:200]}" for rule in page.evaluate(_RUN_AXE)]
