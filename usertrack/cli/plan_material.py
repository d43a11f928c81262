"""Loads what the commands of `usertrack plan` join: the plan, the scan of the code, and arrived events."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli import diagnostics
from usertrack.cli.common import Common, settings_of
from usertrack.core.errors import ConnectionFailed, SourceBusy, Unknown

if TYPE_CHECKING:
    from usertrack.coverage.material import Material
    from usertrack.engine.runner import Runner
    from usertrack.library.library import Library
    from usertrack.workspace.settings import Settings

Code = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PATH]...", help="The code; default: the folder of the plan.", show_default=False),
]
ScanFile = Annotated[
    Path | None,
    typer.Option("--scan", metavar="FILE", help="File that `plan scan --format json` wrote, instead of scanning."),
]
Events = Annotated[
    Path | None,
    typer.Option("--events", metavar="FILE", help="File of events (CSV or parquet), instead of asking PostHog."),
]
Days = Annotated[int, typer.Option("--days", min=1, max=365, help="The days in which an event has to arrive.")]


def gather(
    common: Common,
    plan_file: Path | None,
    code: Sequence[Path] | None,
    scan_file: Path | None,
    events: Path | None,
    days: int,
    *,
    values: bool = False,
) -> "Material":
    """Read the plan, scan the code and ask for the data. Raises UsageError; a source that is away is a note."""
    from usertrack.coverage.material import read_material, with_data
    from usertrack.workspace.files import library_of

    settings = settings_of(common)
    material = read_material(settings, library_of(settings), plan_file, code, scan_file)
    if events is None and settings.uses_demo and not settings.demo:
        note = "the data was not asked: `usertrack login` connects yours, --events reads a file, --demo has some"
        return replace(material, notes=(*material.notes, note))
    try:
        with ExitStack() as stack:
            runner = _runner(stack, common, settings, material.library, events, cached=not values)
            return with_data(material, runner, days, values=values)
    except (ConnectionFailed, SourceBusy, Unknown) as problem:
        diagnostics.hint(problem.hint)
        note = f"the data could not be asked: {problem.message}"
        return replace(material, notes=(*material.notes, note), unasked=True)


def _runner(
    stack: ExitStack,
    common: Common,
    settings: "Settings",
    library: "Library",
    events: Path | None,
    *,
    cached: bool,
) -> "Runner":
    from usertrack.engine.connect import open_runner

    progress = stack.enter_context(diagnostics.Progress())
    now = datetime.now(UTC)
    if events is None:
        runner = open_runner(settings, library, now=now, notify=progress, purpose=common.purpose, cached=cached)
        return stack.enter_context(runner)
    from usertrack.core.errors import require_extra
    from usertrack.coverage.material import runner_on_file

    require_extra("local")
    return stack.enter_context(runner_on_file(events, settings, library, now=now, notify=progress))
