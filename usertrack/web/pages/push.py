"""Sends the people of a segment to a target: what would be sent is shown first, and the form then sends just that."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from usertrack.core.document import Document, Paragraph
from usertrack.core.errors import UsageError, UsertrackError
from usertrack.core.words import age_words, people_words
from usertrack.push import TARGETS, target_named
from usertrack.push.audience import AudienceFilter
from usertrack.push.order import PushOrder
from usertrack.push.send import Push, moment_words, push_after_dry_run, push_segment
from usertrack.push.view import outcome_document
from usertrack.segments.analysis import Analysis
from usertrack.segments.applicable import fact_labels
from usertrack.web.export import download, written
from usertrack.web.links import in_path
from usertrack.web.missing import named_in_path
from usertrack.web.orders import Orders
from usertrack.web.pages.segment import SegmentPlace, place_of
from usertrack.web.pages.segments import rules_of
from usertrack.web.people_question import PeopleQuestion, audience_filter
from usertrack.web.shell import Part, document_html, error, rendered
from usertrack.web.site import Site

_FILE = "csv"
_LISTED = 50  # people above the requests, which have all


def routes(site: Site) -> list[Route]:
    orders: Orders[Document] = Orders()

    async def show(request: Request) -> Response:
        selection = await site.shell.ask(request, _selection, site, request)
        place, question, target = selection.place, selection.question, request.query_params.get("to", "")
        if target:
            target_named(target)
        intro = rendered(
            "push_intro.html.j2",
            place=place,
            segment=place.segment,
            targets=TARGETS,
            target=target,
            question=question,
            other=replace(question, everyone=not question.everyone),
            unfiltered=PeopleQuestion(everyone=question.everyone),
            filter=selection.only.words if selection.only else "",
            file=_FILE,
        )
        token = site.access.token(request)
        parts = []
        if target and target != _FILE:
            part = partial(_dry_run, site, orders, selection, target, token)
            parts = [Part("dry-run", part, 24)]
        return site.shell.page(request, f"Push {place.segment.name}", parts, intro)

    async def confirm(request: Request) -> Response:
        form = await site.access.form(request)
        await site.shell.ask(request, orders.carry_out, form.get("order", ""))
        return RedirectResponse(f"/pushes/{form['order']}", 303)

    async def outcome(request: Request) -> Response:
        id_ = request.path_params["id"]
        with named_in_path():
            back = orders.back(id_)
        try:
            document = await site.shell.ask(request, orders.outcome, id_)
        except UsertrackError as problem:
            body = Markup("{}<p><a href='{}'>Look at it again</a></p>").format(
                error(problem.message, problem.hint), back
            )
            return site.shell.simple(request, "Not sent", body, 502)
        segment = back.replace("/push?", "?", 1)
        body = document_html(document) + Markup("<p><a href='{}'>To the segment</a></p>").format(segment)
        return site.shell.simple(request, document.title, body)

    async def file(request: Request) -> Response:
        return await site.shell.ask(request, _file, site, request)

    return [
        Route("/segments/{segment}/push", show),
        Route("/segments/{segment}/push", confirm, methods=["POST"]),
        Route("/segments/{segment}/push.csv", file),
        Route("/pushes/{id}", outcome),
    ]


@dataclass(frozen=True)
class _Selection:
    """The people whom an address sends: those of the ``question``, on the page of the segment; in any order.

    ``only`` is the question's filter.
    """

    place: SegmentPlace
    question: PeopleQuestion
    only: AudienceFilter | None

    def push(self, analysis: Analysis, target: str, order: PushOrder) -> Push:
        place, everyone = self.place, self.question.everyone
        return push_segment(
            analysis,
            target,
            place.segment.id,
            place.segment_set.name,
            order,
            all_members=everyone,
            only=self.only,
            passing=True,
        )

    def back(self, target: str) -> str:
        """The address of its dry run."""
        return f"/segments/{in_path(self.place.segment.id)}/push?{self.place.asking(self.question, to=target)}"


def _selection(site: Site, request: Request) -> _Selection:
    place = place_of(site, request)
    if place.by:
        raise UsageError(f"segments of {place.by}s are not pushed", "their people are: choose one of people")
    question = replace(PeopleQuestion.of(request.query_params.multi_items()), sort="", page=1)
    rules = rules_of(site.answers, place.by)
    labels = fact_labels(rules, site.answers.library.by(rules.key))
    return _Selection(place, question, audience_filter(question, labels, site.settings["timezone"]))


def _dry_run(site: Site, orders: Orders[Document], selection: _Selection, target: str, token: str) -> Markup:
    """Show what would be sent, and below it the form that sends it; nothing is sent here."""
    with site.answers.analysis(cached=False) as analysis:
        timezone = analysis.settings["timezone"]
        order = PushOrder(analysis.settings, dry_run=True, moment=moment_words(analysis.runner, timezone))
        shown = selection.push(analysis, target, order)
    problem: UsertrackError | None = None
    try:
        target_named(target).check(replace(order, dry_run=False))
    except UsertrackError as error_:
        problem = error_
    back = selection.back(target)
    audience, outcome = shown.audience, shown.outcome
    latest = orders.latest(back)
    variables: dict[str, Any] = {
        "audience": audience,
        "listed": audience.people[:_LISTED],
        "document": document_html(outcome_document(target, audience, outcome, dry_run=True)),
        "people": people_words(outcome.sent),
        "target": target,
        "token": token,
        "problem": error(problem.message, problem.hint) if problem else "",
        "order": "" if problem else orders.prepare(partial(_send, site, shown, order), back),
        "action": back.split("?")[0],
        "count": len(outcome.requests),
        "latest": latest[0] if latest else "",
        "ago": age_words(latest[1]) if latest else "",
    }
    return rendered("push_dry_run.html.j2", **variables)


def _send(site: Site, shown: Push, order: PushOrder) -> Document:
    """Show what came of it; a problem of the check after sending is above it."""
    with site.answers.analysis(cached=False) as analysis:
        sent = push_after_dry_run(analysis, shown, replace(order, dry_run=False))
    document = outcome_document(sent.target, sent.audience, sent.outcome, dry_run=False)
    if sent.gone:
        left = f"{people_words(sent.gone)} of those shown left the segment since, and were not sent"
        document = replace(document, notes=(*document.notes, left))
    if problem := sent.outcome.problem:
        warning = Paragraph(". ".join(filter(None, [problem.message, problem.hint])), "warning")
        document = replace(document, blocks=(warning, *document.blocks))
    return document


def _file(site: Site, request: Request) -> Response:
    """The file for a CRM."""
    selection = _selection(site, request)
    with site.answers.analysis(cached=False) as analysis:
        table = selection.push(analysis, _FILE, PushOrder(analysis.settings)).outcome.table
        assert table is not None
        return download(written(table, "csv"), f"push-{selection.place.segment.id}", "csv")
