"""`usertrack privacy`: export and erase a person's data, delete old data, and pseudonymize people."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli.common import Common
from usertrack.cli.options import with_common, with_common_once

if TYPE_CHECKING:
    from usertrack.cli.session import Session
    from usertrack.privacy.places import Holding, LocalFiles
    from usertrack.privacy.subject import Subject
    from usertrack.privacy.upkeep import PlaceCounts

privacy = typer.Typer(
    no_args_is_help=True,
    help="""People's data: export it, erase it and prove that, delete old data, replace names by pseudonyms.

    `usertrack privacy export lena@northwind.example -o lena.json` · all data about her

    `usertrack privacy erase lena@northwind.example` · shows what would be deleted, and where

    `usertrack privacy retention --older-than 400d` · shows data that is older""",
)
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The person's e-mail.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR", help="The embedded server's data, instead of the PostHog that is configured."
    ),
]


@privacy.callback()
def finish_erasures(context: typer.Context) -> None:
    from usertrack.cli import unfinished

    if context.invoked_subcommand != "erase":
        unfinished.finish_erasures()


@privacy.command("export")
@with_common_once
def export(email: Email, data: Data = None, *, common: Common) -> None:
    """Export all data about a person as one JSON document: PostHog, Postgres, history and cache.

    `usertrack privacy export lena@northwind.example -o lena.json` · a file that only you can read
    """
    from usertrack.cli import diagnostics, output
    from usertrack.core.errors import UsageError
    from usertrack.privacy.export import pieces

    if common.format not in (None, "json"):
        raise UsageError(f"a person's data is exported as json, not {common.format}", "leave out --format")
    with _open_session(common, data) as session:
        subject, where, _ = _find_holdings(session, session.email_of(email), data)
        counts, text = pieces(session.runner, subject, where, session.runner.now)
        session.progress.stop()
        output.emit_bytes(text, common.output, secret=True)
    diagnostics.note(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()))


@privacy.command("erase")
@with_common_once
def erase(email: Email, yes: Yes = False, data: Data = None, *, common: Common) -> None:
    """Delete all data about a person, then read every place again; exits with 5 when something is left.

    `usertrack privacy erase lena@northwind.example` · shows what would be deleted; on a terminal it asks

    `usertrack privacy erase lena@northwind.example --yes`
    """
    from usertrack.cli import diagnostics, unfinished
    from usertrack.core.emails import email_in
    from usertrack.privacy.erase import erase_everywhere
    from usertrack.privacy.view import erased_document, survey_document

    unfinished.finish_erasures(but=email_in(email) or email)
    with _open_session(common, data) as session:
        subject, where, holdings = _find_holdings(session, session.email_of(email), data)
        if not yes:
            session.emit(survey_document(subject, holdings))
            if not _confirmed(f"Type {subject.email} to erase it", subject.email):
                diagnostics.note("nothing was deleted; --yes deletes it")
                return
        outcome = erase_everywhere(session.runner, subject, where, holdings, session.progress)
        session.emit(erased_document(subject, outcome.erasures))
        if any(erasure.held.place == "Postgres" and erasure.held.count for erasure in outcome.erasures):
            diagnostics.note("Postgres is read only, always: the owner of the database has to delete these rows")
        outcome.require_nothing_left()


@privacy.command("prove")
@with_common
def prove(
    email: Email,
    person: Annotated[
        list[str] | None,
        typer.Option(
            "--person", metavar="UUID", help="The deleted person in PostHog; `erase` names it.", show_default=False
        ),
    ] = None,
    data: Data = None,
    *,
    common: Common,
) -> None:
    """Read every place again after an erasure that PostHog completes later; exits with 5 while anything is left.

    `usertrack privacy prove lena@northwind.example --person 0190a0b0-0000-7000-8000-000000000001`
    """
    from usertrack.privacy.erase import Erasure, pending, raise_left
    from usertrack.privacy.places import survey
    from usertrack.privacy.subject import find_subject
    from usertrack.privacy.view import erased_document

    with _open_session(common, data) as session:
        session.progress(f"looking for {email}", passing=True)
        subject = find_subject(session.runner, session.email_of(email), [id_.strip().lower() for id_ in person or ()])
        held = survey(session.runner, subject, _places(session, data), session.progress)
        results = [Erasure(copy, copy.count, copy.note) for copy in held]
        session.emit(erased_document(subject, results))
        raise_left(subject, results, done=not pending(session.runner, subject))


@privacy.command("retention")
@with_common_once
def retention(
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="AGE", help="Delete data older than this: 400d.", show_default=False)
    ],
    yes: Yes = False,
    data: Data = None,
    *,
    common: Common,
) -> None:
    """Delete old data: events and persons in the embedded store, history, cache. Then count every place again.

    `usertrack privacy retention --older-than 400d` · shows what would be deleted

    `usertrack privacy retention --older-than 400d --yes`
    """
    from usertrack.core.words import parse_age
    from usertrack.privacy.upkeep import expire

    age = parse_age(older_than)
    with _open_session(common, data) as session:
        before, where = session.runner.now - age, _places(session, data)
        title = f"What is older than {older_than}"
        changes = expire(session.runner, where, before, session.progress, dry_run=True)
        done = yes or _confirm_changes(session, title, changes, older_than)
        if done:
            _finish(
                session,
                f"{title} was deleted",
                expire(session.runner, where, before, session.progress, dry_run=False),
                changes,
            )


@privacy.command("pseudonymize")
@with_common_once
def pseudonymize(yes: Yes = False, data: Data = None, *, common: Common) -> None:
    """Replace e-mails, names and ids by keyed hashes in the embedded store and the history; the cache is emptied.

    The key is USERTRACK_PSEUDONYM_KEY, or one that is created once and kept. This cannot be undone.

    `usertrack privacy pseudonymize` · shows what would be replaced

    `usertrack privacy pseudonymize --yes`
    """
    from usertrack.core.pseudonyms import Pseudonyms
    from usertrack.privacy import upkeep
    from usertrack.workspace.key import pseudonym_key

    with _open_session(common, data) as session:
        where = _places(session, data)
        pseudonyms = Pseudonyms(pseudonym_key(session.settings), session.settings["internal"])
        title = "Who would be a pseudonym"
        changes = upkeep.pseudonymize(session.runner, where, pseudonyms, session.progress, dry_run=True)
        if yes or _confirm_changes(session, title, changes, "pseudonymize"):
            done = upkeep.pseudonymize(session.runner, where, pseudonyms, session.progress, dry_run=False)
            _finish(session, "People are pseudonyms now", done, changes)


def _confirm_changes(session: "Session", title: str, changes: "list[PlaceCounts]", word: str) -> bool:
    from usertrack.cli import diagnostics
    from usertrack.privacy.view import counts_document

    session.emit(counts_document(title, "nothing was changed", changes, changes))
    agreed = _confirmed(f"Type {word} to do it", word)
    if not agreed:
        diagnostics.note("nothing was changed; --yes does it")
    return agreed


def _finish(session: "Session", title: str, done: "list[PlaceCounts]", before: "list[PlaceCounts]") -> None:
    from usertrack.privacy.upkeep import raise_left
    from usertrack.privacy.view import counts_document

    session.emit(counts_document(title, "every place was counted again", before, done))
    raise_left(done)


@contextmanager
def _open_session(common: Common, data: Path | None) -> "Iterator[Session]":
    """A session that asks about people by their e-mail, whatever profiles are joined on."""
    from usertrack.cli.session import open_data_session
    from usertrack.library.entities import EMAIL

    with open_data_session(common, data) as session:
        session.runner.library = session.runner.library.by(EMAIL)
        yield session


def _find_holdings(session: "Session", email: str, data: Path | None) -> "tuple[Subject, LocalFiles, list[Holding]]":
    """The person, the local files, and the data held about them; raises UsageError with similar e-mails."""
    from usertrack.privacy.holdings import find_holdings, local_files

    where = local_files(session, data)
    subject, holdings = find_holdings(session, email, where)
    return subject, where, holdings


def _places(session: "Session", data: Path | None) -> "LocalFiles":
    from usertrack.privacy.holdings import local_files

    return local_files(session, data)


def _confirmed(question: str, answer: str) -> bool:
    """Whether ``answer`` was typed at the terminal; False without a terminal."""
    import sys

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    return str(typer.prompt(question, default="", show_default=False, err=True)).strip() == answer


def register(app: typer.Typer) -> None:
    app.add_typer(privacy, name="privacy", rich_help_panel="Workspace")
