"""`usertrack plan diff`: what changes between two commits."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli.common import Common
from usertrack.cli.options import Limit, with_common
from usertrack.cli.plan_options import PlanOption

if TYPE_CHECKING:
    from usertrack.coverage.diff import Side
    from usertrack.plan.model import Plan


@with_common
def diff(
    revisions: Annotated[
        str,
        typer.Argument(metavar="OLD..NEW", help="Two commits; OLD alone: your files as they are.", show_default=False),
    ],
    code: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="The code; default: the whole repository.", show_default=False),
    ] = None,
    plan: PlanOption = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with 5 where a change breaks something.")] = False,
    limit: Limit = None,
    *,
    common: Common,
) -> None:
    """Which events and properties appear, vanish or are renamed from one commit to another, and what that breaks.

    `usertrack plan diff main..HEAD src --check` · in CI, for a branch

    `usertrack plan diff v2.3 -f markdown` · since the tag v2.3, with what is not committed yet

    A change breaks a funnel, a segment, a query of your own or a role in usertrack.yaml that counts the event, where
    no other event of it is left. Both commits are read into temporary folders: your files stay as they are.
    """
    from usertrack.cli.common import settings_of
    from usertrack.cli.session import emit
    from usertrack.core.errors import CheckFailed, UsageError, require_extra
    from usertrack.core.words import plural
    from usertrack.coverage.diff import changes
    from usertrack.coverage.diff_view import diff_document
    from usertrack.coverage.trees import repository_of
    from usertrack.coverage.trees import revisions as split
    from usertrack.coverage.uses import uses_of
    from usertrack.workspace.files import library_of, new_plan_path

    require_extra("plan")
    settings = settings_of(common)
    old, new = split(revisions)
    repository = repository_of(Path.cwd())
    paths = [new_plan_path(settings, plan), *(code or [repository.root])]
    places = [repository.relative(path) for path in paths]
    commits = [repository.commit(old), repository.commit(new) if new else None]
    listings = [repository.paths(commit) for commit in commits]
    for path, place in zip(paths, places, strict=True):
        if path in (plan, *(code or ())) and not any(_holds(listing, place) for listing in listings):
            raise UsageError(f"'{path}' is neither in {old} nor in {new or 'your files'}", "is it mistyped?")
    with ExitStack() as stack:
        sides = [
            _side(stack.enter_context(repository.files(commit, _needed(listing, places))), places)
            for commit, listing in zip(commits, listings, strict=True)
        ]
        uses = uses_of(settings, library_of(settings), sides[1].plan or sides[0].plan, every=True)
        differences = changes(sides[0], sides[1], uses)
    document = diff_document(old, new or "your files", differences)
    emit(document, settings, common, limit)
    if check and (count := sum(bool(change.breaks) for change in differences)):
        raise CheckFailed(f"{plural(count, 'change')} {'breaks' if count == 1 else 'break'} something")


def _holds(listing: Sequence[str], place: Path) -> bool:
    folder = "" if place == Path() else f"{place.as_posix()}/"
    return any(path == place.as_posix() or path.startswith(folder) for path in listing)


def _needed(listing: Sequence[str], places: Sequence[Path]) -> list[str]:
    """The plan, and all source code: what is compared may import from anywhere."""
    from usertrack.plan.scan.files import is_source

    named = {place.as_posix() for place in places}
    return [path for path in listing if path in named or is_source(path.rpartition("/")[2])]


def _side(root: Path, places: Sequence[Path]) -> "Side":
    """The plan, which is at the first place, and the code at the others."""
    from usertrack.coverage.diff import Side
    from usertrack.coverage.material import scan_paths

    own_plan = _plan(root / places[0])
    paths = [root / place for place in places[1:] if (root / place).exists()]
    scan = scan_paths(own_plan, paths, root, repository=root)
    shown = replace(own_plan, path=places[0]) if own_plan else None
    return Side(shown, scan)


def _plan(path: Path) -> "Plan | None":
    from usertrack.plan.read import read_plan

    return read_plan(path) if path.is_file() else None


def register(plan: typer.Typer) -> None:
    plan.command()(diff)
