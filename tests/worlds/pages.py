"""Which pages the walk visits: discovered from the routes of the pages, filled in from a world's names."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from starlette.routing import Route

from usertrack.web.access import Access
from usertrack.web.app import create_app
from usertrack.workspace.settings import load_settings

from .calls import NAMES
from .world import World

NOT_VISITED = {
    "/stream": "goes on until the browser leaves: tests/web/test_live.py",
    "/user-activity": "is asked by the page /live: tests/web/test_live.py",
    "/live/{person:key}": "is of somebody who is here now: tests/web/test_live.py",
    "/erased/{id}": "is the outcome of a form",
    "/pushes/{id}": "is the outcome of a form",
    "/alerts/{alert:key}": "is of an alert: tests/web/test_alerts.py",
    "/activity/path": "is of a path in the journeys of /activity: tests/web/test_activity.py",
    "/login": "asks for a password: tests/web/test_access.py",
    "/assets/page.css": "is the same for everybody",
    "/assets/page.js": "is the same for everybody",
    "/segments/{segment}/push.csv": "is what a form asks for: tests/web/test_push.py",
}
PARAMETERS: Mapping[str, Sequence[str]] = {
    "segment": ("failing", "frustrated", "high_intent", "at_risk", "power"),
    "person": ("email",),
    "name": ("query",),
    "format": ("csv", "json", "xlsx"),
}
QUERIES = {"/search": "?q=e", "/segments/{segment}/push": "?to=csv"}


@dataclass(frozen=True)
class Visit:
    """A page that is asked for. Words in ``filled`` that are keys of a world's `names` stand for those."""

    route: str
    filled: tuple[tuple[str, str], ...] = ()

    @property
    def id(self) -> str:
        return " ".join([self.route, *(value for _, value in self.filled)])

    def status(self, world: World) -> int:
        """The HTTP status: there is no page of a segment that the company cannot have."""
        return 404 if dict(self.filled).get("segment") in world.absent_segments else 200

    def path(self, names: dict[str, Sequence[str]]) -> str:
        path = self.route
        for name, value in self.filled:
            path = re.sub(rf"{{{name}(:\w+)?}}", quote((NAMES | names).get(value, [value])[0], safe="/"), path)
        return path + QUERIES.get(self.route, "")


def visits() -> Iterator[Visit]:
    """Every page. Raises LookupError for a parameter of which no table says anything."""
    app = create_app(load_settings(demo=True), Access(b"key", frozenset({"localhost"}), 8766))
    for route in app.routes:
        if not isinstance(route, Route) or "GET" not in (route.methods or ()) or route.path in NOT_VISITED:
            continue
        ways: list[tuple[tuple[str, str], ...]] = [()]
        for name in route.param_convertors:
            if name not in PARAMETERS:
                raise LookupError(f"say how the walk fills in {name} of {route.path} (tests/worlds/pages.py)")
            ways = [(*way, (name, value)) for way in ways for value in PARAMETERS[name]]
        if "format" in route.param_convertors:  # each file of another segment
            ways = ways[:: len(PARAMETERS["format"]) + 1][: len(PARAMETERS["format"])]
        yield from (Visit(route.path, way) for way in ways)
