"""Exports all that is held on a person, and erases it: each after a form that says what would happen."""

from functools import partial
from typing import IO

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from usertrack.core.document import Document
from usertrack.core.errors import CheckFailed, UsertrackError
from usertrack.library.entities import EMAIL
from usertrack.privacy.erase import erase_everywhere
from usertrack.privacy.export import pieces
from usertrack.privacy.holdings import find_holdings, local_files
from usertrack.privacy.view import erased_document, survey_document
from usertrack.segments.analysis import Analysis
from usertrack.web.export import download, empty_file
from usertrack.web.links import in_path
from usertrack.web.missing import named_in_path
from usertrack.web.orders import Orders
from usertrack.web.pages.person import Known, known_as
from usertrack.web.shell import Part, document_html, error, rendered
from usertrack.web.site import Site


def routes(site: Site) -> list[Route]:
    orders: Orders[tuple[Document, Markup]] = Orders()

    async def ask_export(request: Request) -> Response:
        known = await site.shell.ask(request, known_as, site, request.path_params["person"])
        token = site.access.token(request)
        body = rendered("person_export.html.j2", known=known, back=_address(known), token=token)
        return site.shell.simple(request, "Export", body)

    async def export(request: Request) -> Response:
        await site.access.form(request)
        known = await site.shell.ask(request, known_as, site, request.path_params["person"])
        return download(await site.shell.ask(request, _exported, site, known), f"{known.key}", "json")

    async def ask_erase(request: Request) -> Response:
        known = await site.shell.ask(request, known_as, site, request.path_params["person"])
        survey = partial(_survey, site, orders, known, token=site.access.token(request))
        return site.shell.page(request, "Erase", [Part("held", survey, 24)])

    async def erase(request: Request) -> Response:
        form = await site.access.form(request)
        await site.shell.ask(request, orders.carry_out, form.get("order", ""), form.get("typed", ""))
        return RedirectResponse(f"/erased/{form['order']}", 303)

    async def erased(request: Request) -> Response:
        id_ = request.path_params["id"]
        with named_in_path():
            orders.back(id_)
        try:
            document, left = await site.shell.ask(request, orders.outcome, id_)
        except UsertrackError as problem:
            return site.shell.simple(request, "Not erased yet", error(problem.message, problem.hint), 502)
        return site.shell.simple(request, document.title, left + document_html(document))

    return [
        Route("/export/{person:key}", ask_export),
        Route("/export/{person:key}", export, methods=["POST"]),
        Route("/erase/{person:key}", ask_erase),
        Route("/erase", erase, methods=["POST"]),
        Route("/erased/{id}", erased),
    ]


def _address(known: Known) -> str:
    return f"/people/{in_path(known.key)}"


def _by_email(analysis: Analysis, known: Known) -> str:
    """The e-mail of the person; from here on, queries ask by e-mail."""
    email = analysis.email_of(known.email or known.key)
    analysis.runner.library = analysis.runner.library.by(EMAIL)
    return email


def _exported(site: Site, known: Known) -> IO[bytes]:
    file = empty_file()
    with site.answers.analysis(cached=False) as analysis:
        files = local_files(analysis)
        subject, _ = find_holdings(analysis, _by_email(analysis, known), files)
        _, text = pieces(analysis.runner, subject, files, analysis.runner.now)
        for piece in text:
            file.write(piece)
    return file


def _survey(site: Site, orders: Orders[tuple[Document, Markup]], known: Known, *, token: str) -> Markup:
    """Show what would be deleted, and the form that deletes it."""
    with site.answers.analysis(cached=False) as analysis:
        email = _by_email(analysis, known)
        subject, holdings = find_holdings(analysis, email, local_files(analysis))
    document = survey_document(subject, holdings)
    order = orders.prepare(partial(_erase, site, email), _address(known), subject.email)
    return rendered(
        "person_erase.html.j2",
        title=document.title,
        document=document_html(document),
        email=subject.email,
        order=order,
        token=token,
        back=_address(known),
    )


def _erase(site: Site, email: str) -> tuple[Document, Markup]:
    """Delete, forget what pages have been answered so far, and read every place again. Says what is left, if any."""
    with site.answers.analysis(cached=False) as analysis:
        analysis.runner.library = analysis.runner.library.by(EMAIL)
        files = local_files(analysis)
        subject, holdings = find_holdings(analysis, email, files)
        runner, progress, forget = analysis.runner, analysis.progress, site.answers.forget
        outcome = erase_everywhere(runner, subject, files, holdings, progress, when_deleted=forget)
    document = erased_document(subject, outcome.erasures)
    try:
        outcome.require_nothing_left()
    except CheckFailed as problem:
        return document, error(problem.message, problem.hint)
    return document, Markup("")
