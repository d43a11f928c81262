"""The first page: whom to act on first, what fires now, the scorecard, incidents, and what changed."""

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from usertrack.core.document import Document
from usertrack.segments.analysis import Analysis
from usertrack.web.shell import Part, document_html
from usertrack.web.site import Site


def routes(site: Site) -> list[Route]:
    def segments() -> Markup:
        return document_html(site.answers.ask("today: segments", _segments).value)

    async def today(request: Request) -> Response:
        return site.shell.page(request, "Today", [Part("segments", segments)])

    return [Route("/", today)]


def _segments(analysis: Analysis) -> Document:
    from usertrack.segments.classify import classify
    from usertrack.segments.view import segments_document

    rules = analysis.rules()
    classification = classify(analysis.profiles(rules, last=True), rules.sets["action"])
    return segments_document(classification, [], analysis.settings["timezone"], 20, None)
