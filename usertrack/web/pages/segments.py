"""The segments of a set: their sizes, also over the weeks, who came and went, and how many to act on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from usertrack.core.period import day, moment
from usertrack.segments.classify import SegmentCount
from usertrack.segments.keys import ORGANIZATION, subjects_heading
from usertrack.segments.rules import Rules, SegmentSet
from usertrack.segments.view import match_notes, undecided_notes
from usertrack.web.answers import Answers, since_of
from usertrack.web.population import Past, knows_past, past_of, population_of
from usertrack.web.shell import Part, rendered
from usertrack.web.site import Site


@dataclass(frozen=True)
class SegmentRow:
    """One segment: ``weeks`` are its sizes, oldest first, None where it was unknown."""

    count: SegmentCount
    place: int
    share: float | None
    weeks: tuple[int | None, ...]
    entered: int | None = None
    left: int | None = None


def routes(site: Site) -> list[Route]:
    async def segments(request: Request) -> Response:
        by = by_of(request)
        rules = await site.shell.ask(request, rules_of, site.answers, by)
        segment_set = rules.set_or_usual(request.query_params.get("set"))
        since = since_of(request.query_params)

        def table(*, with_past: bool) -> Markup:
            answer = population_of(site.answers, by, since=since)
            past = past_of(site.answers, answer).value[segment_set.name] if with_past else Past()
            timezone = site.settings["timezone"]
            population = answer.value
            counts = population.divisions[segment_set.name].counts
            with population.classification(segment_set.name) as classification:
                profiles = classification.profiles
                doubts = undecided_notes(classification)
                people, notes = profiles.people, [*profiles.notes, *doubts, *match_notes(profiles.match, profiles.key)]
                as_of, heading = moment(profiles.as_of, timezone), subjects_heading(profiles.key)
            return rendered(
                "segments.html.j2",
                rows=[_row(count, place, past, people) for place, count in enumerate(counts, start=1)],
                set=segment_set,
                people=people,
                as_of=as_of,
                heading=heading,
                since=day(past.moved.pair.before.as_of, timezone) if past.moved else "",
                weeks=len(past.weeks),
                notes=[*notes, *([past.note] if past.note else [])],
            )

        whole = partial(table, with_past=True)
        if since or knows_past(site.answers, by):
            parts = [Part("segments", whole, 20, asks="everybody, as of now and of a week ago")]
        else:
            now = partial(table, with_past=False)  # hidden once the whole is there
            parts = [Part("segments-now", now, 20, asks="everybody, sorted into segments"), Part("segments", whole, 0)]
        sets = [(of_people, "") for of_people in (rules.others if rules.by else rules.sets).values()]
        sets += [(of_accounts, ORGANIZATION) for of_accounts in (rules.sets if rules.by else rules.others).values()]
        return site.shell.page(request, "Segments", parts, rendered("set_tabs.html.j2", sets=sets, shown=segment_set))

    return [Route("/segments", segments)]


def by_of(request: Request) -> str:
    """Return what is judged: people, or with ``?by=organization`` these."""
    from usertrack.core.errors import UsageError

    by = request.query_params.get("by", "")
    if by not in ("", ORGANIZATION):
        raise UsageError(f"nobody is judged by '{by}'", f"write by={ORGANIZATION}, or leave it out")
    return by


def rules_of(answers: Answers, by: str) -> Rules:
    """The checked rules of segments.yaml, of people or by organization."""
    return answers.ask(("rules", by), lambda analysis: analysis.rules(by)).value


def _row(count: SegmentCount, place: int, past: Past, people: int) -> SegmentRow:
    id_ = count.segment.id
    sizes = tuple(week.known[id_].people if id_ in week.known else None for week in past.weeks)
    entered, left = past.moved.counts.get(id_, (None, None)) if past.moved else (None, None)
    return SegmentRow(count, place, count.share(people), sizes, entered, left)


def tags(segment_set: SegmentSet, ids: Sequence[str]) -> list[dict[str, object]]:
    """The name and the colour of each segment of ``ids``."""
    places = {segment.id: (place, segment.name) for place, segment in enumerate(segment_set.segments, start=1)}
    return [{"id": id_, "place": places[id_][0], "name": places[id_][1]} for id_ in ids]
