"""Activity: how people use the product, in parts that come as they are answered. The address is the question."""

from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from usertrack.core.document import Document, Origin, Paragraph, Section
from usertrack.core.errors import Absent, UsageError, UsertrackError
from usertrack.core.words import age_words
from usertrack.product.funnel.numbers import Funnel
from usertrack.product.journeys.numbers import Move
from usertrack.product.scope import Scope
from usertrack.reports.filters import Filters
from usertrack.segments.analysis import Analysis
from usertrack.web.answers import Answer, since_of
from usertrack.web.links import PageLinks
from usertrack.web.meanings import MEANINGS
from usertrack.web.orders import Once
from usertrack.web.question import Choices, Question
from usertrack.web.shell import Part, document_html, end, error, rendered, words
from usertrack.web.site import Site

_PARTS = {  # in the order of the page: how high each will be, in rem, and what it asks for
    "activity": (34, "active people by day, week and month"),
    "sessions": (30, "sessions, how long they are, and on what"),
    "features": (30, "who uses which feature, week by week"),
    "journeys": (34, "ways through the pages"),
    "cohorts": (34, "who comes back in the weeks after"),
    "adoption": (18, "the steps of the funnel"),
    "churn": (24, "who left, over a year"),
    "segments": (24, "segments, and how active each is"),
}


@dataclass(frozen=True)
class Counted:
    """The people and the time that are counted, and the queries that said who is in the segment."""

    scope: Scope
    people_origins: tuple[Origin, ...] = ()


def routes(site: Site) -> list[Route]:
    choices = Choices(site)

    async def activity(request: Request) -> Response:
        answers = ActivityAnswers(site, Question.of(request.query_params), since_of(request.query_params))
        offer = await site.shell.ask(request, lambda: choices.now)
        form = rendered("activity.html.j2", question=answers.question, choices=offer, meanings=MEANINGS)
        parts = [Part("scope", answers.scope, 2)]
        parts += [
            Part(name, partial(answers.part, name, choices), height, asks=asks, after=answers.is_counted)
            for name, (height, asks) in _PARTS.items()
        ]
        return site.shell.page(request, "Activity", parts, form, layout="board")

    async def path(request: Request) -> Response:
        position, source, target = (request.query_params.get(name, "") for name in ("position", "source", "target"))
        if not (position.isdecimal() and len(position) < 10 and source and target):
            raise UsageError("this address names no path", "click on one in the journeys of /activity")
        question, move = Question.of(request.query_params), Move(int(position), source, target)
        answers = ActivityAnswers(site, question)
        back = Markup("<p><a href='{}'>Back to the journeys</a></p>").format(
            question.address("/activity") + "#journeys"
        )
        return site.shell.page(request, "Who took this path", [Part("people", partial(answers.path, move), 30)], back)

    return [Route("/activity", activity), Route("/activity/path", path)]


class ActivityAnswers:
    """The answers to one question. When it ``is_counted`` whom it is about, its parts are asked at once."""

    def __init__(self, site: Site, question: Question, since: datetime | None = None) -> None:
        self.question = question
        self._site = site
        self._since = since
        self._counted = Once(self._count)
        self._errors: dict[str, str] = {}  # by message, the part that came first
        self.is_counted = Future[None]()

    def _count(self) -> Answer[Counted]:
        filters = self.question.filters
        ask = partial(_counted, filters=filters)
        return self._site.answers.ask(("activity", filters), ask, since=self._since)

    def scope(self) -> Markup:
        """The words for what is counted; or why nothing can be, in the place of all parts."""
        try:
            answer = self._counted()
        finally:
            end(self.is_counted)
        scope = answer.value.scope
        lines = [" · ".join([scope.window, *scope.conditions]), *scope.notes]
        paragraphs = Markup("").join(Markup("<p class='dim'>{}</p>").format(words(line)) for line in lines)
        if self._site.settings.uses_demo:
            return paragraphs
        age, again = age_words(datetime.now(UTC) - answer.asked_at), self.question.address("/activity", {"refresh": 1})
        return paragraphs + Markup("<p class='dim'>asked {} ago · <a href='{}'>ask again</a></p>").format(age, again)

    def part(self, name: str, choices: Choices) -> Markup:
        """One part of the page; nothing where `scope` says that there is no answer."""
        try:
            counted = self._counted().value
        except UsertrackError:
            return Markup()
        form = _funnel_form(self.question, choices) if name == "adoption" else Markup()
        key = (name, self.question, counted.scope.as_of)
        ask = partial(_part, name=name, question=self.question, counted=counted)
        try:
            return self._site.answers.ask(key, ask, since=self._since).value + form
        except Absent as problem:
            return _heading(name) + Markup("<p class='dim'>{}</p>").format(words(problem.message)) + form
        except UsertrackError as problem:
            return self._error(problem, name) + form

    def path(self, move: Move) -> Markup:
        """Show who took a path of the journeys."""
        counted = self._counted().value
        key = (move, self.question, counted.scope.as_of)
        return self._site.answers.ask(key, partial(_path, move=move, scope=counted.scope)).value

    def _error(self, problem: UsertrackError, name: str) -> Markup:
        """In full where it came first: a source that is away is so for every part."""
        first = self._errors.setdefault(problem.message, name)
        if first != name:
            same = "<p class='dim'>no answer, for the same reason as <a href='#{}'>{}</a></p>"
            return _heading(name) + Markup(same).format(first, _PARTS[first][1])
        return _heading(name) + error(problem.message, problem.hint)


def _heading(name: str) -> Markup:
    asks = _PARTS[name][1]
    return Markup("<h2>{}</h2>").format(asks[:1].upper() + asks[1:])


def _counted(analysis: Analysis, filters: Filters) -> Counted:
    """Asks who is in the segment, where there is one. Raises UsageError, also for a breakdown that nothing has."""
    from usertrack.product.ask import require_known
    from usertrack.reports.filters import scope_of, scope_of_segment
    from usertrack.reports.members import profile_origins

    scope = scope_of(analysis, replace(filters, segment=None))
    if scope.breakdown:
        require_known(analysis.runner, [scope.breakdown], scope.since, scope.until)
    if not filters.segment:
        return Counted(scope)
    rules = analysis.rules()
    rules.set_of(filters.segment)  # a wrong name is an error before any query runs
    profiles = analysis.profiles(rules)
    scope = scope_of_segment(analysis, scope, filters.segment, profiles, rules)
    return Counted(scope, profile_origins(profiles, profiles.queries))


def _part(analysis: Analysis, name: str, question: Question, counted: Counted) -> Markup:
    """Raises the error of the part."""
    from usertrack.reports.activity import activity_query, ask_part, asks
    from usertrack.reports.activity_view import sections
    from usertrack.reports.members import profile_origins

    scope, origins, profiles = counted.scope, counted.people_origins, None
    query = activity_query(analysis.settings, scope)
    if name == "adoption":
        query = replace(query, funnels={"": _funnel(analysis, question)})
    elif name == "churn":
        query = replace(query, churn_days=replace(scope, interval="day").last(365))
    elif name == "segments":
        rules = analysis.rules()
        profiles = analysis.profiles(rules)
        judged = profiles, rules
        origins = profile_origins(profiles, profiles.queries)
    part = ask_part(analysis.runner, asks(query, lambda: judged)[name], analysis.progress.done)
    if isinstance(part.answer, UsertrackError):
        raise part.answer
    blocks = tuple(sections(name, part, scope, origins, profiles))
    document = Document("", blocks, timezone=scope.timezone, as_of=scope.as_of)
    return document_html(document, ActivityLinks(question), f"{name}-")


def _path(analysis: Analysis, move: Move, scope: Scope) -> Markup:
    from usertrack.product.journeys.numbers import JourneysQuery, travellers
    from usertrack.product.journeys.view import travellers_document
    from usertrack.reports.activity import ask_part
    from usertrack.reports.activity_view import origins

    query = JourneysQuery(patterns=tuple(analysis.settings["pages"]))
    scope = scope.widened_to_buckets
    part = ask_part(analysis.runner, lambda at: travellers(at, query, scope, move), analysis.progress.done)
    if isinstance(part.answer, UsertrackError):
        raise part.answer
    document = travellers_document(move, scope, part.answer)
    blocks = (Paragraph(document.subtitle, "dim"), *document.blocks)
    section = Section(document.title, blocks, origins(part.statements, scope))
    return document_html(replace(document, blocks=(section,)))


def _funnel(analysis: Analysis, question: Question) -> Funnel:
    """The funnel of the question's steps, or the one that it names; the first of the workspace without either."""
    from usertrack.product.events import step_of
    from usertrack.product.funnel.numbers import funnel_of, named_funnels, parse_window
    from usertrack.workspace.files import funnel_paths

    named = named_funnels(funnel_paths(analysis.settings))
    name = question.funnel or next(iter(named), "")
    if not (question.step or name):
        raise UsageError("there is no funnel yet", "name two steps or more, or write funnels.yaml")
    funnel = funnel_of(question.step or (name,), named, partial(step_of, analysis.runner))
    return replace(funnel, window=parse_window(question.window)) if question.window else funnel


def _funnel_form(question: Question, choices: Choices) -> Markup:
    """The form of the funnel, with a step more than there are."""
    steps = [*question.step, *[""] * max(1, 3 - len(question.step))]
    return rendered("funnel.html.j2", question=question, steps=steps, choices=choices.now)


class ActivityLinks(PageLinks):
    """With the paths of journeys, for the people and the time of the question."""

    def __init__(self, question: Question) -> None:
        self._question = question

    def path(self, step: int, source: str, target: str) -> str:
        return self._question.address("/activity/path", {"position": step, "source": source, "target": target})
