"""`usertrack privacy`: what is held on a person, an end to it, an end to what is old, and pseudonyms."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli.common import Common
from usertrack.cli.options import with_common

if TYPE_CHECKING:
    from usertrack.cli.session import Desk
    from usertrack.privacy.places import Held, Kept
    from usertrack.privacy.subject import Subject
    from usertrack.privacy.upkeep import Change

privacy = typer.Typer(
    no_args_is_help=True,
    help="""People's data: hand it over, delete it and prove it, let it expire, replace names by pseudonyms.

    `usertrack privacy export lena@northwind.example -o lena.json` · all that is held on her

    `usertrack privacy erase lena@northwind.example` · what would be deleted, and where

    `usertrack privacy retention --older-than 400d` · what has been kept for longer""",
)
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="Whose.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", help="Do it, without asking.")]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR", help="The embedded server's data, instead of the PostHog that is configured."
    ),
]


@privacy.command("export")
@with_common
def export(email: Email, data: Data = None, *, common: Common) -> None:
    """One JSON document of all that is held on a person: PostHog, Postgres, history and cache.

    `usertrack privacy export lena@northwind.example -o lena.json` · readable by you alone
    """
    from usertrack.cli import diagnostics, output
    from usertrack.core.errors import UsageError
    from usertrack.privacy.export import pieces

    if common.format not in (None, "json"):
        raise UsageError(f"a person's data is exported as json, not {common.format}", "leave --format away")
    with _opened(common, data) as desk:
        subject, where, _ = _known(desk, email, data)
        counts, text = pieces(desk.runner, subject, where, desk.runner.now)
        desk.progress.stop()
        output.emit_secret(text, common.output)
    diagnostics.note(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()))


@privacy.command("erase")
@with_common
def erase(email: Email, yes: Yes = False, data: Data = None, *, common: Common) -> None:
    """Delete all that is held on a person, then read every place again; exits with 5 when something is left.

    `usertrack privacy erase lena@northwind.example` · what would be deleted; on a terminal it asks

    `usertrack privacy erase lena@northwind.example --yes`
    """
    from usertrack.cli import diagnostics
    from usertrack.privacy.erase import delete, prove, raise_left
    from usertrack.privacy.view import erased_document, survey_document

    with _opened(common, data) as desk:
        subject, where, found = _known(desk, email, data)
        if not yes:
            desk.emit(survey_document(subject, found))
            if not _confirmed(f"Type {subject.email} to erase it", subject.email):
                diagnostics.note("nothing was deleted; --yes deletes it")
                return
        done = delete(desk.runner, subject, where, desk.progress)
        proven = prove(desk.runner, subject, where, found, desk.progress)
        desk.emit(erased_document(subject, proven))
        if any(each.held.place == "Postgres" and each.held.count for each in proven):
            diagnostics.note("Postgres is read only, always: the owner of the database has to delete these rows")
        raise_left(subject, proven, done=done)


@privacy.command("prove")
@with_common
def prove(
    email: Email,
    person: Annotated[
        list[str] | None,
        typer.Option(
            "--person", metavar="UUID", help="A PostHog person that it was; `erase` says which.", show_default=False
        ),
    ] = None,
    data: Data = None,
    *,
    common: Common,
) -> None:
    """Read every place again after an erasure that PostHog had yet to complete; exits with 5 while anything is left.

    `usertrack privacy prove lena@northwind.example --person 0190a0b0-0000-7000-8000-000000000001`
    """
    from usertrack.privacy.erase import Erased, pending, raise_left
    from usertrack.privacy.places import survey
    from usertrack.privacy.subject import find
    from usertrack.privacy.view import erased_document

    with _opened(common, data) as desk:
        desk.progress(f"looking for {email}", passing=True)
        subject = find(desk.runner, email, [each.strip().lower() for each in person or ()])
        held = survey(desk.runner, subject, _places(desk, data), desk.progress)
        found = [Erased(each, each.count, each.note) for each in held]
        desk.emit(erased_document(subject, found))
        raise_left(subject, found, done=not pending(desk.runner, subject))


@privacy.command("retention")
@with_common
def retention(
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="AGE", help="What is older goes: 400d.", show_default=False)
    ],
    yes: Yes = False,
    data: Data = None,
    *,
    common: Common,
) -> None:
    """Delete what is older than an age: events and persons of the embedded store, history, cache; counted again.

    `usertrack privacy retention --older-than 400d` · what would be deleted

    `usertrack privacy retention --older-than 400d --yes`
    """
    from usertrack.core.words import parse_age
    from usertrack.privacy.upkeep import expire

    age = parse_age(older_than)
    with _opened(common, data) as desk:
        before, where = desk.runner.now - age, _places(desk, data)
        title = f"What is older than {older_than}"
        found = expire(desk.runner, where, before, desk.progress, dry_run=True)
        done = yes or _agreed(desk, title, found, older_than)
        if done:
            _finish(
                desk, f"{title} was deleted", expire(desk.runner, where, before, desk.progress, dry_run=False), found
            )


@privacy.command("pseudonymize")
@with_common
def pseudonymize(yes: Yes = False, data: Data = None, *, common: Common) -> None:
    """Replace e-mails, names and ids by keyed hashes in the embedded store and the history; the cache is emptied.

    The key is USERTRACK_PSEUDONYM_KEY, or one that is made once and kept. There is no way back.

    `usertrack privacy pseudonymize` · what would be replaced

    `usertrack privacy pseudonymize --yes`
    """
    from usertrack.core.pseudonyms import Pseudonyms
    from usertrack.privacy import upkeep
    from usertrack.workspace.key import key_of

    with _opened(common, data) as desk:
        where = _places(desk, data)
        pseudonyms = Pseudonyms(key_of(desk.settings), desk.settings["internal"])
        title = "Who would be a pseudonym"
        found = upkeep.pseudonymize(desk.runner, where, pseudonyms, desk.progress, dry_run=True)
        if yes or _agreed(desk, title, found, "pseudonymize"):
            done = upkeep.pseudonymize(desk.runner, where, pseudonyms, desk.progress, dry_run=False)
            _finish(desk, "People are pseudonyms now", done, found)


def _agreed(desk: "Desk", title: str, found: "list[Change]", word: str) -> bool:
    from usertrack.cli import diagnostics
    from usertrack.privacy.view import counts_document

    desk.emit(counts_document(title, "nothing was changed", found, found))
    agreed = _confirmed(f"Type {word} to do it", word)
    if not agreed:
        diagnostics.note("nothing was changed; --yes does it")
    return agreed


def _finish(desk: "Desk", title: str, done: "list[Change]", before: "list[Change]") -> None:
    from usertrack.privacy.upkeep import raise_left
    from usertrack.privacy.view import counts_document

    desk.emit(counts_document(title, "every place was counted again", before, done))
    raise_left(done)


@contextmanager
def _opened(common: Common, data: Path | None) -> "Iterator[Desk]":
    """A desk on what is configured, or with PostHog in the place of ``data``: of its server, where one has it open."""
    from usertrack.cli.common import settings_of
    from usertrack.cli.session import open_desk

    if data is None:
        with open_desk(common, cached=False) as desk:
            yield desk
        return
    from usertrack.server.serve import serving
    from usertrack.workspace.settings import Setting

    settings = settings_of(common)
    with serving(data, os.environ) as (url, keys):
        chosen = {"host": url, "project_id": str(keys.project_id), "personal_api_key": keys.personal_api_key}
        values = {f"posthog.{name}": Setting(value, "--data") for name, value in chosen.items()}
        own = replace(settings, values={**settings.values, **values}, demo=False)
        with open_desk(common, cached=False, settings=own) as desk:
            yield desk


def _known(desk: "Desk", email: str, data: Path | None) -> "tuple[Subject, Kept, list[Held]]":
    """Who it is and what is held; raises UsageError with near matches when nobody is called that anywhere."""
    from usertrack.privacy.places import survey
    from usertrack.privacy.subject import find

    desk.progress(f"looking for {email}", passing=True)
    subject, where = find(desk.runner, email), _places(desk, data)
    found = survey(desk.runner, subject, where, desk.progress)
    if not any(each.count for each in found if each.what not in ("answers", "rows") or each.place == "history"):
        _nobody(desk, email)
    return subject, where, found


def _nobody(desk: "Desk", email: str) -> None:
    from usertrack.core.errors import UsageError
    from usertrack.segments.explain import find

    find(desk.profiles(desk.rules()), email)  # says so, with near matches
    raise UsageError(f"nothing is held on '{email}'")


def _places(desk: "Desk", data: Path | None) -> "Kept":
    from datetime import UTC, datetime

    from usertrack.cli.serving import default_data
    from usertrack.engine.cache import open_cache
    from usertrack.privacy.places import Kept
    from usertrack.segments.history.file import place_of
    from usertrack.server.lock import served_at

    settings, now = desk.settings, datetime.now(UTC)
    own = default_data()
    asked = data or settings.uses_demo or served_at(own) == settings["posthog.host"].replace("localhost", "127.0.0.1")
    unseen = own if (own / "clickhouse").is_dir() and not asked else None
    return Kept(place_of(settings, desk.runner.now), open_cache(settings, now, desk.progress), unseen)


def _confirmed(question: str, answer: str) -> bool:
    """Whether somebody at a terminal typed ``answer``; off one nobody is asked."""
    import sys

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    return str(typer.prompt(question, default="", show_default=False, err=True)).strip() == answer


def register(app: typer.Typer) -> None:
    app.add_typer(privacy, name="privacy", rich_help_panel="Workspace")
