"""A person's tabs, visits and session. Conditions look at no more of a person."""

from typing import Any

IDLE_SECONDS = 60.0
"""For how long after a sign of life somebody counts as looking at the page."""

SESSION_SECONDS = 1800.0
"""After how long without an event a session is over, as PostHog has it."""

_MOST_TABS = 8  # of a person: bounds the memory of one whose tabs are never closed; the oldest goes


class TabVisit:
    """One tab on one route since ``entered``. ``total``: visible seconds, and ``progress`` how many they were then.

    ``open``: nobody has left the page.
    """

    __slots__ = ("entered", "last", "open", "progress", "route", "session", "tab", "total")

    def __init__(self, tab: str, session: str, route: str, at: float) -> None:
        self.tab, self.session, self.route = tab, session, route
        self.entered = self.last = at
        self.total = self.progress = 0.0
        self.open = True

    def see(self, seconds: object) -> None:
        """The tracker says for how many seconds the page has been visible; it may say anything."""
        try:
            more = float(str(seconds)) - self.total
        except ValueError:
            return
        if 0 < more <= self.last - self.entered:
            self.total += more
        self.open = True

    def dump(self) -> list[object]:
        return [self.tab, self.session, self.route, self.entered, self.last, self.total, self.progress, self.open]

    @classmethod
    def load(cls, values: list[Any]) -> "TabVisit":
        visit = cls(values[0], values[1], values[2], values[3])
        visit.last, visit.total, visit.progress, visit.open = values[4:]
        return visit


class Whereabouts:
    """The latest pages and actions of a person. ``events`` and ``errors`` count the present session.

    ``distinct_ids`` are all that they were seen under, ``visit`` is the latest of the visits in ``tabs``.
    """

    __slots__ = (
        *("distinct_ids", "errors", "events", "first_at", "first_session", "id", "last_at", "last_uuid"),
        *("session", "tabs", "visit"),
    )

    def __init__(self, id_: str, at: float) -> None:
        self.id = id_
        self.first_at = self.last_at = at
        self.last_uuid = self.session = self.first_session = ""
        self.events = self.errors = 0
        self.distinct_ids: set[str] = set()
        self.tabs: dict[str, TabVisit] = {}
        self.visit: TabVisit | None = None

    def take(self, other: "Whereabouts") -> None:
        """Be ``other``, too, with what was seen of it."""
        self.distinct_ids |= other.distinct_ids
        if other.first_at < self.first_at or not self.first_session:
            self.first_session = other.first_session or self.first_session
        self.first_at = min(self.first_at, other.first_at)
        if other.last_at > self.last_at or not self.last_uuid:
            self.last_at, self.last_uuid = max(self.last_at, other.last_at), other.last_uuid
            self.session, self.events, self.errors = other.session, other.events, other.errors
        self.tabs = {**other.tabs, **self.tabs}
        self.visit = self.visit or other.visit

    def visit_in(self, tab: str, session: str, route: str, at: float) -> TabVisit:
        """The visit of ``tab``, a new one where it has none."""
        visit = self.tabs.get(tab)
        if visit is None:
            if len(self.tabs) >= _MOST_TABS:
                del self.tabs[min(self.tabs, key=lambda tab: (self.tabs[tab].last, tab))]
            visit = self.tabs[tab] = TabVisit(tab, session, route, at)
        self.visit = visit
        return visit
