"""`usertrack tracker`: what the script for browsers needs of its server."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from usertrack.cli import diagnostics

tracker = typer.Typer(
    no_args_is_help=True, help="The script for browsers, `usertrack.js`: the secret of its signatures."
)


@tracker.command("secret")
def secret(
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR", help="The folder of the events.")] = None,
    rotate: Annotated[bool, typer.Option("--rotate", help="Replace the present secret.")] = False,
    overlap: Annotated[
        float, typer.Option("--overlap", metavar="HOURS", min=0, help="Hours for which the former secret stays valid.")
    ] = 24.0,
) -> None:
    """Make the secret with which your product signs who somebody is. It is shown once.

    `usertrack tracker secret` · put it into the settings of your product's server; never into a page

    `usertrack tracker secret --rotate --overlap 1` · a new one; pages with signatures of the former have an hour

    A server that runs takes it at once.
    """
    from datetime import UTC, datetime

    from usertrack.core.errors import UsageError
    from usertrack.server.capture.identity import FILE, has_secret, new_secret
    from usertrack.workspace.data_folder import default_data

    path = (data or default_data()) / FILE
    if has_secret(path) and not rotate:
        raise UsageError("there is a secret already, and it is not shown again", "replace it with --rotate")
    typer.echo(new_secret(path, datetime.now(UTC), timedelta(hours=overlap)))
    diagnostics.note(f"stored in {path}; this was the only time that it is shown")


def register(app: typer.Typer) -> None:
    app.add_typer(tracker, name="tracker", rich_help_panel="Engines")
