"""Commands about the query library: list, show, run, new."""

from typing import Annotated

import typer

from usertrack.cli import complete
from usertrack.cli.options import Common, Limit, Params, parse_params, with_common

query = typer.Typer(no_args_is_help=True, help="The library of SQL queries: list, show, run, and write your own.")
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="Such as neon/run_activity.", autocompletion=complete.queries, show_default=False
    ),
]


@query.command("list")
@with_common
def list_queries(*, common: Common) -> None:
    """Every query there is, yours and the shipped ones.

    `usertrack query list`
    """
    from usertrack.cli.desk import emit, library_of, settings_of
    from usertrack.report.library import library_document

    settings = settings_of(common)
    emit(library_document(library_of(settings)), settings, common)


@query.command("show")
@with_common
def show(
    name: Name,
    compiled: Annotated[
        bool, typer.Option("--compiled", help="The SQL with its fragments, such as {customer}, written out.")
    ] = False,
    *,
    common: Common,
) -> None:
    """One query: what it is for, its parameters, its SQL.

    `usertrack query show neon/run_activity`

    `usertrack query show posthog/retention --compiled`
    """
    from usertrack.cli.desk import emit, library_of, settings_of
    from usertrack.report.library import query_document

    settings = settings_of(common)
    library = library_of(settings)
    sql = library.compiled(name) if compiled else library[name].written
    emit(query_document(library[name], sql), settings, common)


@query.command("run")
@with_common
def run(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A query of the library.", autocompletion=complete.queries)
    ] = None,
    param: Params = None,
    source: Annotated[str | None, typer.Option("--source", help="Where the SQL runs: posthog or neon.")] = None,
    sql: Annotated[
        str | None,
        typer.Option("--sql", metavar="FILE", help="Run the SQL in this file; - reads it from standard input."),
    ] = None,
    limit: Limit = None,
    *,
    common: Common,
) -> None:
    """Run a query of the library, or SQL of your own.

    `usertrack query run posthog/mcp_connects --param days=7`

    `usertrack query run --source neon --sql report.sql -o report.csv`

    `echo "SELECT event, count() FROM events GROUP BY event" | usertrack query run --source posthog --sql -`
    """
    from usertrack.cli.desk import open_desk
    from usertrack.cli.statements import statement
    from usertrack.document import of_table

    with open_desk(common) as desk:
        asked = statement(desk.runner, name, parse_params(param), source, sql, limit)
        desk.progress.expect(1)
        desk.emit(of_table(desk.runner.one(asked), limit=100), limit)


@query.command("new")
@with_common
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as posthog/pricing_views.", show_default=False)],
    *,
    common: Common,
) -> None:
    """Start a query file in your workspace, or change a shipped one there.

    `usertrack query new posthog/pricing_views`

    `usertrack query new neon/run_activity` · a copy of the shipped one, which is used from then on
    """
    from usertrack.cli import diagnostics
    from usertrack.cli.desk import library_of, near, settings_of
    from usertrack.errors import UsageError
    from usertrack.workspace import new_query

    settings = settings_of(common)
    if settings.root is None:
        raise UsageError("there is no workspace here to write a query to", "`usertrack init` makes one")
    path = new_query(near(settings.root), name, library_of(settings))
    diagnostics.note(f"wrote {path}; `usertrack query run {name}` runs it, `usertrack check` proves it")


def register(app: typer.Typer) -> None:
    app.add_typer(query, name="query", rich_help_panel="Queries")
