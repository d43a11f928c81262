"""`usertrack init`, `check` and `doctor`: create a workspace, and find what is wrong with it."""

from pathlib import Path
from typing import Annotated

import typer

from usertrack.cli import complete
from usertrack.cli.common import Common
from usertrack.cli.options import with_common

_PANEL = "Workspace"


def init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="The folder; default: this one.")] = Path(),
    from_database: Annotated[
        bool, typer.Option("--from-database", help="Propose what accounts, runs and the rest are in your Postgres.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Take the proposals without asking.")] = False,
    no_values: Annotated[
        bool, typer.Option("--no-values", help="Read only names, types and keys, no value of any row.")
    ] = False,
    show_values: Annotated[bool, typer.Option("--show-values", help="Show rows as they are, not masked.")] = False,
    runs: Annotated[
        str | None,
        typer.Option("--runs", metavar="TABLE", help="The table of your runs, such as `--runs app.builds`."),
    ] = None,
    fit: Annotated[
        bool,
        typer.Option(
            "--fit", help="Show thresholds that fit your numbers beside those of the rules, and offer to take them."
        ),
    ] = False,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            metavar="PROFILE",
            help="Use this profile, which `usertrack login` stored.",
            autocompletion=complete.profiles,
        ),
    ] = None,
) -> None:
    """Create a workspace: settings, segments, funnels and a folder for your queries, with comments.

    `usertrack init acme && cd acme`

    `usertrack init acme --from-database` · looks into the database of DATABASE_URL, and asks

    `usertrack init acme --from-database --profile acme` · into that of a profile, which the workspace keeps

    `usertrack init acme --from-database --runs app.builds --fit` · names the runs, offers thresholds
    """
    from usertrack.cli import diagnostics
    from usertrack.cli.own_domains import ask_domains
    from usertrack.core.errors import UsageError
    from usertrack.mapping.files import add_internal
    from usertrack.workspace.folder import FILE_NAME
    from usertrack.workspace.profiles import require_profile
    from usertrack.workspace.scaffold import create_workspace, use_profile
    from usertrack.workspace.settings import load_settings

    if profile:
        require_profile(profile)
    if from_database:
        from usertrack.cli.mapping import Wishes, init_from_database

        wishes = Wishes(yes=yes, with_values=not no_values, show_values=show_values, fit=fit, runs=runs)
        if init_from_database(folder, wishes, profile):
            from usertrack.cli.options import call_plainly
            from usertrack.cli.people import segments

            call_plainly(segments, workspace=folder, profile=profile)
        return
    if fit or runs:
        raise UsageError(f"{'--fit' if fit else '--runs'} is for --from-database", "add --from-database")
    written = create_workspace(folder)
    for path in written:
        diagnostics.note(f"wrote {path}")
    if profile:
        use_profile(folder, profile)
    if written and diagnostics.has_terminal() and not load_settings(workspace=folder).names_own_people:
        add_internal(folder / FILE_NAME, ask_domains(""))
    if not written:
        diagnostics.note(f"{folder} is a workspace already; nothing was changed")
    login = "" if profile else f"`usertrack login`, or variables in {folder / '.env'}; then "
    diagnostics.note(
        f"next: {login}`usertrack init {folder} --from-database` finds your tables; then `usertrack doctor`"
    )


@with_common
def check(
    online: Annotated[
        bool, typer.Option("--online", help="Also ask the sources whether every query would run.")
    ] = False,
    *,
    common: Common,
) -> None:
    """Check all files of the workspace: settings, queries, segments, causes of failures, funnels.

    `usertrack check` · `usertrack check --online`
    """
    from usertrack.checks.entities import check_entity_files
    from usertrack.checks.finding import Finding
    from usertrack.checks.view import findings_document, raise_problems
    from usertrack.checks.workspace import check_files, check_fragments, check_queries
    from usertrack.cli import output
    from usertrack.cli.common import settings_of
    from usertrack.cli.session import emit, open_session
    from usertrack.core.errors import UsageError
    from usertrack.workspace.files import library_of, rules_path
    from usertrack.workspace.folder import FILE_NAME

    try:
        settings = settings_of(common)
    except UsageError as error:
        broken = next((name for name in (FILE_NAME, ".env") if name in error.message), None)
        if broken is None:  # an option, or the environment
            raise
        findings = [Finding("FAIL", broken, error.message, error.hint)]
        output.emit(findings_document("usertrack check", findings), fmt=common.format or "", output=common.output)
        raise_problems(findings)
        return
    library = library_of(settings)
    if online:
        with open_session(common, cached=False) as session:
            from usertrack.checks.online import check_online

            library = session.runner.library
            findings = [*check_fragments(library), *check_online(session.watched_runner, rules_path(settings))]
    else:
        findings = [*check_entity_files(library), *check_fragments(library), *check_queries(library)]
    findings += check_files(settings, library)
    emit(findings_document("usertrack check", findings), settings, common)
    raise_problems(findings)


@with_common
def doctor(
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Also show every setting, and where it came from.")
    ] = False,
    *,
    common: Common,
) -> None:
    """Find out why there is no answer: checks connections, scopes, tables, columns, events and settings.

    `usertrack doctor` · `usertrack doctor --verbose`
    """
    from usertrack.checks.doctor import check_settings, examine
    from usertrack.checks.view import findings_document, raise_problems
    from usertrack.cli.session import open_session
    from usertrack.workspace.files import rules_path

    with open_session(common, cached=False) as session:
        findings = examine(session.watched_runner, session.settings, rules_path(session.settings))
        settings = check_settings(session.settings)
        session.emit(findings_document("usertrack doctor", findings, settings, verbose=verbose))
        raise_problems(findings)


def register(app: typer.Typer) -> None:
    for command in (init, check, doctor):
        app.command(rich_help_panel=_PANEL)(command)
