"""Commands about PostHog's own objects: saved insights, event and property definitions, errors, search."""

from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli import complete, names
from usertrack.cli.common import Common
from usertrack.cli.options import Limit, Params, parse_params, with_common, with_common_once

if TYPE_CHECKING:
    from usertrack.cli.session import Session

_PANEL = "PostHog"
insight = typer.Typer(no_args_is_help=True, help="PostHog's saved insights: list, show, run, create and delete.")
Search = Annotated[str, typer.Option("--search", metavar="TEXT", help="Only names with this text.")]
InsightName = Annotated[str, typer.Argument(metavar="ID", help="An id, a short id, or a name.", show_default=False)]


@insight.command("list")
@with_common
def list_(
    search: Search = "",
    *,
    common: Common,
) -> None:
    """List the saved insights, your favourites (`insights:` in usertrack.yaml) first.

    `usertrack insight list`

    `usertrack insight list --search mcp`
    """
    from usertrack.cli.session import open_session
    from usertrack.insights.saved import list_insights
    from usertrack.insights.view import list_document

    with open_session(common) as session:
        insights = list_insights(session.runner, search)
        if not search:
            names.keep(
                session.settings,
                "insights",
                (name for insight in insights for name in (insight.short_id, insight.name)),
            )
        session.emit(list_document(insights, session.settings["insights"], search))


@insight.command("show")
@with_common
def show(name: InsightName, *, common: Common) -> None:
    """Show one insight: its ids, and its query.

    `usertrack insight show 2625024`
    """
    from usertrack.cli.session import open_session
    from usertrack.insights.saved import find
    from usertrack.insights.view import insight_document

    with open_session(common) as session:
        session.emit(insight_document(find(session.runner, name), session.settings["timezone"]))


@insight.command("run")
@with_common
def run(
    name: InsightName,
    limit: Limit = None,
    *,
    common: Common,
) -> None:
    """Show the numbers of any insight as one table.

    `usertrack insight run 2625022` · with `--refresh` PostHog always computes it again

    `usertrack insight run "New signups (last 30d)" -o signups.xlsx`
    """
    from usertrack.cli.session import open_session
    from usertrack.insights.saved import answer, find
    from usertrack.insights.view import answer_document

    with open_session(common) as session:
        _note_present(session)
        saved = find(session.runner, name)
        session.progress(f"waiting for {saved.called}", passing=True)
        session.emit(
            answer_document(answer(session.runner, saved, refresh=common.refresh), session.settings["timezone"]), limit
        )


@insight.command("create")
@with_common_once
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the insight.", show_default=False)],
    query: Annotated[
        str | None,
        typer.Option("--query", metavar="QUERY", help="A query of the library.", autocompletion=complete.queries),
    ] = None,
    sql: Annotated[
        str | None,
        typer.Option("--sql", metavar="SQL", help="This HogQL, or that of a file; - reads it from standard input."),
    ] = None,
    param: Params = None,
    description: Annotated[str, typer.Option("--description", metavar="TEXT", help="What it shows.")] = "",
    *,
    common: Common,
) -> None:
    """Save a query as an insight in PostHog; `usertrack insight run` then fetches its numbers.

    `usertrack insight create "MCP clicks, 7 days" --query posthog/mcp_clicks -p days=7`

    `usertrack insight create "Errors by page" --sql errors.sql -f json`
    """
    from usertrack.cli import diagnostics
    from usertrack.cli.queries import statement
    from usertrack.cli.session import open_session
    from usertrack.insights.saved import create as save
    from usertrack.insights.saved import namesakes
    from usertrack.insights.view import created_document

    with open_session(common) as session:
        statement_to_save = statement(session.runner, query, parse_params(param), "posthog", sql, None)
        same_name = namesakes(session.runner, name)
        saved = save(session.runner, name, statement_to_save, description)
        session.emit(created_document(saved))
        if same_name:
            ids = ", ".join(str(insight.id) for insight in same_name)
            diagnostics.note(f"there is another insight called '{name}' ({ids}): use ids, the name is no longer enough")
        diagnostics.note(f"`usertrack insight run {saved.id}` shows its numbers")


@insight.command("delete")
@with_common_once
def delete(
    name: InsightName,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    *,
    common: Common,
) -> None:
    """Delete an insight in PostHog, where it can be restored. Asks first, unless --yes is given.

    `usertrack insight delete "Errors by page"`

    `usertrack insight delete 2625024 --yes`
    """
    from usertrack.cli import diagnostics
    from usertrack.cli.session import open_session
    from usertrack.insights.saved import delete as remove
    from usertrack.insights.saved import find

    with open_session(common) as session:
        saved = find(session.runner, name)
        session.progress.stop()
        if not yes and not diagnostics.confirm(f"delete {saved.called} ({saved.id})"):
            diagnostics.note("nothing was deleted")
            raise typer.Exit(1)
        remove(session.runner, saved)
        diagnostics.note(f"deleted {saved.called} ({saved.id})")


def _note_present(session: "Session") -> None:
    if session.settings["as_of"]:
        session.progress("PostHog computes saved insights as of now; --as-of does not change that")


@with_common
def events(
    search: Search = "",
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="Count the events of so many days.")] = 30,
    limit: Limit = None,
    *,
    common: Common,
) -> None:
    """List the events that PostHog knows, how often each occurred, and when last.

    `usertrack events` · `usertrack events --search mcp --days 7`
    """
    from usertrack.cli.session import open_session
    from usertrack.insights.catalog import events as list_events
    from usertrack.insights.view import events_document

    with open_session(common) as session:
        table = list_events(session.runner, search, days)
        if not search:
            names.keep(session.settings, "events", (str(row[0]) for row in table.rows))
        session.emit(events_document(table, days, session.settings["timezone"]), limit)


@with_common
def properties(
    event: Annotated[str, typer.Argument(metavar="[EVENT]", help="Only properties of this event.")] = "",
    of: Annotated[str, typer.Option("--of", metavar="KIND", help="Properties of: event, person or group.")] = "event",
    search: Search = "",
    limit: Limit = None,
    *,
    common: Common,
) -> None:
    """List the properties that PostHog knows, with their types.

    `usertrack properties mcp_connect_clicked` · `usertrack properties --of person`
    """
    from usertrack.cli.session import open_session
    from usertrack.insights.catalog import properties as list_properties
    from usertrack.insights.view import properties_document

    with open_session(common) as session:
        table = list_properties(session.runner, of, event, search)
        if not (event or search):
            names.keep(session.settings, f"{of} properties", (str(row[0]) for row in table.rows))
        session.emit(properties_document(table, event or f"{of}s", session.settings["timezone"]), limit)


@with_common
def errors(
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="How far to look back.")] = 7,
    search: Search = "",
    sort: Annotated[
        str, typer.Option("--sort", metavar="BY", help="occurrences, users, last_seen or first_seen.")
    ] = "occurrences",
    limit: Limit = None,
    *,
    common: Common,
) -> None:
    """List the errors in people's browsers, from PostHog's error tracking.

    `usertrack errors` · `usertrack errors --days 30 --sort users`
    """
    from usertrack.cli.session import open_session
    from usertrack.insights.catalog import errors as ranked
    from usertrack.insights.view import errors_document

    with open_session(common) as session:
        table = ranked(session.runner, days, sort, search)
        session.emit(errors_document(table, days, session.settings["timezone"]), limit)


@with_common
def search(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A part of the name.", show_default=False)],
    limit: Limit = None,
    *,
    common: Common,
) -> None:
    """Search PostHog by name: insights, dashboards, cohorts, actions, flags, events, properties.

    `usertrack search mcp`
    """
    from usertrack.cli.session import open_session
    from usertrack.insights.catalog import search as everywhere
    from usertrack.insights.view import search_document

    with open_session(common) as session:
        session.emit(search_document(everywhere(session.runner, text), text, session.settings["timezone"]), limit)


def register(app: typer.Typer) -> None:
    app.add_typer(insight, name="insight", rich_help_panel=_PANEL)
    for command in (events, properties, errors, search):
        app.command(rich_help_panel=_PANEL)(command)
