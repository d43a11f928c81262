"""The library of queries: what each answers, its SQL, a form to run it, and its rows as a file."""

from collections.abc import Mapping
from dataclasses import replace
from typing import IO

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from usertrack.core.document import Document, Field, Link, Listing, of_table
from usertrack.library.library import Query
from usertrack.library.view import library_document, query_document
from usertrack.render.data import FORMATS
from usertrack.segments.analysis import Analysis
from usertrack.web.export import download, written
from usertrack.web.missing import named_in_path
from usertrack.web.shell import Part, document_html, rendered
from usertrack.web.site import Site

_ROWS = 100  # on the page; a file has all


def routes(site: Site) -> list[Route]:
    async def listed(request: Request) -> Response:
        search = request.query_params.get("q", "")
        parts = [Part("queries", lambda: document_html(_library(site, search)), 40, is_local=True)]
        return site.shell.page(request, "Queries", parts, rendered("queries.html.j2", search=search))

    async def details(request: Request) -> Response:
        query = _query(site, request)
        values = dict(request.query_params)
        is_run = values.pop("run", None) is not None
        intro = rendered("query.html.j2", query=query, values=values, formats=FORMATS, is_run=is_run)
        parts = [Part("rows", lambda: _rows(site, query, values), 30)] if is_run else []
        parts.append(Part("query", lambda: document_html(_described(site, query)), is_local=True))
        return site.shell.page(request, query.title, parts, intro)

    async def file(request: Request) -> Response:
        query = _query(site, request)
        values = dict(request.query_params)
        fmt = values.pop("format", "csv")
        values.pop("run", None)
        content = await run_in_threadpool(_written, site, query, values, fmt)
        return download(content, query.name.replace("/", "-"), fmt)

    return [Route("/queries", listed), Route("/queries/{name:path}/file", file), Route("/queries/{name:path}", details)]


def _query(site: Site, request: Request) -> Query:
    with named_in_path():
        return site.answers.library[request.path_params["name"]]


def _library(site: Site, search: str) -> Document:
    """The queries whose name or title has the words of ``search``."""
    document = library_document(site.answers.library)
    (listing,) = document.blocks
    assert isinstance(listing, Listing)
    words = search.casefold().split()
    rows = [
        (Link(str(name), f"/queries/{name}"), *rest)
        for name, *rest in listing.table.rows
        if all(word in f"{name} {rest[0]}".casefold() for word in words)
    ]
    fields = {**listing.fields, "name": Field(kind="link")}
    return Document(document.title, (Listing(replace(listing.table, rows=rows), fields=fields),))


def _described(site: Site, query: Query) -> Document:
    return query_document(query, query.written, site.answers.library.fragments_in(query))


def _rows(site: Site, query: Query, values: Mapping[str, str]) -> Markup:
    def rows(analysis: Analysis) -> Markup:
        statement = analysis.runner.bind(query.name, _parsed(query, values), limit=_ROWS)
        return document_html(of_table(analysis.runner.table(statement), limit=_ROWS))

    return site.answers.ask(("query", query.name, tuple(sorted(values.items()))), rows).value


def _written(site: Site, query: Query, values: Mapping[str, str], fmt: str) -> IO[bytes]:
    with site.answers.analysis() as analysis:
        statement = analysis.runner.bind(query.name, _parsed(query, values))
        return written(analysis.runner.table(statement), fmt)


def _parsed(query: Query, values: Mapping[str, str]) -> dict[str, object]:
    """The values of a form; an empty field is the parameter's default."""
    return {name: query.params[name].parse(text) for name, text in values.items() if text and name in query.params}
