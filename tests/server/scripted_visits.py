"""People in three tabs who do numbered things, while tabs reload, close and crash, and the network comes and goes."""

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from browser import Site
from playwright.sync_api import Error

TABS = 3
PAGE = "<button id=b>Act</button><script>b.onclick = () => usertrack.track('action', {n: window.n})</script>"
READY = "typeof usertrack === 'object' && !!document.querySelector('#b')"


class Visits:
    """``done`` are the numbers of the actions, ``disturbances`` how often each came."""

    def __init__(self, context: Any, site: Site, seed: int = 14) -> None:
        self.done: set[int] = set()
        self.disturbances: Counter[str] = Counter()
        self._context, self._site = context, site
        self._chance = random.Random(seed)
        for path in ("/a", "/b"):
            site.put(PAGE, path, user_id="ann")
        self._tabs = [self._opened() for _ in range(TABS)]
        self._middle = self._place_of_the_button()

    def act(self, actions: int) -> None:
        """``actions`` in all; after some of them something happens to a tab. In the end all tabs are left open."""
        while len(self.done) < actions:
            place = self._chance.randrange(TABS)
            for _ in range(min(actions - len(self.done), self._chance.randint(5, 40))):
                self._act(self._tabs[place])
            name, disturb = self._chance.choice(DISTURBANCES)
            self.disturbances[name] += 1
            disturb(self, place)

    def disturbance_counts(self) -> list[str]:
        """How often each disturbance came, in words."""
        return [f"{count} × {name}" for name, count in sorted(self.disturbances.items())]

    def _opened(self) -> Any:
        tab = self._context.new_page()
        tab.goto(self._site.url + "/a")
        tab.wait_for_function(READY)
        return tab

    def _place_of_the_button(self) -> tuple[float, float]:
        box = self._tabs[0].locator("#b").bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def _act(self, tab: Any) -> None:
        """By the API, or with the mouse."""
        number = len(self.done) + 1
        if self._chance.random() < 0.2:
            tab.evaluate(f"window.n = {number}")
            tab.mouse.click(*self._middle)
        else:
            tab.evaluate(f"usertrack.track('action', {{n: {number}}})")
        self.done.add(number)

    def reload(self, place: int) -> None:
        self._tabs[place].reload()
        self._tabs[place].wait_for_function(READY)

    def close(self, place: int) -> None:
        self._tabs[place].close(run_before_unload=True)
        self._tabs[place] = self._opened()

    def go_there_and_back(self, place: int) -> None:
        """The former page comes out of the browser's memory."""
        tab = self._tabs[place]
        tab.goto(self._site.url + "/b")
        tab.wait_for_function(READY)
        self._act(tab)
        tab.go_back(wait_until="commit")
        tab.wait_for_function(READY)

    def go_offline(self, place: int) -> None:
        self._context.set_offline(True)
        self._act(self._tabs[place])
        self._tabs[place].wait_for_timeout(self._chance.randint(100, 1500))
        self._tabs[place].evaluate("usertrack.flush()")
        self._context.set_offline(False)

    def wait(self, place: int) -> None:
        self._tabs[place].wait_for_timeout(self._chance.randint(0, 800))

    def crash(self, place: int) -> None:
        """The renderer of a tab dies, and whoever sits there loads the page again."""
        tab, page = self._tabs[place], {"url": self._site.url + "/a"}
        session, alive = self._context.new_cdp_session(tab), self._tabs[place - 1]
        loads: list[Any] = []
        session.on("Page.loadEventFired", lambda event: loads.append(event))
        session.send("Page.enable")
        with tab.expect_event("crash"), suppress(Error):  # Playwright gives such a tab up; the browser does not
            tab.goto("chrome://crash", timeout=400)
        session.send("Page.navigate", page)
        for _ in range(600):  # a tab that is asked before it is there again never answers
            if not loads:
                alive.wait_for_timeout(50)
        assert loads
        session.send("Runtime.evaluate", {"expression": "usertrack.flush()"})
        alive.wait_for_timeout(200)
        tab.close()
        self._tabs[place] = self._opened()


DISTURBANCES: list[tuple[str, Callable[[Visits, int], None]]] = [
    ("reload", Visits.reload),
    ("close", Visits.close),
    ("there and back", Visits.go_there_and_back),
    ("offline", Visits.go_offline),
    ("crash", Visits.crash),
    ("wait", Visits.wait),
]
