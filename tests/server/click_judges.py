"""What a script says of the pages where people click: ours, and posthog-js."""

import heapq
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from browser import NOWHERE, Site, patient
from click_pages import ClickPage, acting

POSTHOG_JS = "posthog-js@1.449.2"
OPEN_TOGETHER = 32  # pages
CLICKED_TOGETHER = 4  # or a click would wait for those of others
DECIDED = 4000  # ms after which both have judged
KINDS = {"$rageclick": "rage", "$dead_click": "dead"}
READ = "Object.entries(sessionStorage).filter(([name]) => /queue|sent/.test(name)).map(([, text]) => text).join()"
POSTHOG_PAGE = """<!doctype html><script>
const config = {{
  api_host: '{nowhere}', {config} autocapture: true, capture_dead_clicks: true,
  opt_out_useragent_filter: true, capture_pageview: false, disable_session_recording: true,
  advanced_disable_flags: true,
  before_send: (event) => {{ sessionStorage.sent = (sessionStorage.sent || '') + event.event + ' ' }},
}}
window.posthog = Object.assign([], {{ _i: [['phc_test', config, undefined]], __SV: 1 }})
</script><script src=/posthog.js></script><body>{html}"""


@dataclass
class Verdicts:
    """Of the pages, which were called rage or dead, as ``rage: name of the page``."""

    false: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def of(self, kind: str) -> tuple[int, int]:
        return sum(each.startswith(kind) for each in self.false), sum(each.startswith(kind) for each in self.missed)


def our_page(site: Site, page: ClickPage) -> str:
    return site.put(page.html, "/" + page.name.replace(" ", "-"), strict=False, host=NOWHERE)


def posthog_page(config: str = "") -> Callable[[Site, ClickPage], str]:
    def put(site: Site, page: ClickPage) -> str:
        path = "/" + page.name.replace(" ", "-")
        site.pages[path] = POSTHOG_PAGE.format(nowhere=NOWHERE, html=page.html, config=config)
        return site.url + path

    return put


def posthog_js(folder: Path) -> bytes:
    """posthog-js with all its parts, by npm; raises OSError where that cannot be."""
    npm = shutil.which("npm")
    command = [npm or "npm", "pack", POSTHOG_JS, "--pack-destination", str(folder)]  # without what it rests on
    if npm is None or subprocess.run(command, capture_output=True).returncode:
        raise OSError(f"npm could not load {POSTHOG_JS}")
    (archive,) = folder.glob("posthog-js-*.tgz")
    with tarfile.open(archive) as files:
        script = files.extractfile("package/dist/array.full.no-external.js")
        assert script
        return script.read()


def judged(browser: Any, site: Site, pages: Sequence[ClickPage], put: Callable[[Site, ClickPage], str]) -> Verdicts:
    verdicts = Verdicts()
    for page, events in _judged_clicks(browser, site, pages, put):
        for kind in ("rage", "dead"):
            truth = getattr(page, kind)
            if truth is False and kind in events:
                verdicts.false.append(f"{kind}: {page.name}")
            if truth and kind not in events:
                verdicts.missed.append(f"{kind}: {page.name}")
    return verdicts


def _judged_clicks(
    browser: Any, site: Site, pages: Sequence[ClickPage], put: Callable[[Site, ClickPage], str]
) -> Iterator[tuple[ClickPage, set[str]]]:
    for start in range(0, len(pages), OPEN_TOGETHER):
        # each in a window of its own: nothing scrolls in a tab behind another
        tabs = [(patient(browser.new_context()).new_page(), page) for page in pages[start : start + OPEN_TOGETHER]]
        for tab, page in tabs:
            tab.goto(put(site, page))
        tabs[-1][0].wait_for_timeout(100)
        for first in range(0, len(tabs), CLICKED_TOGETHER):
            _act_together(tabs[first : first + CLICKED_TOGETHER])
        tabs[0][0].wait_for_timeout(DECIDED)
        for tab, page in tabs:
            text = tab.evaluate(READ)
            yield page, {kind for event, kind in KINDS.items() if event in text}
            tab.context.close()


def _act_together(tabs: Sequence[tuple[Any, ClickPage]]) -> None:
    """While one waits between two clicks, the others click."""
    due = [(0.0, number, tab, acting(tab, page)) for number, (tab, page) in enumerate(tabs)]
    while due:
        moment, number, tab, person = heapq.heappop(due)
        tab.wait_for_timeout(max(0.0, moment - time.monotonic()) * 1000)
        if (pause := next(person, None)) is not None:
            heapq.heappush(due, (time.monotonic() + pause / 1000, number, tab, person))
