"""What the commands of `usertrack plan` join: the plan, the scan of the code, and what has arrived."""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli import diagnostics
from usertrack.cli.common import Common, settings_of
from usertrack.core.errors import NEEDS_PLAN, ConnectionFailed, SourceBusy, Unknown, UsageError

if TYPE_CHECKING:
    from usertrack.coverage.arrivals import Arrivals, Releases
    from usertrack.coverage.numbers import Coverage, Grouping
    from usertrack.coverage.uses import Use
    from usertrack.coverage.values import Sampled
    from usertrack.engine.runner import Runner
    from usertrack.library.library import Library
    from usertrack.plan.model import Plan
    from usertrack.scan.sinks import CustomSink
    from usertrack.scan.site import Scan
    from usertrack.workspace.settings import Settings

Code = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PATH]...", help="The code; default: the folder of the plan.", show_default=False),
]
ScanFile = Annotated[
    Path | None,
    typer.Option("--scan", metavar="FILE", help="Instead of scanning: what `plan scan --format json` wrote."),
]
Events = Annotated[
    Path | None,
    typer.Option("--events", metavar="FILE", help="Instead of asking PostHog: events in a file, CSV or parquet."),
]
Days = Annotated[int, typer.Option("--days", min=1, max=365, help="The days in which an event has to arrive.")]


@dataclass(frozen=True)
class Material:
    """``arrivals`` is None where no data is known; ``incomplete``: because the source did not answer with all of it."""

    settings: "Settings"
    library: "Library"
    plan: "Plan"
    scan: "Scan | None"
    arrivals: "Arrivals | None"
    uses: "Sequence[Use]"
    notes: Sequence[str]
    values: "Sampled" = field(default_factory=dict)
    incomplete: bool = False

    def coverage(self, only: "Mapping[Grouping, str] | None" = None) -> "Coverage":
        from usertrack.coverage.numbers import cover

        return cover(self.plan, self.scan, self.arrivals, self.uses, only)


def require_extra() -> None:
    """Raise UsageError when the extra ``plan`` is not installed."""
    from importlib.util import find_spec

    if find_spec("rapidfuzz") is None:
        raise UsageError("this needs the extra `plan`, and it is not installed", NEEDS_PLAN)


def gather(
    common: Common,
    plan_file: Path | None,
    code: Sequence[Path] | None,
    scan_file: Path | None,
    events: Path | None,
    days: int,
    *,
    values: bool = False,
) -> Material:
    """Read the plan, scan the code and ask for the data. Raises UsageError; a source that is away is a note."""
    from usertrack.coverage.releases import releases_of
    from usertrack.coverage.uses import uses_of
    from usertrack.plan.read import read_plan
    from usertrack.workspace.files import library_of, plan_path

    require_extra()
    settings = settings_of(common)
    library = library_of(settings)
    plan = read_plan(plan_path(settings, plan_file))
    scan = scanned(plan, code, scan_file)
    releases, notes = releases_of(plan, _folder((code or [plan.path])[0]))
    uses = uses_of(settings, library, plan)
    material = Material(settings, library, plan, scan, None, uses, notes)
    if events is None and settings.uses_demo and not settings.demo:
        note = "the data was not asked: `usertrack login` connects yours, --events reads a file, --demo has some"
        return replace(material, notes=(*notes, note))
    try:
        with ExitStack() as stack:
            runner = _runner(stack, common, settings, library, events, cached=not values)
            return _with_data(material, runner, days, releases, values=values)
    except (ConnectionFailed, SourceBusy, Unknown) as problem:
        diagnostics.hint(problem.hint)
        note = f"the data could not be asked: {problem.message}"
        return replace(material, notes=(*notes, note), incomplete=True)


def _with_data(material: Material, runner: "Runner", days: int, releases: "Releases", *, values: bool) -> Material:
    from usertrack.coverage.arrivals import ask_arrivals
    from usertrack.coverage.values import ask_values

    arrivals = ask_arrivals(runner, days, releases)
    return replace(material, arrivals=arrivals, values=ask_values(runner, days) if values else {})


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
    from usertrack.coverage.event_file import runner_on_file
    from usertrack.demo.sources import require_engines

    require_engines()
    return stack.enter_context(runner_on_file(events, settings, library, now=now, notify=progress))


def scanned(plan: "Plan", code: Sequence[Path] | None, scan_file: Path | None) -> "Scan":
    """The sites in the code, or those of a scan in a file; files are relative to the current folder.

    Those of a scan in a file keep their names where nothing says which folder was scanned.
    """
    from usertrack.coverage.scan_file import read_scan

    paths = code or [plan.path.parent]
    if scan_file is None:
        return scan_paths(plan, paths, Path())
    scan = read_scan(scan_file)
    is_below = Path(os.path.abspath(plan.path)).is_relative_to(Path.cwd())
    return _placed(scan, paths, Path()) if code or is_below else scan


def scan_paths(plan: "Plan | None", paths: Sequence[Path], root: Path, repository: Path | None = None) -> "Scan":
    """The sites in the code of ``paths``, with the sinks and wrappers of the plan; files are relative to ``root``.

    ``repository`` is where wrappers may lie besides, as in `scan_code`.
    """
    from usertrack.scan.scan import scan_code
    from usertrack.scan.site import Scan

    if not paths:
        return Scan((), (), 0, 0.0)
    return _placed(scan_code(paths, *custom_sinks(plan), repository), paths, root)


def own_sinks(named: Path | None) -> "tuple[list[CustomSink], list[CustomSink]]":
    """The sinks and wrappers of the plan, none without a plan. Raises UsageError for a plan that is wrong."""
    from usertrack.plan.read import read_plan
    from usertrack.workspace.files import plan_path
    from usertrack.workspace.settings import load_settings

    try:
        path = plan_path(load_settings(), named)
    except UsageError:
        if named is not None:
            raise
        return custom_sinks(None)
    return custom_sinks(read_plan(path))


def custom_sinks(plan: "Plan | None") -> "tuple[list[CustomSink], list[CustomSink]]":
    """The sinks and wrappers of the plan, as a scan takes them; none without a plan."""
    from usertrack.scan.sinks import CustomSink

    if plan is None:
        return [], []
    return [CustomSink(**vars(sink)) for sink in plan.sinks], [CustomSink(**vars(sink)) for sink in plan.wrappers]


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _placed(scan: "Scan", paths: Sequence[Path], root: Path) -> "Scan":
    """A scan, whose files are relative to what ``paths`` have in common, with files that are relative to ``root``."""
    folders = [os.path.abspath(_folder(path)) for path in paths]
    shared = Path(os.path.relpath(os.path.commonpath(folders), root)).as_posix()
    if shared == ".":
        return scan
    sites = [replace(site, file=f"{shared}/{site.file}") for site in scan.sites]
    unresolved = [replace(each, file=f"{shared}/{each.file}") for each in scan.unresolved]
    profiles = [replace(site, file=f"{shared}/{site.file}") for site in scan.profiles]
    return replace(scan, sites=sites, unresolved=unresolved, profiles=profiles)
