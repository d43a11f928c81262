"""/alerts: open ones and those of before, how fast they were taken up, and what the patterns would have sent."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from usertrack.core.document import Document, Field, Link, Listing
from usertrack.core.errors import UsageError
from usertrack.core.words import age_words, parse_age
from usertrack.live.alerts.ids import alert_of, short_ids
from usertrack.live.alerts.life import Alert
from usertrack.live.alerts.stats import stats
from usertrack.live.alerts.view import alert_document, alerts_document, by_urgency, person_words, stats_document
from usertrack.live.signals.looks_for import looks_for
from usertrack.live.signals.patterns import Patterns
from usertrack.live.signals.read import read_patterns
from usertrack.live.signals.simulation.ask import STAGES, ask_simulation
from usertrack.live.signals.simulation.wanted import OutcomeText, parse_outcome
from usertrack.segments.analysis import Analysis
from usertrack.web.links import query_string
from usertrack.web.live.actions import Outcomes, act, open_desk
from usertrack.web.missing import named_in_path
from usertrack.web.paging import Paging, page_number
from usertrack.web.shell import Part, document_html, end, rendered, titled_html
from usertrack.web.site import Site
from usertrack.workspace.files import patterns_path

_DAYS = 30  # of the statistics
_MOST_DAYS = 366


def routes(site: Site, outcomes: Outcomes) -> list[Route]:
    def done(fields: Mapping[str, str], who: str) -> str:
        now = datetime.now(UTC)
        action, *keys = fields.get("do", "").split(" ")
        comment, snooze = fields.get("comment", "")[:500], fields.get("for", "")
        with open_desk(site.settings, now) as desk:
            outcomes_of_keys, problems = [], []
            for key in keys or [""]:
                try:
                    outcomes_of_keys.append(act(desk, action, unquote(key), who, now, comment, snooze))
                except UsageError as problem:
                    problems.append(problem)
        if problems and not outcomes_of_keys:
            raise problems[0]
        return ". ".join(dict.fromkeys([*outcomes_of_keys, *(problem.message for problem in problems)]))

    async def do(request: Request) -> Response:
        fields = await site.access.form(request)
        outcome = await run_in_threadpool(done, fields, site.access.who(request))
        page = _of_ours(fields.get("back", ""))
        return RedirectResponse(f"{page}{'&' if '?' in page else '?'}did={outcomes.add(outcome)}", 303)

    async def listed(request: Request) -> Response:
        question = AlertsQuestion(request.query_params)
        parts = [
            Part("alerts", lambda: _listed(site, question), 24, is_local=True),
            Part("statistics", lambda: _statistics(site, question.pattern), 12, is_local=True),
        ]
        names = [pattern.id for pattern in _patterns(site).patterns]
        return site.shell.page(request, "Alerts", parts, rendered("alerts.html.j2", question=question, patterns=names))

    async def details(request: Request) -> Response:
        alert = await run_in_threadpool(_alert, site, request.path_params["alert"])
        variables = {
            "alert": alert,
            "back": request.url.path,
            "token": site.access.token(request),
            "outcome": outcomes.text(request.query_params.get("did", "")),
            "attention": _attention(alert, site.access.who(request), site.settings["timezone"]),
        }
        title = f"{person_words(alert)} · {pattern_name(alert.pattern, _patterns(site))}"
        intro = rendered("alert.html.j2", **variables)
        part = Part("alert", lambda: _described(site, alert), 30, is_local=True)
        return site.shell.page(request, title, [part], intro)

    async def simulate(request: Request) -> Response:
        query = request.query_params
        parts = _simulation_parts(site, SimulationQuestion.of(query)) if "days" in query else []
        return site.shell.page(request, "What would they have sent?", parts, rendered("simulate.html.j2", query=query))

    return [
        Route("/alerts", listed),
        Route("/alerts/act", do, methods=["POST"]),
        Route("/alerts/simulate", simulate),
        Route("/alerts/{alert:key}", details),
    ]


def _of_ours(address: str) -> str:
    """``address`` where it is a path of these pages, else /live: a form may say anything."""
    return address if address.startswith(("/live", "/alerts")) else "/live"


def _patterns(site: Site) -> Patterns:
    return read_patterns(patterns_path(site.settings))


# The list


class AlertsQuestion:
    """The question in the address of the list: ``state``, ``pattern``, ``q`` and ``page``. Raises UsageError."""

    STATES = ("open", "resolved", "all")

    def __init__(self, query: Mapping[str, str]) -> None:
        state = query.get("state", "")
        if state and state not in self.STATES:
            raise UsageError(f"'{state[:50]}' is no state of alerts", f"known: {', '.join(self.STATES)}")
        self.state = state or "open"
        self.pattern = query.get("pattern", "")
        self.text = query.get("q", "")[:200]
        self.page = page_number(query.get("page") or "1")

    def wants(self, alert: Alert) -> bool:
        if self.state != "all" and alert.is_resolved != (self.state == "resolved"):
            return False
        if self.pattern and alert.pattern != self.pattern:
            return False
        return self.text.casefold() in f"{person_words(alert)} {alert.because}".casefold()

    def at(self, page: int) -> str:
        """The address of another page of it."""
        pairs = [("state", self.state), ("pattern", self.pattern), ("q", self.text), ("page", str(page))]
        return f"/alerts{query_string(pairs)}"


def _listed(site: Site, question: AlertsQuestion) -> Markup:
    now = datetime.now(UTC)
    with open_desk(site.settings, now) as desk:
        known = desk.alerts(everything=question.state != "open")
        alerts, within = by_urgency(filter(question.wants, known), now), desk.within_incidents()
    if not alerts:
        return rendered("alerts_none.html.j2", question=question)
    paging = Paging(question.page, len(alerts), question.at)
    shown = paging.rows_of(alerts)
    left_out = sum(map(question.wants, within)) if question.state == "open" else 0
    document = alerts_document(shown, [], now, site.settings["timezone"], left_out=left_out)
    body = document_html(_linked(document, shown)) if shown else Markup()
    return body + rendered("alerts_pages.html.j2", paging=paging)


def _linked(document: Document, alerts: Sequence[Alert]) -> Document:
    """``document``, whose ids lead to the alerts and whose people to what they do."""
    (listing,) = document.blocks
    assert isinstance(listing, Listing)
    names = [column.name for column in listing.table.columns]
    by_key = {alert.key: alert for alert in alerts}
    of = {id_: by_key[key] for key, id_ in short_ids(by_key).items()}

    def linked(row: Sequence[object]) -> tuple[object, ...]:
        values = dict(zip(names, row, strict=True))
        alert = of[str(values["id"])]
        values["id"] = Link(str(values["id"]), f"/alerts/{quote(alert.key, safe='')}")
        if alert.person:
            values["person"] = Link(str(values["person"]), f"/live/{quote(alert.person, safe='')}")
        return tuple(values.values())

    fields = {**listing.fields, "id": Field("Id", "link"), "person": Field("Person", "link")}
    table = replace(listing.table, rows=[linked(row) for row in listing.table.rows])
    return replace(document, blocks=(replace(listing, table=table, fields=fields),))


def _statistics(site: Site, pattern: str) -> Markup:
    now = datetime.now(UTC)
    with open_desk(site.settings, now) as desk:
        numbers = stats(desk.store.changes(), now - timedelta(days=_DAYS), now, pattern or None, desk.store.incidents())
    return titled_html(stats_document(numbers, _DAYS, pattern))


# One alert


def _alert(site: Site, id_: str) -> Alert:
    with open_desk(site.settings, datetime.now(UTC)) as desk, named_in_path():
        return alert_of(id_, desk.alerts(everything=True))


def pattern_name(id_: str, patterns: Patterns) -> str:
    """Return a pattern's name for people; the id of one that is not in the file any more."""
    return next((pattern.name for pattern in patterns.patterns if pattern.id == id_), "") or id_.replace("_", " ")


def _attention(alert: Alert, viewer: str, timezone: str) -> str:
    """Whether somebody looks after it, and since when."""
    now = datetime.now(UTC)
    if alert.resolved_at and alert.is_resolved:
        return f"Over since {age_words(now - alert.resolved_at)}"
    if alert.snoozed_until and alert.is_snoozed(now):
        until = alert.snoozed_until.astimezone(ZoneInfo(timezone))
        return f"Snoozed by {_whom(alert.snoozed_by, viewer)}, until {until:%H:%M} on {until:%a} {until.day} {until:%b}"
    if alert.acknowledged_at:
        return f"Taken up by {_whom(alert.acknowledged_by, viewer)} {age_words(now - alert.acknowledged_at)} ago"
    return f"Nobody has taken it up, for {age_words(now - (alert.fired_at or alert.started_at))}"


def _whom(who: str, viewer: str) -> str:
    return "you" if who == viewer else who


def _described(site: Site, alert: Alert) -> Markup:
    now = datetime.now(UTC)
    with open_desk(site.settings, now) as desk:
        changes = desk.store.changes(alert.key)
    patterns = {pattern.id: pattern for pattern in _patterns(site).patterns}
    words = looks_for(patterns[alert.pattern]) if alert.pattern in patterns else {}
    return document_html(alert_document(alert, changes, now, site.settings["timezone"], words))


# The simulator


@dataclass(frozen=True)
class SimulationQuestion:
    """The question to the simulator."""

    days: int
    outcome: OutcomeText
    with_curve: bool

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "SimulationQuestion":
        """Raises UsageError for what cannot be asked."""
        days = query.get("days", "")
        if not (days.isascii() and days.isdecimal() and 1 <= int(days[:6]) <= _MOST_DAYS):
            raise UsageError(f"'{days}' is no number of days", f"write 1 to {_MOST_DAYS}")
        outcome = parse_outcome(query.get("outcome", "churned"), parse_age(query.get("within") or "14d"))
        return cls(int(days), outcome, query.get("curve") == "1")


def _simulation_parts(site: Site, question: SimulationQuestion) -> list[Part]:
    """The answer, after a part for each stage that says when it is done."""
    stages = {stage: Future[None]() for stage in STAGES}

    def notify(message: str, *, passing: bool = False, unseen: bool = False) -> None:
        for stage, ended in stages.items():
            if stage == message:
                return
            end(ended)

    def answer(analysis: Analysis) -> Document:
        patterns = read_patterns(patterns_path(analysis.settings))
        rules, curve = analysis.rules(), question.with_curve
        arguments = (analysis.runner, rules, patterns, question.outcome, question.days)
        return ask_simulation(*arguments, with_curve=curve, notify=notify)

    def result() -> Markup:
        try:
            return document_html(site.answers.ask(("simulate", question), answer).value)
        finally:
            notify("")  # kept from before, or failed: no stage is waited for any more

    def stage(name: str, ended: "Future[None]") -> Part:
        def content() -> Markup:
            return Markup("<p class='quiet'>{}: done</p>").format(name)

        return Part(name.replace(" ", "-"), content, waiting=name, after=ended, is_local=True)

    return [*(stage(name, ended) for name, ended in stages.items()), Part("result", result, 40)]
