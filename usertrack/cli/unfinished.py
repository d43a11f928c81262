"""Removes files of killed processes and finishes interrupted erasures, before each command."""

from pathlib import Path


def remove_left_overs() -> None:
    """Remove those among temporary files, in the current folder, and beside profiles and journals of erasures."""
    from contextlib import suppress
    from tempfile import gettempdir

    from usertrack.core import temporary
    from usertrack.workspace.private_files import erasures_folder
    from usertrack.workspace.profiles import profiles_folder

    with suppress(OSError):  # such as a current folder that is gone
        temporary.remove_left_overs(Path(gettempdir()), Path.cwd(), profiles_folder(), erasures_folder())


def finish_erasures(but: str = "") -> None:
    """Finish each, except that of the e-mail ``but``, which the command itself erases; say what could not be."""
    from usertrack.workspace.private_files import erasures_folder

    folder = erasures_folder()
    if not any(folder.glob("*.json")):
        return
    from usertrack.cli import diagnostics
    from usertrack.cli.common import Common
    from usertrack.cli.session import open_data_session
    from usertrack.core.errors import UsertrackError
    from usertrack.library.entities import EMAIL
    from usertrack.privacy.holdings import finish
    from usertrack.privacy.journal import interrupted, unreadable

    for path in unreadable(folder):
        diagnostics.note(
            f"{path} notes an erasure that was not finished, and cannot be read: erase again, then delete it"
        )
    for begun in interrupted(folder):
        email, origin = begun.subject.email, begun.origin
        if email == but:
            continue
        workspace, data = (Path(path) if path else None for path in (origin.workspace, origin.data))
        diagnostics.note(f"an erasure of {email} was interrupted: it is finished first")
        try:
            with open_data_session(Common(workspace, origin.profile, origin.demo), data) as session:
                session.runner.library = session.runner.library.by(EMAIL)
                finish(session, begun).require_nothing_left()
        except UsertrackError as error:
            diagnostics.note(f"{email} is not erased yet: {error.message} ({error.hint})")
        else:
            diagnostics.note(f"{email} was erased · every place was read again")
