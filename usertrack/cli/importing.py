"""`usertrack import`: imports event logs from files into the embedded PostHog."""

import os
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli.options import Format, Output
from usertrack.core.temporary import temporary_folder

if TYPE_CHECKING:
    from usertrack.cli.diagnostics import Progress
    from usertrack.core.document import Document
    from usertrack.server.database.lock import DirectoryServed
    from usertrack.server.imports.events import ImportOptions
    from usertrack.server.imports.load import Imported

importing = typer.Typer(no_args_is_help=True, help="Import your event logs into the embedded PostHog.")


@importing.command("events")
def events(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV, JSON lines (.gz too) or parquet.", show_default=False)
    ],
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            "-m",
            metavar="TARGET=COLUMN",
            help="Column to import as TARGET, such as person.email=mail; may be repeated.",
        ),
    ] = None,
    omit: Annotated[
        list[str] | None, typer.Option("--omit", metavar="COLUMN", help="Leave this column out; may be repeated.")
    ] = None,
    timezone: Annotated[
        str, typer.Option("--timezone", metavar="ZONE", help="The timezone of times without an offset.")
    ] = "UTC",
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="The folder of the events, as in `usertrack serve`.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show the mapping, the first rows as events, and problems; write nothing."),
    ] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out rows that cannot be events.")] = False,
    ties: Annotated[
        str,
        typer.Option(
            "--ties",
            help="Rows of a person with the same time: `file` keeps their order, 1 µs apart; `equal` leaves the times.",
        ),
    ] = "file",
    fmt: Format = None,
    output: Output = None,
) -> None:
    """Import a log of events. Importing a file again adds no event twice.

    `usertrack import events log.csv --dry-run` · shows what the columns become, and the first rows

    `usertrack import events log.parquet -m distinct_id=user_id -m event=action -m timestamp=ts`

    `usertrack import events orders.csv -m event="'purchase'" -m property.price=amount -m person.email=mail
    --timezone Europe/Berlin --data ./events`

    `usertrack import events export.jsonl.gz` · JSON lines, as Amplitude, Mixpanel, PostHog and Segment export them

    Targets: distinct_id, event (or 'a constant'), timestamp, uuid, properties (JSON objects), person (the person of
    several ids), property.NAME, person.NAME. Columns with common names need no --map; all others become properties.
    """
    from usertrack.cli import diagnostics
    from usertrack.cli import output as out
    from usertrack.cli.serving import require_timezone
    from usertrack.core.errors import require_extra
    from usertrack.product.scope import one_of
    from usertrack.server.imports.events import ImportOptions, Ties
    from usertrack.workspace.data_folder import default_data

    require_extra("local")
    require_timezone(timezone)
    out.format_of(fmt or "", output)
    folder = data or default_data()
    options = ImportOptions(file, file, mapping or [], omit or [], timezone, skip_bad, one_of(ties, Ties, "--ties"))
    with diagnostics.Progress() as progress:
        document = _preview(options, progress) if dry_run else _import(options, folder, progress)
    out.emit(document, fmt=fmt or "", output=output)


def _preview(options: "ImportOptions", progress: "Progress") -> "Document":
    """Preview the import in a temporary folder, so that it works while a server uses the data."""
    from chdb import ChdbError

    from usertrack.server.database.store import Store
    from usertrack.server.imports.events import open_events
    from usertrack.server.imports.reading import bad_rows, clock_notes, described, failure, first_rows
    from usertrack.server.imports.view import preview_document

    progress("looking at every row", passing=True)
    with (
        temporary_folder() as scratch,
        closing(Store(scratch)) as store,
        open_events(store, options, token="") as events,
    ):
        try:
            problems = [described(events, problem) for problem in bad_rows(store, events)]
            rows, notes = first_rows(store, events), clock_notes(store, events)
        except (RuntimeError, ChdbError) as error:
            raise failure(store, events, error) from None
        return preview_document(str(options.display_path), events.mapping.fates(), rows, problems, notes)


def _import(options: "ImportOptions", folder: Path, progress: "Progress") -> "Document":
    from usertrack.server.database.lock import DirectoryServed
    from usertrack.server.imports.view import imported_document

    try:
        done, answering = _import_here(options, folder, progress), f"`usertrack serve --data {folder}`"
    except DirectoryServed as served:
        done, answering = _import_by_server(options, served, progress), f"the server at {served.url}"
    return imported_document(str(options.display_path), asdict(done), answering)


def _import_here(options: "ImportOptions", folder: Path, progress: "Progress") -> "Imported":
    from usertrack.cli import diagnostics
    from usertrack.server.database.store import Store
    from usertrack.server.imports.load import import_file
    from usertrack.server.serve import load_or_create_settings

    try:
        with closing(Store(folder)) as store:
            token = load_or_create_settings(folder, os.environ).project_token
            return import_file(store, options, token, datetime.now(UTC), progress)
    except KeyboardInterrupt:
        diagnostics.note("nothing was imported")
        raise


def _import_by_server(options: "ImportOptions", served: "DirectoryServed", progress: "Progress") -> "Imported":
    from usertrack.cli import diagnostics
    from usertrack.server.imports.remote import import_by_server

    progress(f"the server at {served.url} imports it")
    try:
        return import_by_server(served.url, served.key, options, progress)
    except KeyboardInterrupt:
        diagnostics.note("the server imports nothing of it, unless it was at the last step already")
        raise


def register(app: typer.Typer) -> None:
    app.add_typer(importing, name="import", rich_help_panel="Engines")
