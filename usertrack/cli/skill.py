"""`usertrack skill`: what an agent has to know of usertrack and of this workspace, as a skill for its client."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli.common import Common
from usertrack.cli.options import with_common, with_common_once

if TYPE_CHECKING:
    from usertrack.core.document import Document

skill = typer.Typer(no_args_is_help=True, help="The skill for agents: show it, install it for a client, check its age.")
User = Annotated[bool, typer.Option("--user", help="In your home folder, for all projects; default: in this folder.")]


def _files(common: Common) -> dict[str, str]:
    from usertrack.cli.commands import PANELS
    from usertrack.cli.common import settings_of
    from usertrack.reports.skill import skill_files
    from usertrack.segments.rules import read_rules
    from usertrack.workspace.files import library_of, rules_path

    settings = settings_of(common)
    return skill_files(library_of(settings), read_rules(rules_path(settings)), PANELS)


@skill.command()
@with_common_once
def show(
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="A file of the skill.")] = "SKILL.md", *, common: Common
) -> None:
    """Print a file of the skill.

    `usertrack skill show` · SKILL.md, which names the others

    `usertrack skill show references/failures.md`
    """
    from usertrack.cli.output import emit_bytes
    from usertrack.core.errors import UsageError, did_you_mean

    files = _files(common)
    if file not in files:
        raise UsageError(f"the skill has no file '{file}'", did_you_mean(file, files, f"it has {', '.join(files)}"))
    emit_bytes([files[file].encode()], None)


@skill.command()
@with_common_once
def install(
    client: Annotated[
        str, typer.Option("--for", metavar="CLIENT", help="claude-code, codex, cursor, gemini or agents.")
    ] = "claude-code",
    user: User = False,
    *,
    common: Common,
) -> None:
    """Install the skill where an agent's client looks for it; an earlier version of it is replaced.

    `usertrack skill install` · for Claude Code, in this folder: `/user-activity-tracker` is a command there then

    `usertrack skill install --for codex --user` · for all projects of yours
    """
    from usertrack.cli import diagnostics
    from usertrack.core.errors import UsageError, did_you_mean
    from usertrack.reports.skill import FOLDERS, NAME

    if client not in FOLDERS:
        hint = did_you_mean(client, FOLDERS, f"it takes {', '.join(FOLDERS)}")
        raise UsageError(f"--for takes no '{client}'", hint)
    folder = (Path.home() if user else Path()) / FOLDERS[client] / NAME
    for name, text in _files(common).items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot write {path} ({error.strerror})", "may you write there?") from error
    diagnostics.note(f"wrote {folder}; `usertrack skill check` says when it is out of date")


@skill.command()
@with_common
def check(user: User = False, *, common: Common) -> None:
    """Check whether installed skills are those that usertrack and the workspace would make now; exit code 5 if not.

    `usertrack skill check` · `usertrack skill check --user`
    """
    from usertrack.cli.common import settings_of
    from usertrack.cli.session import emit
    from usertrack.core.errors import UsageError
    from usertrack.reports.skill import installed, version_of

    files = _files(common)
    folders = list(installed(Path.home() if user else Path()))
    if not folders:
        raise UsageError("no skill is installed here", "`usertrack skill install --for claude-code` does that")

    def is_stale(folder: Path) -> bool:
        paths = {folder / name: text for name, text in files.items()}
        return any(not path.exists() or path.read_text("utf-8") != text for path, text in paths.items())

    stale = list(filter(is_stale, folders))
    emit(
        _document([(folder, version_of(folder) or "", folder in stale) for folder in folders]),
        settings_of(common),
        common,
    )
    if stale:
        raise typer.Exit(5)


def _document(rows: list[tuple[Path, str, bool]]) -> "Document":
    from usertrack.core.columns import Attribute, Columns
    from usertrack.core.document import Document, Field

    columns: Columns[tuple[Path, str, bool]] = Columns(
        Attribute("folder", "VARCHAR", lambda row: str(row[0]), Field("Skill")),
        Attribute("version", "VARCHAR", lambda row: row[1], Field("Version")),
        Attribute("state", "VARCHAR", lambda row: "out of date" if row[2] else "ok", Field("State", "tag")),
    )
    notes = ("`usertrack skill install` writes it anew",) if any(is_stale for *_, is_stale in rows) else ()
    return Document("Skills for agents", (columns.listing(rows),), notes, table=columns.table(rows, "skills"))


def register(app: typer.Typer) -> None:
    app.add_typer(skill, name="skill", rich_help_panel="Workspace")
