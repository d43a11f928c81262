"""`usertrack plan docs`: the plan as a catalogue that people read."""

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from usertrack.cli.common import Common
from usertrack.cli.options import with_common
from usertrack.cli.plan_material import Code, Days, Events, ScanFile
from usertrack.cli.plan_options import PlanOption


@with_common
def docs(
    code: Code = None,
    plan: PlanOption = None,
    scan: ScanFile = None,
    events: Events = None,
    days: Days = 30,
    link: Annotated[
        str,
        typer.Option(
            "--link", metavar="URL", help="Address that links to code begin with; default: links are relative."
        ),
    ] = "",
    *,
    common: Common,
) -> None:
    """The catalogue of events: what each means, where it is sent, its properties, and what has arrived.

    `usertrack plan docs src -o tracking.md` · for the repository; links to code are relative to the page

    `usertrack plan docs src --link https://github.com/acme/app/blob/main/ -o tracking.html` · one page for everybody
    """
    from usertrack.cli.plan_material import gather
    from usertrack.cli.session import emit
    from usertrack.core.errors import INCOMPLETE, UsageError
    from usertrack.coverage.catalogue import catalogue_document
    from usertrack.render.safe import url

    if link and not url(link):
        raise UsageError(f"'{link}' is no address of a web page", "write https://github.com/acme/app/blob/main/")
    base = f"{link.removesuffix('/')}/" if link else _way_back(common.output)
    material = gather(common, plan, code, scan, events, days)
    emit(catalogue_document(material.coverage(), base, material.notes), material.settings, common)
    if material.incomplete:
        raise typer.Exit(INCOMPLETE)


def _way_back(output: Path | None) -> str:
    """From the folder of ``output`` to this one, as the beginning of a link: `../`, or nothing."""
    way = Path(os.path.relpath(Path.cwd(), output.absolute().parent)).as_posix() if output else "."
    return "" if way == "." else f"{quote(way)}/"


def register(plan: typer.Typer) -> None:
    plan.command()(docs)
