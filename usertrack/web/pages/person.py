"""All that is known of one person: the dossier, what would change their segments, alerts, and a timeline to filter."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from usertrack.core.document import Block, Document, Listing
from usertrack.core.table import Row
from usertrack.core.words import shortened
from usertrack.reports.dossier import dossier
from usertrack.reports.dossier_view import person_document
from usertrack.segments.analysis import Analysis
from usertrack.segments.explain import explain, find_person
from usertrack.segments.explain_view import explain_document
from usertrack.web.answers import since_of
from usertrack.web.links import in_path, query_string
from usertrack.web.missing import named_in_path
from usertrack.web.paging import Paging, page_number
from usertrack.web.population import population_of
from usertrack.web.shell import Part, document_html, end, rendered
from usertrack.web.site import Site

_TITLE = 80  # characters of a name


@dataclass(frozen=True)
class Known:
    """Somebody whom a source knows: the key of the profile, and what else names them."""

    key: str
    name: str
    email: str


@dataclass(frozen=True)
class PersonDocuments:
    """All of one moment: what is known, and by set why they are in its segments or not."""

    dossier: Document
    verdicts: Mapping[str, Document]


def routes(site: Site) -> list[Route]:
    async def person(request: Request) -> Response:
        known = await site.shell.ask(request, known_as, site, request.path_params["person"])
        documents = partial(_ask_documents, site, known, since_of(request.query_params))
        has_asked: Future[None] = Future()

        def described() -> Markup:
            try:
                return _described(documents())
            finally:
                end(has_asked)

        parts = [
            Part("dossier", described, 30),
            Part("why", lambda: _why(documents(), known), 8, after=has_asked),
            Part("alerts", partial(_alerts, site, known), 6, is_local=True),
            Part("timeline", lambda: _timeline(documents(), request.query_params), 24, after=has_asked),
            Part("data", partial(_data, known), 4, is_local=True),
        ]
        return site.shell.page(
            request, shortened(known.name, _TITLE), parts, rendered("person_intro.html.j2", known=known)
        )

    return [Route("/people/{person:key}", person)]


def known_as(site: Site, name: str) -> Known:
    """Find the person who is called so. Raises UsageError with near matches, or why they are left out."""
    with population_of(site.answers).value.profiles() as profiles:
        with named_in_path():
            key = find_person(profiles, name)
        columns = [column if column in profiles.facts else "NULL" for column in ("name", "email")]
        full, email = profiles.row(f'SELECT {", ".join(columns)} FROM profile WHERE "{profiles.key}" = ?', [key])
    return Known(key, str(full or key), str(email or ""))


def _ask_documents(site: Site, known: Known, since: datetime | None) -> PersonDocuments:
    def ask(analysis: Analysis) -> PersonDocuments:
        """The tables are read while the sources are open."""
        timezone = analysis.settings["timezone"]
        profiles = analysis.profile_of(analysis.rules(), known.key)
        all_known = dossier(analysis.runner, profiles, known.key)
        parts = {name: replace(table, rows=list(table.rows)) for name, table in all_known.parts.items()}
        verdicts = {
            name: explain_document(profiles, explain(profiles, segment_set, known.key), timezone)
            for name, segment_set in profiles.rules.sets.items()
        }
        return PersonDocuments(person_document(replace(all_known, parts=parts), timezone), verdicts)

    return site.answers.ask(("dossier", known.key), ask, since=since).value


def _described(documents: PersonDocuments) -> Markup:
    blocks = tuple(block for block in documents.dossier.blocks if not _is_timeline(block))
    return document_html(replace(documents.dossier, blocks=blocks), prefix="dossier-")


def _why(documents: PersonDocuments, known: Known) -> Markup:
    """Each set's segments, and the smallest change that would put them in or out."""
    sets = [
        (
            name,
            document.title.removeprefix(f"{known.key} is "),
            document_html(replace(document, notes=()), prefix=f"why-{name}-"),
        )
        for name, document in documents.verdicts.items()
    ]
    return rendered("person_why.html.j2", sets=sets)


def _alerts(site: Site, known: Known) -> Markup:
    """Show the alerts about them, past and open."""
    from usertrack.live.alerts.view import alerts_document
    from usertrack.privacy.local import open_alerts
    from usertrack.workspace.state import state_folder

    now = datetime.now(UTC)
    names = {known.key.casefold(), known.email.casefold()} - {""}
    with open_alerts(state_folder(site.settings, now)) as store:
        alerts = [
            alert
            for alert in (store.alerts() if store else [])
            if alert.person.casefold() in names or str(alert.facts.get("email") or "").casefold() in names
        ]
    document = alerts_document(alerts, (), now, site.settings["timezone"])
    body = document_html(replace(document, notes=()), prefix="alerts-") if alerts else ""
    return rendered("person_alerts.html.j2", body=body)


def _is_timeline(block: Block) -> bool:
    return isinstance(block, Listing) and {"at", "kind"} <= {column.name for column in block.table.columns}


def _timeline(documents: PersonDocuments, query: Mapping[str, str]) -> Markup:
    """Show what they did, newest first: of one kind, with a text, a page at a time."""
    document = documents.dossier
    blocks = [block for block in document.blocks if isinstance(block, Listing) and _is_timeline(block)]
    rows: list[Row] = [row for block in blocks for row in block.table.rows]
    at = [column.name for column in blocks[0].table.columns].index("kind") if blocks else 0
    kind, text, page = query.get("kind", ""), query.get("text", "").strip(), page_number(query.get("page") or "1")
    listed = [row for row in rows if kind in ("", row[at]) and text.casefold() in _words(row)]

    def go(number: int) -> str:
        return query_string([("kind", kind), ("text", text), ("page", str(number))]) + "#timeline"

    paging = Paging(page, len(listed), go)
    shown = paging.rows_of(listed)
    cut = replace(document, blocks=(_cut(blocks[0], shown),), notes=()) if shown else None
    body = document_html(cut, prefix="timeline-") if cut else ""

    variables: dict[str, Any] = {
        "heading": blocks[0].heading if blocks else "Timeline",
        "kinds": sorted({row[at] for row in rows}),
        "kind": kind,
        "text": text,
        "paging": paging,
        "all": len(rows),
    }
    return rendered("person_timeline.html.j2", body=body, **variables)


def _cut(listing: Listing, rows: Sequence[Row]) -> Listing:
    return replace(listing, table=replace(listing.table, rows=rows), heading="", limit=0, more="")


def _words(row: Row) -> str:
    return " ".join(str(value) for value in row[1:] if value is not None).casefold()


def _data(known: Known) -> Markup:
    return rendered("person_data.html.j2", person=in_path(known.key))
