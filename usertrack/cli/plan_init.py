"""`usertrack plan init`: a tracking plan from code, from data, or from a Markdown file."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli.common import Common
from usertrack.cli.options import with_common_once
from usertrack.cli.plan_options import PlanOption

if TYPE_CHECKING:
    from usertrack.plan.draft.model import Draft


@with_common_once
def init(
    origin: Annotated[
        str,
        typer.Option("--from", metavar="code|data|FILE", help="The code, the data, or a Markdown file with tables."),
    ],
    code: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...", help="The code, for `--from code`; default: this folder.", show_default=False
        ),
    ] = None,
    plan: PlanOption = None,
    days: Annotated[int, typer.Option("--days", min=1, max=365, help="How far to look back, for `--from data`.")] = 30,
    *,
    common: Common,
) -> None:
    """Write a tracking plan from what the code sends, from what has arrived, or from the tables of a Markdown file.

    `usertrack plan init --from code src` · `usertrack plan init --from data --days 90`

    `usertrack plan init --from docs/tracking-plan.md`

    Every guess is marked with a comment. What tracking.yaml has already stays as it is: run it again, also from
    elsewhere, and it adds what is new, properties of events that are there among it, and says what.
    """
    from usertrack.cli import diagnostics
    from usertrack.cli.common import settings_of
    from usertrack.cli.session import emit
    from usertrack.plan.draft.view import merge_document
    from usertrack.plan.draft.write import merge, write_schema
    from usertrack.workspace.files import new_plan_path

    settings = settings_of(common)
    path = new_plan_path(settings, plan)
    draft = _draft(origin, code or [Path()], path, days, common)
    merged = merge(path, draft)
    for written in [*([path] if merged.added or merged.is_new else []), *write_schema(path)]:
        diagnostics.note(f"wrote {written}")
    for note in draft.notes:
        diagnostics.note(note)
    emit(merge_document(path, merged), settings, common)


def _draft(origin: str, code: list[Path], plan: Path, days: int, common: Common) -> "Draft":
    """The draft from ``origin``; raises UsageError for one that is neither code, data nor a file."""
    from importlib.util import find_spec

    from usertrack.core.errors import UsageError, install_line

    if origin == "code":
        from usertrack.coverage.drafts import draft_of_code
        from usertrack.coverage.material import own_sinks
        from usertrack.plan.scan.scan import scan_code

        sinks, wrappers = own_sinks(plan) if plan.exists() else ([], [])
        return draft_of_code(scan_code(code, sinks, wrappers), _folder_of(code, plan))
    if origin == "data":
        from usertrack.cli.common import settings_of
        from usertrack.cli.session import open_session
        from usertrack.coverage.drafts import draft_of_data

        settings = settings_of(common)
        if settings.uses_demo and not settings.demo:
            hint = "`usertrack login` connects yours; `--demo` makes a plan of the demo's events"
            raise UsageError("no source is connected to make a plan from", hint)
        with open_session(common, settings=settings) as session:
            return draft_of_data(session.runner, days)
    if not Path(origin).is_file():
        hint = "write `--from code`, `--from data` or `--from FILE.md`"
        raise UsageError(f"there is no file '{origin}' to make a plan from", hint)
    from usertrack.plan.draft.markdown import draft_of_markdown

    draft = draft_of_markdown(Path(origin))
    if find_spec("tree_sitter") is None:
        unread = f"blocks of code were not read: {install_line('plan')}" if draft.examples else ""
        return replace(draft, notes=(*draft.notes, *filter(None, [unread])))
    from usertrack.coverage.drafts import with_examples
    from usertrack.plan.scan.scan import scan_code

    return with_examples(draft, lambda folder: scan_code([folder]))


def _folder_of(code: list[Path], plan: Path) -> str:
    """Return the common folder of the code, relative to the folder of the plan, with `/`."""
    root = Path(os.path.commonpath([path.resolve() for path in code]))
    folder = root.parent if root.is_file() else root
    return Path(os.path.relpath(folder, plan.resolve().parent)).as_posix()


def register(plan: typer.Typer) -> None:
    plan.command()(init)
