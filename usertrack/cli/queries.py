"""`usertrack query`: list, show, run and write queries of the library."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli import complete
from usertrack.cli.common import Common, settings_of
from usertrack.cli.options import Limit, Params, parse_params, with_common, with_common_once
from usertrack.core.errors import UsageError
from usertrack.core.source_names import POSTGRES

if TYPE_CHECKING:
    from usertrack.engine.runner import Runner
    from usertrack.library.library import Statement

query = typer.Typer(no_args_is_help=True, help="The library of SQL queries: list, show and run them, write your own.")
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help=f"Such as {POSTGRES}/run_activity.", autocompletion=complete.queries, show_default=False
    ),
]


@query.command("list")
@with_common
def list_queries(*, common: Common) -> None:
    """List all queries, yours and the shipped ones.

    `usertrack query list`
    """
    from usertrack.cli.session import emit
    from usertrack.library.view import library_document
    from usertrack.workspace.files import library_of

    settings = settings_of(common)
    emit(library_document(library_of(settings)), settings, common)


@query.command("show")
@with_common
def show(
    name: Name,
    compiled: Annotated[
        bool, typer.Option("--compiled", help="Show the SQL with its fragments, such as {customer}, written out.")
    ] = False,
    *,
    common: Common,
) -> None:
    """Show one query: its purpose, its parameters, its SQL.

    `usertrack query show neon/run_activity`

    `usertrack query show posthog/retention --compiled`
    """
    from usertrack.cli.session import emit
    from usertrack.library.view import query_document
    from usertrack.workspace.files import library_of

    settings = settings_of(common)
    library = library_of(settings)
    query = library[name]
    sql = library.compiled(name) if compiled else query.written
    emit(query_document(query, sql, library.fragments_in(query)), settings, common)


@query.command("run")
@with_common
def run(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="A query of the library.", autocompletion=complete.queries),
    ] = None,
    param: Params = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            help=f"Where the SQL runs: posthog or {POSTGRES}; default: the only one that you have connected.",
        ),
    ] = None,
    sql: Annotated[
        str | None,
        typer.Option("--sql", metavar="SQL", help="Run this SQL, or that of a file; - reads it from standard input."),
    ] = None,
    limit: Limit = None,
    *,
    common: Common,
) -> None:
    """Run a query of the library, or SQL of your own.

    `usertrack query run posthog/mcp_connects --param days=7`

    `usertrack query run --source posthog --sql "SELECT event, count() FROM events GROUP BY event"`

    `usertrack query run --source neon --sql report.sql -p plan=pro -o report.csv`

    `cat report.sql | usertrack query run --source neon --sql -`
    """
    from usertrack.cli.session import open_session
    from usertrack.cli.typed_sql import with_position
    from usertrack.core.document import of_table

    with open_session(common) as session:
        bound_statement = statement(session.runner, name, parse_params(param), source, sql, limit)
        session.progress.expect(1)
        with with_position(bound_statement.query):
            table = session.runner.table(bound_statement)
        session.emit(of_table(table, limit=100), limit)


@query.command("new")
@with_common_once
def new(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="Name of the new query, such as posthog/pricing_views.", show_default=False
        ),
    ],
    *,
    common: Common,
) -> None:
    """Write a new query file in your workspace, or a copy of a shipped one to change.

    `usertrack query new posthog/pricing_views`

    `usertrack query new neon/run_activity` · a copy, which replaces the shipped one
    """
    from usertrack.cli import diagnostics
    from usertrack.workspace.files import library_of, relative_path
    from usertrack.workspace.scaffold import create_query

    settings = settings_of(common)
    if settings.root is None:
        raise UsageError("there is no workspace here to write a query to", "`usertrack init` makes one")
    path = create_query(relative_path(settings.root), name, library_of(settings))
    diagnostics.note(f"wrote {path}; `usertrack query run {name}` runs it, `usertrack check` proves it")


def register(app: typer.Typer) -> None:
    app.add_typer(query, name="query", rich_help_panel="Queries")


def statement(
    runner: "Runner",
    name: str | None,
    params: Mapping[str, str],
    source: str | None,
    sql: str | None,
    limit: int | None,
) -> "Statement":
    """The statement to run, of the library or of ``--sql``; raises UsageError when there is neither, or both."""
    from usertrack.cli.typed_sql import query_of_sql, source_of

    if (name is None) == (sql is None):
        raise UsageError(
            "say what to run: the NAME of a query, or --sql 'SELECT …'", "`usertrack query list` shows the names"
        )
    if name and any(map(str.isspace, name)):
        raise UsageError(f"'{name}' is no name of a query", "write SQL behind --sql: `usertrack query run --sql '…'`")
    if name:
        query = runner.library[name]
    else:
        query = query_of_sql(runner.library, source_of(source, runner.settings), str(sql), params)
    values = {key: query.params[key].parse(text) if key in query.params else text for key, text in params.items()}
    bound = query.bind(values, runner.offered)
    return replace(bound, limit=limit or None, excludes=bound.leaves_out)
