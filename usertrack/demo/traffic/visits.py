"""Visits of the demo's people, event by event, as the tracker in their browsers would send them.

A visit goes at human pace. Most people just work; some meet errors, get stuck, fill in a form in vain, go back and
forth, or leave in the middle of a task. Everything follows from a random generator: the same seed, the same visits.
"""

import hashlib
import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from random import Random

from usertrack.core.json_types import JsonObject

HEARTBEAT = 15.0
"""Seconds between two ``page_time`` events of a page that is visible."""

_HOST = "datagen.dev"
_PAGES = ("/dashboard", "/workflows", "/workflows/142", "/tools", "/mcp-servers", "/runs", "/agents", "/settings")
_PUBLIC = ("/", "/pricing", "/docs", "/docs/quickstart", "/templates", "/integrations", "/blog/mcp-explained")
_TROUBLE = ("/mcp-servers/gmail/callback", "/workflows/editor", "/billing")
_BUTTONS = ("Continue", "Save", "Run", "Connect", "Copy", "Next")
_FORMS = {"/billing": ("payment", "card"), "/workflows/editor": ("step", "schedule")}
_EXCEPTIONS = (
    ("TypeError", "Cannot read properties of undefined (reading 'toolId')"),
    ("Error", "OAuth state mismatch for provider gmail"),
    ("TypeError", "Failed to fetch"),
    ("SyntaxError", "Unexpected token < in JSON at position 0"),
)
_OUTAGE = ("Error", "API timeout: POST /v1/runs/step")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody whom PostHog knows. ``has_trouble``: had an error, or clicked in rage, in the last days."""

    distinct_id: str
    email: str = ""
    name: str = ""
    plan: str = ""
    has_trouble: bool = False
    organization: str = ""


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """``began`` is in seconds, as ``VisitEvent.at``; ``noise`` are 18 hexadecimal digits."""

    began: float
    noise: str


@dataclass(frozen=True, slots=True)
class VisitEvent:
    """An event; ``at`` is in seconds since the traffic began, below 0 for what happened before that."""

    at: float
    name: str
    visitor: Visitor
    session: BrowserSession
    properties: JsonObject = field(compare=False)


@dataclass
class _Visit:
    """A visit while it is written: the clock moves on with everything that is done."""

    random: Random
    visitor: Visitor
    now: float
    session: BrowserSession = field(init=False)
    path: str = ""
    events: list[VisitEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session = BrowserSession(self.now, f"{self.random.getrandbits(72):018x}")

    def say(self, name: str, **properties: object) -> None:
        page = {"$pathname": self.path, "$current_url": f"https://{_HOST}{self.path}", "$host": _HOST}
        self.events.append(VisitEvent(self.now, name, self.visitor, self.session, page | properties))

    def open(self, path: str) -> None:
        self.path = path
        self.say("$pageview")

    def stay(self, seconds: float, *, before: float = 0) -> None:
        """Look at the page, which has been visible for ``before`` seconds already."""
        visible = before
        while visible < before + seconds:
            step = min(HEARTBEAT, before + seconds - visible)
            visible += step
            self.now += step
            self.say("page_time", visible_seconds=round(visible, 1))

    def wait(self, low: float, high: float) -> None:
        self.now += self.random.uniform(low, high)

    def click(self, text: str) -> None:
        self.say("$autocapture", **{"$event_type": "click", "$el_text": text})

    def rage(self, text: str) -> None:
        for _ in range(self.random.randint(3, 6)):
            self.click(text)
            self.wait(0.15, 0.4)
        self.say("$rageclick", **{"$event_type": "click", "$el_text": text})

    def fail(self, kind: str, message: str) -> None:
        fingerprint = hashlib.sha256(f"{kind}:{message}".encode()).hexdigest()[:32]
        mechanism = {"type": "onunhandledrejection", "handled": False}
        self.say(
            "$exception",
            **{
                "$exception_type": kind,
                "$exception_message": message,
                "$exception_level": "error",
                "$exception_fingerprint": fingerprint,
                "$exception_list": [{"type": kind, "value": message, "mechanism": mechanism}],
            },
        )

    def leave(self, seconds_on_page: float) -> None:
        self.say("$pageleave", **{"$prev_pageview_duration": round(seconds_on_page, 1)})


def visit(random: Random, visitor: Visitor, start: float) -> list[VisitEvent]:
    """The events of a visit that begins at ``start``, in their order."""
    if not visitor.email:
        return browse(random, visitor, start)
    trouble = 0.5 if visitor.has_trouble else 0.02
    story = random.choice(TROUBLES) if random.random() < trouble else browse
    return story(random, visitor, start)


def browse(random: Random, visitor: Visitor, start: float) -> list[VisitEvent]:
    """Some pages, some clicks, and gone."""
    visit = _Visit(random, visitor, start)
    seconds = 0.0
    for _ in range(random.randint(1, 3) if not visitor.email else random.randint(2, 6)):
        visit.open(random.choice(_PAGES if visitor.email else _PUBLIC))
        seconds = 5 + random.expovariate(1 / 25)
        visit.stay(seconds)
        if random.random() < 0.6:
            visit.click(random.choice(_BUTTONS))
            visit.wait(0.5, 2)
        if visitor.email and random.random() < 0.3:
            visit.say("feature_used", feature=random.choice(("workflow_editor", "run_history", "agent_chat")))
            visit.wait(0.5, 2)
    visit.leave(seconds)
    return visit.events


def meet_errors(random: Random, visitor: Visitor, start: float) -> list[VisitEvent]:
    """Meet one error four to six times, some seconds apart."""
    visit = _Visit(random, visitor, start)
    visit.open("/dashboard")
    visit.stay(random.uniform(4, 10))
    visit.open("/workflows/editor")
    kind, message = random.choice(_EXCEPTIONS)
    for _ in range(random.randint(4, 6)):
        visit.click("Run")
        visit.wait(0.2, 0.9)
        visit.fail(kind, message)
        visit.wait(2, 7)
    visit.rage("Run")
    visit.stay(random.uniform(10, 40))
    visit.leave(visit.now - start)
    return visit.events


def get_stuck(random: Random, visitor: Visitor, start: float) -> list[VisitEvent]:
    """Minutes on one page with signs of trouble, and no progress."""
    visit = _Visit(random, visitor, start)
    visit.open("/mcp-servers")
    visit.stay(random.uniform(5, 12))
    visit.open(random.choice(_TROUBLE))
    form, name = _FORMS.get(visit.path, ("connect", "provider"))
    opened, total = visit.now, random.uniform(400, 700)
    while visit.now - opened < total:
        visit.stay(random.uniform(30, 70), before=visit.now - opened)
        sign = random.randrange(3)
        if sign == 0:
            visit.say("field_error", form_id=form, field=name, reason="invalid")
        elif sign == 1:
            visit.say("$dead_click", **{"$event_type": "click", "$el_text": "Connect"})
        else:
            visit.rage("Connect")
    visit.leave(visit.now - opened)
    return visit.events


def fail_a_form(random: Random, visitor: Visitor, start: float) -> list[VisitEvent]:
    """A form is sent three to five times; each time a field is wrong."""
    visit = _Visit(random, visitor, start)
    visit.open("/billing")
    form, name = _FORMS[visit.path]
    visit.stay(random.uniform(8, 20))
    for _ in range(random.randint(3, 5)):
        visit.say("form_submit", form_id=form, fields=["name", name, "country"])
        visit.wait(0.1, 0.4)
        visit.say("field_error", form_id=form, field=name, reason="invalid")
        visit.wait(4, 12)
    visit.stay(random.uniform(20, 60), before=visit.now - start)
    visit.leave(visit.now - start)
    return visit.events


def go_back_and_forth(random: Random, visitor: Visitor, start: float) -> list[VisitEvent]:
    """Two pages in turns: where was that again?"""
    visit = _Visit(random, visitor, start)
    for turn in range(random.randint(8, 12)):
        visit.open(("/tools", "/mcp-servers")[turn % 2])
        visit.stay(random.uniform(2, 6))
    visit.leave(4)
    return visit.events


def give_up(random: Random, visitor: Visitor, start: float) -> list[VisitEvent]:
    """Begins a task, and is not heard of again: the tab stays open."""
    visit = _Visit(random, visitor, start)
    visit.open("/onboarding")
    visit.stay(random.uniform(8, 20))
    visit.click("Continue")
    visit.say("onboarding_started")
    visit.open("/workflows/new")
    visit.stay(random.uniform(15, 40))
    return visit.events


def outage(random: Random, visitors: list[Visitor], start: float) -> list[VisitEvent]:
    """One error that many people meet within a minute or two."""
    events: list[VisitEvent] = []
    for visitor in visitors:
        visit = _Visit(random, visitor, start + random.uniform(0, 90))
        visit.open("/runs")
        visit.stay(random.uniform(3, 9))
        for _ in range(random.randint(1, 2)):
            visit.fail(*_OUTAGE)
            visit.wait(2, 5)
        visit.leave(visit.now - visit.session.began)
        events += visit.events
    return events


TROUBLES = (meet_errors, get_stuck, fail_a_form, go_back_and_forth, give_up)
_UNDER_WAY = (
    (get_stuck, -400.0),
    (give_up, -60.0),
    (fail_a_form, -20.0),
    (meet_errors, -15.0),
    (go_back_and_forth, -15.0),
)


def visits(visitors: list[Visitor], seed: int, begins_per_second: float) -> Iterator[tuple[float, list[VisitEvent]]]:
    """Visits without end, by the moment (in seconds) before which none of their events happens.

    At the moment 0 some are under way, among them one of each kind of trouble, whose decisive event comes within half
    a minute. After two minutes, and every twenty minutes from then on, an outage hits a dozen people.
    """
    random = Random(seed)
    known = [visitor for visitor in visitors if visitor.email] or visitors
    unlucky = [visitor for visitor in known if visitor.has_trouble] or known
    in_trouble = [(start, story(random, random.choice(unlucky), start)) for story, start in _UNDER_WAY]
    return heapq.merge(in_trouble, _usual(random, visitors, known, unlucky, begins_per_second), key=itemgetter(0))


def _usual(
    random: Random, visitors: list[Visitor], known: list[Visitor], unlucky: list[Visitor], begins_per_second: float
) -> Iterator[tuple[float, list[VisitEvent]]]:
    begin, next_outage = -300.0, 120.0
    while True:
        begin += random.expovariate(begins_per_second)
        if begin > next_outage:
            yield next_outage, outage(random, random.sample(known, min(14, len(known))), next_outage)
            next_outage += 1200.0
        share = random.random()
        visitor = random.choice(unlucky if share < 0.06 else known if share < 0.7 else visitors)
        yield begin, visit(random, visitor, begin)
