"""The tracking plan: how much of it is in code and in data, what breaks it, and the catalogue of events."""

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from usertrack.core.errors import UsageError
from usertrack.segments.analysis import Analysis
from usertrack.web.shell import Part, document_html, rendered
from usertrack.web.site import Site
from usertrack.workspace.files import plan_path

_DAYS = 30  # in which an event has to arrive


def routes(site: Site) -> list[Route]:
    def covered() -> tuple[Markup, Markup]:
        return site.answers.ask("plan", _coverage_and_catalogue).value

    def violations() -> Markup:
        return site.answers.ask("violations of the plan", _violations).value

    def events() -> Markup:
        return site.answers.ask("events that arrive", _events).value

    async def plan(request: Request) -> Response:
        try:
            path = plan_path(site.settings)
        except UsageError:
            intro = rendered("no_plan.html.j2")
            return site.shell.page(request, "Tracking plan", [Part("events", events, 40)], intro)
        parts = [
            Part("coverage", lambda: covered()[0], 20),
            Part("violations", violations, 8),
            Part("catalogue", lambda: covered()[1], 40),
        ]
        return site.shell.page(request, "Tracking plan", parts, Markup("<p class='subtitle'>{}</p>").format(path))

    return [Route("/plan", plan)]


def _coverage_and_catalogue(analysis: Analysis) -> tuple[Markup, Markup]:
    from usertrack.coverage.catalogue import catalogue_document
    from usertrack.coverage.material import read_material, with_data
    from usertrack.coverage.view import coverage_document

    material = with_data(read_material(analysis.settings, analysis.runner.library), analysis.runner, _DAYS)
    coverage = material.coverage()
    return document_html(coverage_document(coverage, material.notes)), document_html(catalogue_document(coverage))


def _violations(analysis: Analysis) -> Markup:
    from usertrack.coverage.live_check import ask_live_check, live_check_document

    report = ask_live_check(analysis.runner)
    return document_html(live_check_document(report, analysis.settings["timezone"], analysis.runner.now))


def _events(analysis: Analysis) -> Markup:
    from usertrack.insights.catalog import events
    from usertrack.insights.view import events_document

    table = events(analysis.runner, days=_DAYS)
    return document_html(events_document(table, _DAYS, analysis.settings["timezone"]))
