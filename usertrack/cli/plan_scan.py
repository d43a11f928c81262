"""`usertrack plan scan`: what the code sends."""

from pathlib import Path
from typing import Annotated

import typer

from usertrack.cli.options import Format, Limit, Output
from usertrack.cli.plan_options import PlanOption


def scan(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]…", help="Folders or files of source code; default: this folder.", show_default=False
        ),
    ] = None,
    plan: PlanOption = None,
    limit: Limit = None,
    format: Format = None,  # noqa: A002
    output: Output = None,
    no_pager: Annotated[bool, typer.Option("--no-pager", help="Never show a long answer in a pager (PAGER).")] = False,
) -> None:
    """List the events that source code sends, where, with which properties, and what could not be resolved.

    Reads Python, JavaScript, TypeScript, and the scripts in HTML, Django, Jinja, Vue and Svelte. Nothing is run.
    Code that is too complex to be followed is listed with its line, and the exit code is 6.

    `usertrack plan scan`

    `usertrack plan scan backend web/src --format json`

    `usertrack plan scan ../shop --plan tracking.yaml` · with the `sinks:` and `wrappers:` of that plan
    """
    from contextlib import nullcontext

    from usertrack.cli.output import emit
    from usertrack.cli.pager import paging
    from usertrack.core.errors import INCOMPLETE
    from usertrack.coverage.material import own_sinks
    from usertrack.plan.scan.scan import scan_code
    from usertrack.plan.scan.view import scan_document

    sinks, wrappers = own_sinks(plan)
    scanned = scan_code(paths or [Path()], sinks, wrappers)
    with nullcontext() if no_pager else paging():
        emit(scan_document(scanned), fmt=format or "", output=output, limit=limit)
    if scanned.is_partial:
        raise typer.Exit(INCOMPLETE)


def register(plan: typer.Typer) -> None:
    plan.command("scan")(scan)
