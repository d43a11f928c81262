"""Sends the people of a segment to a target: what would be sent is shown first, and the form then sends just that."""

from dataclasses import replace
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
from usertrack.push.ask import moment_words
from usertrack.push.order import PushOrder
from usertrack.push.send import Push, push_after_dry_run, push_segment
from usertrack.push.view import outcome_document
from usertrack.segments.analysis import Analysis
from usertrack.web.export import download, written
from usertrack.web.missing import named_in_path
from usertrack.web.orders import Orders
from usertrack.web.pages.segment import SegmentPlace, place_of
from usertrack.web.shell import Part, document_html, error, rendered
from usertrack.web.site import Site

_FILE = "csv"
_LISTED = 50  # people above the requests, which have all


def routes(site: Site) -> list[Route]:
    orders: Orders[Document] = Orders()

    async def show(request: Request) -> Response:
        place = await site.shell.ask(request, _place, site, request)
        target, everyone = request.query_params.get("to", ""), request.query_params.get("members") == "all"
        if target:
            target_named(target)
        intro = rendered(
            "push_intro.html.j2",
            place=place,
            segment=place.segment,
            targets=TARGETS,
            target=target,
            everyone=everyone,
            file=_FILE,
        )
        token = site.access.token(request)
        parts = []
        if target and target != _FILE:
            part = partial(_dry_run, site, orders, place, target, everyone=everyone, token=token)
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
        body = document_html(document) + Markup("<p><a href='{}'>To the segment</a></p>").format(back.split("/push")[0])
        return site.shell.simple(request, document.title, body)

    async def file(request: Request) -> Response:
        return await site.shell.ask(request, _file, site, request)

    return [
        Route("/segments/{segment}/push", show),
        Route("/segments/{segment}/push", confirm, methods=["POST"]),
        Route("/segments/{segment}/push.csv", file),
        Route("/pushes/{id}", outcome),
    ]


def _place(site: Site, request: Request) -> SegmentPlace:
    place = place_of(site, request)
    if place.by:
        raise UsageError(f"segments of {place.by}s are not pushed", "their people are: choose one of people")
    return place


def _dry_run(
    site: Site, orders: Orders[Document], place: SegmentPlace, target: str, *, everyone: bool, token: str
) -> Markup:
    """What would be sent, and below it the form that sends it; nothing is sent here."""
    with site.answers.analysis(cached=False) as analysis:
        timezone = analysis.settings["timezone"]
        order = PushOrder(analysis.settings, dry_run=True, moment=moment_words(analysis.runner, timezone))
        shown = _push(analysis, place, target, order, everyone=everyone)
    problem: UsertrackError | None = None
    try:
        target_named(target).check(replace(order, dry_run=False))
    except UsertrackError as error_:
        problem = error_
    back = f"/segments/{place.segment.id}/push?{place.query}&to={target}{'&members=all' * everyone}"
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


def _push(analysis: Analysis, place: SegmentPlace, target: str, order: PushOrder, *, everyone: bool) -> Push:
    segment, set_name = place.segment.id, place.segment_set.name
    return push_segment(analysis, target, segment, set_name, order, all_members=everyone, passing=True)


def _send(site: Site, shown: Push, order: PushOrder) -> Document:
    """What came of it; a problem of the check after sending is above it."""
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
    place, everyone = _place(site, request), request.query_params.get("members") == "all"
    with site.answers.analysis(cached=False) as analysis:
        table = _push(analysis, place, _FILE, PushOrder(analysis.settings), everyone=everyone).outcome.table
        assert table is not None
        return download(written(table, "csv"), f"push-{place.segment.id}", "csv")
