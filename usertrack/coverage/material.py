"""The material that coverage joins: the plan, the scan of the code, and what has arrived."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from usertrack.core.errors import UsageError, require_extra

if TYPE_CHECKING:
    from usertrack.core.notify import Notify
    from usertrack.coverage.arrivals import Arrivals, Releases
    from usertrack.coverage.numbers import Coverage, Grouping
    from usertrack.coverage.uses import PlannedUse
    from usertrack.coverage.values import Sampled
    from usertrack.engine.runner import Runner
    from usertrack.library.library import Library
    from usertrack.plan.model import Plan
    from usertrack.plan.scan.sinks import CustomSink
    from usertrack.plan.scan.site import Scan
    from usertrack.workspace.settings import Settings


@dataclass(frozen=True)
class Material:
    """``arrivals`` is None where no data is known; ``unasked``: because the source did not answer with all of it."""

    settings: "Settings"
    library: "Library"
    plan: "Plan"
    scan: "Scan | None"
    arrivals: "Arrivals | None"
    uses: "Sequence[PlannedUse]"
    releases: "Releases"
    notes: Sequence[str]
    values: "Sampled" = field(default_factory=dict)
    unlisted: Mapping[str, list[str]] = field(default_factory=dict)
    unasked: bool = False

    @property
    def incomplete(self) -> bool:
        """Whether the source did not answer, or code was too complex to be scanned to its end."""
        return self.unasked or (self.scan is not None and self.scan.is_partial)

    def coverage(self, only: "Mapping[Grouping, str] | None" = None) -> "Coverage":
        from usertrack.coverage.numbers import cover

        return replace(cover(self.plan, self.scan, self.arrivals, self.uses, only), unlisted=self.unlisted)


def read_material(
    settings: "Settings",
    library: "Library",
    plan_file: Path | None = None,
    code: Sequence[Path] | None = None,
    scan_file: Path | None = None,
) -> Material:
    """The plan and the scan of its code, without data. Raises UsageError where there is no plan, or it is wrong."""
    from usertrack.coverage.releases import releases_of
    from usertrack.coverage.uses import uses_of
    from usertrack.plan.read import read_plan
    from usertrack.workspace.files import plan_path

    require_extra("plan")
    plan = read_plan(plan_path(settings, plan_file))
    scan = scanned(plan, code, scan_file)
    releases, notes = releases_of(plan, _folder((code or [plan.path])[0]))
    return Material(settings, library, plan, scan, None, uses_of(settings, library, plan), releases, notes)


def with_data(material: Material, runner: "Runner", days: int, *, values: bool = False) -> Material:
    """``material`` with what has arrived in the last ``days``; with ``values``, also samples of what it says."""
    from usertrack.coverage.arrivals import ask_arrivals
    from usertrack.coverage.values import ask_texts, listed_properties, samples_of, unlisted_of

    arrivals = ask_arrivals(runner, days, material.releases)
    texts = ask_texts(runner, days, None if values else listed_properties(material.plan))
    unlisted = unlisted_of(texts, material.plan)
    return replace(material, arrivals=arrivals, values=samples_of(texts) if values else {}, unlisted=unlisted)


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
    from usertrack.plan.scan.scan import scan_code
    from usertrack.plan.scan.site import Scan

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
    from usertrack.plan.scan.sinks import CustomSink

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
    unresolved = [replace(place, file=f"{shared}/{place.file}") for place in scan.unresolved]
    profiles = [replace(site, file=f"{shared}/{site.file}") for site in scan.profiles]
    return replace(scan, sites=sites, unresolved=unresolved, profiles=profiles)


_TOKEN, _KEY = "phc_file", "phx_file"  # client and server are both in this process


@contextmanager
def runner_on_file(
    path: Path, settings: "Settings", library: "Library", *, now: datetime, notify: "Notify"
) -> Iterator["Runner"]:
    """A runner whose PostHog holds the events of ``path``, a file that `usertrack import events` reads.

    It answers for `--as-of`, else for the moment of the file's last event. Raises UsageError for a file that cannot be
    imported.
    """
    from contextlib import closing

    import httpx

    from usertrack.core.period import as_utc, parse_moment
    from usertrack.core.temporary import temporary_folder
    from usertrack.engine.runner import Runner
    from usertrack.server.app import create_app
    from usertrack.server.database.store import Store
    from usertrack.server.http.server_settings import ServerSettings
    from usertrack.server.imports.events import ImportOptions
    from usertrack.server.imports.load import import_file
    from usertrack.sources.posthog import PostHog

    def passing(message: str, **_: bool) -> None:
        notify(message, passing=True)

    with temporary_folder() as folder, closing(Store(folder)) as store:
        options = ImportOptions(path, path, zone=settings["timezone"])
        imported = import_file(store, options, _TOKEN, now, passing)
        last = as_utc(imported.last) + timedelta(seconds=1)
        as_of = parse_moment(settings["as_of"], settings["timezone"]) if settings["as_of"] else last
        server_settings = ServerSettings(project_token=_TOKEN, personal_api_key=_KEY, now=max(as_of, last))
        transport = httpx.ASGITransport(app=create_app(store, server_settings), raise_app_exceptions=False)
        source = PostHog("http://file", "1", _KEY, notify, timeout=settings["posthog.timeout"], transport=transport)
        with Runner(settings, library, as_of, {"posthog": source}) as runner:
            yield runner
