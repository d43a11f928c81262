"""The box in the header: people by e-mail or name, segments, and queries."""

from functools import partial

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from usertrack.core.spool import identifier
from usertrack.library.entities import EMAIL
from usertrack.segments.keys import ORGANIZATION
from usertrack.segments.rules import read_rules
from usertrack.web.population import population_of
from usertrack.web.shell import Part, rendered
from usertrack.web.site import Site
from usertrack.workspace.files import rules_path

_PEOPLE = 30  # hits on one page; more letters find fewer


def routes(site: Site) -> list[Route]:
    async def search(request: Request) -> Response:
        text = request.query_params.get("q", "").replace("\0", "").strip()
        if not text:
            intro = Markup("<p class='subtitle'>Type a name, an e-mail, a segment or a query into the box above.</p>")
            return site.shell.simple(request, "Search", intro)
        parts = [
            Part("segments", partial(_segments, site, text), 2, is_local=True),
            Part("people", partial(_people, site, text), 20, asks="people of that name"),
            Part("queries", partial(_queries, site, text), 4, is_local=True),
        ]
        intro = rendered("search_intro.html.j2", text=text)
        return site.shell.page(request, "Search", parts, intro)

    return [Route("/search", search)]


def _people(site: Site, text: str) -> Markup:
    """Find people; first those whose name begins so."""
    with population_of(site.answers).value.profiles() as profiles:
        key = identifier(profiles.key)
        names = [identifier(name) for name in dict.fromkeys((profiles.key, EMAIL, "name")) if name in profiles.facts]
        full = "name" if "name" in profiles.facts else "NULL"
        is_like = " OR ".join(f"contains(lower({name}), lower($1))" for name in names)
        begins = " OR ".join(f"starts_with(lower({name}), lower($1))" for name in names)
        matching = f"FROM profile WHERE {is_like}"
        count = profiles.row(f"SELECT count(*) {matching}", [text])[0]
        order = f"ORDER BY coalesce({begins}, false) DESC, {key} LIMIT {_PEOPLE}"
        rows = profiles.connection.execute(f"SELECT {key}, {full} {matching} {order}", [text]).fetchall()
    return rendered("search_people.html.j2", rows=rows, count=count)


def _segments(site: Site, text: str) -> Markup:
    rules = read_rules(rules_path(site.settings))
    hits = [
        (segment, place, segment_set, by)
        for by in ("", ORGANIZATION)
        for segment_set in rules.judging(by).sets.values()
        for place, segment in enumerate(segment_set.segments, start=1)
        if text.casefold() in f"{segment.id} {segment.name} {segment.action}".casefold()
    ]
    return rendered("search_segments.html.j2", hits=hits)


def _queries(site: Site, text: str) -> Markup:
    library = site.answers.library
    titles = {name: library[name].title for name in library}
    hits = [(name, title) for name, title in titles.items() if text.casefold() in f"{name} {title}".casefold()]
    return rendered("search_queries.html.j2", hits=hits[:_PEOPLE])
