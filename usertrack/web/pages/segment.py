"""The people of one segment: searched, filtered, sorted and paged on the server, and exported as they are shown."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from usertrack.core.errors import ABSENT, UsageError, UsertrackError
from usertrack.core.period import day, moment
from usertrack.core.spool import SpooledRows, quote
from usertrack.core.words import age_words
from usertrack.segments.keys import subjects_words
from usertrack.segments.rules import Rules, Segment, SegmentSet, find_segment
from usertrack.segments.view import undecided_words
from usertrack.segments.wording import value_words
from usertrack.web.answers import Answer, since_of
from usertrack.web.export import download, written
from usertrack.web.pages.segments import by_of, rules_of, tags
from usertrack.web.paging import Paging
from usertrack.web.people_question import OPERATORS, Comparison, PeoplePage, PeopleQuestion, page_of, table_of
from usertrack.web.population import Population, past_of, population_of
from usertrack.web.shell import Part, error, rendered
from usertrack.web.site import Site

FORMATS = ("csv", "xlsx", "json")
_MOVED = 20  # people of each kind


@dataclass(frozen=True)
class SegmentPlace:
    """A segment that an address names: its set, and ``by`` what it judges, where that is not people."""

    segment: Segment
    segment_set: SegmentSet
    by: str

    @property
    def query(self) -> str:
        """All that its address says beside the question."""
        return urlencode({"set": self.segment_set.name} | ({"by": self.by} if self.by else {}))

    def asking(self, question: PeopleQuestion, **values: str) -> str:
        """Return the address that asks the ``question`` here, from its first page; ``values`` without the empty."""
        more = urlencode({name: value for name, value in values.items() if value})
        return "&".join(filter(None, [self.query, question.address().removeprefix("?"), more]))

    @property
    def rank(self) -> int:
        """Its place in its set, from 1."""
        return self.segment_set.segments.index(self.segment) + 1


def routes(site: Site) -> list[Route]:
    async def segment(request: Request) -> Response:
        place = await site.shell.ask(request, place_of, site, request)
        population = partial(population_of, site.answers, place.by, since=since_of(request.query_params))
        items = request.query_params.multi_items()
        parts = [
            Part("people", lambda: _people(site, place, items, population()), 40, asks="who is in it"),
            Part("moved", lambda: _moved(site, place, population()), asks="who came and went since last week"),
        ]
        push = place.asking(replace(_typed(items, PeopleQuestion()), sort=""))
        intro = rendered("segment_intro.html.j2", place=place, segment=place.segment, push=push)
        return site.shell.page(request, place.segment.name, parts, intro)

    async def export(request: Request) -> Response:
        return await site.shell.ask(request, _export, site, request)

    return [Route("/segments/{segment}", segment), Route("/segments/{segment}/people.{format}", export)]


class UnknownSegmentError(UsageError):
    """A bookmark names a segment that the set it names, if any, does not have, or not any more.

    ``with_it`` are the segments of this name that the ``rules`` have, each with its set.
    """

    def __init__(self, problem: UsageError, rules: Rules, name: str, set_name: str | None) -> None:
        sets = {**rules.sets, **rules.others}
        self.rules = rules
        self.with_it = [
            (segment_set, it) for segment_set in sets.values() if (it := find_segment(segment_set.segments, name))
        ]
        is_told = self.with_it and (not set_name or set_name in sets)  # by links to them
        super().__init__(problem.message, "" if is_told else problem.hint)


def no_such_segment(site: Site, request: Request, problem: UnknownSegmentError) -> Response:
    """The page that says so, and leads to the segments that there are."""
    body = error(problem.message, problem.hint)
    may_be_renamed = problem.hint != ABSENT
    sets = rendered(
        "no_such_segment.html.j2", rules=problem.rules, with_it=problem.with_it, may_be_renamed=may_be_renamed
    )
    return site.shell.simple(request, "No such segment", body + sets, 404)


def place_of(site: Site, request: Request) -> SegmentPlace:
    """The segment of an address. Raises UnknownSegmentError."""
    rules = rules_of(site.answers, by_of(request))
    name, set_name = request.path_params["segment"], request.query_params.get("set")
    try:
        return _place(rules, name, set_name)
    except UsageError as problem:
        raise UnknownSegmentError(problem, rules, name, set_name) from problem


def _place(rules: Rules, name: str, set_name: str | None) -> SegmentPlace:
    with_it = [segment_set for segment_set in rules.sets.values() if find_segment(segment_set.segments, name)]
    if set_name:
        segment_set = rules.set_named(set_name)
        (id_,) = rules.require(segment_set, [name])
    elif with_it:  # of two sets with such a segment, the first: a link may not say which
        segment_set, (id_,) = with_it[0], with_it[0].require([name])
    else:
        segment_set, id_ = rules.set_of(name)
    return SegmentPlace(segment_set[id_], segment_set, rules.by)


def _people(site: Site, place: SegmentPlace, items: list[tuple[str, str]], answer: Answer[Population]) -> Markup:
    """The form with the table below it; what cannot be asked is an error in the place of the table."""
    timezone = site.settings["timezone"]
    with answer.value.profiles() as profiles:
        facts = [fact for name, fact in profiles.facts.items() if name not in (profiles.key, "as_of")]
        key = profiles.key
    with answer.value.classification(place.segment_set.name) as classification:
        undecided = undecided_words(classification, place.segment.id)
    question, problem, page = PeopleQuestion(), None, None
    try:
        question = PeopleQuestion.of(items)
        page = page_of(answer.value, place.segment_set.name, place.segment.id, question, timezone)
    except UsertrackError as error_:
        problem = error_
        question = _typed(items, question)
    return rendered(
        "segment_people.html.j2",
        place=place,
        question=question,
        operators=OPERATORS,
        comparisons=[*question.comparisons, Comparison("", "least", "")],
        facts=facts,
        key=key,
        page=page,
        undecided=undecided,
        problem=error(problem.message, problem.hint) if problem else "",
        as_of=moment(answer.as_of, timezone),
        age="" if site.settings.uses_demo else age_words(datetime.now(UTC) - answer.asked_at),
        formats=FORMATS,
        words=subjects_words,
        **(_table(page, place, question, timezone) if page else {}),
    )


def _typed(items: list[tuple[str, str]], question: PeopleQuestion) -> PeopleQuestion:
    """Return what was typed, so that the form has it although it is wrong."""
    try:
        return PeopleQuestion.of([(name, value) for name, value in items if name != "page"])
    except UsertrackError:
        return question


def _table(page: PeoplePage, place: SegmentPlace, question: PeopleQuestion, timezone: str) -> dict[str, Any]:
    def cell(row: dict[str, Any], name: str) -> str:
        fact = next(fact for fact in page.facts if fact.name == name)
        return value_words(fact, row[name], timezone)

    numbers = {"priority", *(fact.name for fact in page.facts if fact.type != "VARCHAR")}

    def sort(name: str) -> str:
        """The address that sorts by ``name``: texts from A at first, all else from the most, then the other way."""
        first, second = (f"-{name}", name) if name in numbers else (name, f"-{name}")
        return question.address(sort=second if question.sort == first else first)

    def others(row: dict[str, Any]) -> list[dict[str, Any]]:
        return tags(place.segment_set, [id_ for id_ in row["segments"] if id_ != place.segment.id])

    def why(row: dict[str, Any]) -> str:
        return str(row["because"][row["segments"].index(place.segment.id)])

    def go(number: int) -> str:
        return f"{question.address(page=number)}&{place.query}"

    paging = Paging(question.page, page.total, go)
    return {"cell": cell, "sort": sort, "others": others, "why": why, "paging": paging}


def _moved(site: Site, place: SegmentPlace, population: Answer[Population]) -> Markup:
    """Show who entered and who left since last week, and which fact changed."""
    timezone = site.settings["timezone"]
    past = past_of(site.answers, population).value[place.segment_set.name]
    if past.moved is None or past.moves is None:
        return rendered("segment_moved.html.j2", since="", note=past.note, changes={})
    rows = past.moves.rows
    assert isinstance(rows, SpooledRows)
    own = rows.where(f"segment = {quote(place.segment.id)}")
    changes = {}
    for change in ("entered", "left"):
        listed = own.where(f"change = {quote(change)}")
        first = [dict(zip(past.moves.names, row, strict=True)) for row in listed[:_MOVED]]
        changes[change] = (len(listed), first)
    key = past.moves.names[0]
    pair = past.moved.pair
    return rendered(
        "segment_moved.html.j2",
        since=day(pair.before.as_of, timezone),
        note=past.note,
        changes=changes,
        key=key,
        by=place.by,
    )


def _export(site: Site, request: Request) -> Response:
    """A file with exactly the people that the page's question is about, all pages of them."""
    fmt = request.path_params["format"]
    place = place_of(site, request)
    population = population_of(site.answers, place.by).value
    question = PeopleQuestion.of(request.query_params.multi_items())
    table = table_of(population, place.segment_set.name, place.segment.id, question, site.settings["timezone"])
    return download(written(table, fmt), place.segment.id, fmt)
