"""`usertrack activity` and `usertrack sessions`."""

from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli.activity_report import gather_activity
from usertrack.cli.common import Common
from usertrack.cli.filters import PANEL, emit_analysis, with_filters
from usertrack.cli.options import Limit
from usertrack.reports.filters import Filters, scope_of

if TYPE_CHECKING:
    from usertrack.cli.session import Session
    from usertrack.core.document import Document
    from usertrack.product.scope import Scope


@with_filters()
def activity(
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="Write one JSON document that also has features, journeys, retention and segments."
        ),
    ] = False,
    user: Annotated[
        str | None,
        typer.Option("--user", metavar="EMAIL", help="Only this person: an e-mail, or an id that PostHog knows."),
    ] = None,
    limit: Limit = None,
    *,
    filters: Filters,
    common: Common,
) -> None:
    """How active people are: DAU, WAU and MAU, new and lost people, sessions, engagement, and the time of week.

    `usertrack activity` · the last 30 days with today, compared with the 30 days before

    `usertrack activity --segment power --days 90 --interval week` · charts by week

    `usertrack activity --breakdown person.plan --since 2026-09-01 -o activity.csv`

    `usertrack activity --full -o activity.json` · for a dashboard

    `usertrack activity --user lena@northwind.example` · one person
    """
    from dataclasses import replace

    from usertrack.cli.session import open_session
    from usertrack.product.activity.numbers import ask
    from usertrack.product.activity.view import activity_document
    from usertrack.product.ask import user_of

    if full:
        _require_unused(filters)
        _require_json(common)
    with open_session(common) as session:
        scope = scope_of(session, filters)
        scope = replace(scope, user=user_of(session.runner, user)) if user else scope
        emit_analysis(
            session,
            scope,
            _full_document(session, scope) if full else activity_document(ask(session.runner, scope)),
            limit,
        )


def _require_json(common: Common) -> None:
    from usertrack.cli.common import settings_of
    from usertrack.cli.session import format_of
    from usertrack.core.errors import UsageError

    if format_of(settings_of(common), common) != "json":
        raise UsageError("--full is a JSON document", "add -f json, or -o with a file that ends in .json")


def _require_unused(filters: Filters) -> None:
    from usertrack.core.errors import UsageError

    for option, typed in (("--interval", filters.interval), ("--breakdown", filters.breakdown)):
        if typed:
            raise UsageError(f"--full takes no {option}: it is one document, by day", f"leave out {option}")


def _full_document(session: "Session", scope: "Scope") -> "Document":
    from dataclasses import replace

    from usertrack.core.errors import UsageError
    from usertrack.product.funnel.numbers import named_funnels
    from usertrack.reports.activity import activity_query
    from usertrack.reports.activity_export import user_activity_document
    from usertrack.workspace.files import funnel_paths

    rules = session.rules()
    scope = replace(scope, breakdown="")
    query = replace(
        activity_query(session.settings, scope),
        session_values=100,
        churn_days=replace(scope, interval="day").last(365),
        funnels=named_funnels(funnel_paths(session.settings)),
    )
    profiles = session.profiles(rules)
    report = gather_activity(session, query, profiles, rules)
    session.incomplete |= any(not isinstance(error, UsageError) for error in report.errors)
    return user_activity_document(report, _project_name(session))


def _project_name(session: "Session") -> str:
    """The id of PostHog's project, else the name of the workspace, else ``demo``."""
    settings = session.settings
    project = settings["posthog.project_id"]
    return str(project) if project and not settings.uses_demo else settings.root.name if settings.root else "demo"


@with_filters()
def sessions(limit: Limit = None, *, filters: Filters, common: Common) -> None:
    """Sessions: how many, how long, and by device, browser, operating system and country.

    `usertrack sessions` · the last 30 days with today, compared with the 30 days before

    `usertrack sessions --where "properties.$host = 'app.example.com'" --breakdown '$referring_domain'`

    `usertrack sessions --days 90 --interval week` · also by week
    """
    from usertrack.cli.session import open_session
    from usertrack.product.sessions.numbers import ask
    from usertrack.product.sessions.view import sessions_document

    with open_session(common) as session:
        scope = scope_of(session, filters)
        result = ask(session.runner, scope, buckets=filters.interval is not None)
        emit_analysis(session, scope, sessions_document(result), limit)


def register(app: typer.Typer) -> None:
    for command in (activity, sessions):
        app.command(rich_help_panel=PANEL)(command)
