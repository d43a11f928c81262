"""Every place that may hold something on a person, counted the same way before and after."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from usertrack.core.errors import QueryError, SourceBusy, UsertrackError
from usertrack.core.notify import Notify
from usertrack.core.table import Table
from usertrack.core.traces import files_with
from usertrack.engine.cache import Cache
from usertrack.engine.runner import Answer, Runner
from usertrack.engine.unavailable import NotConnected
from usertrack.library.library import Query, Statement, for_key
from usertrack.privacy import local
from usertrack.privacy.jobs import forgets, result
from usertrack.privacy.subject import OWN, Subject, ask
from usertrack.segments.history.file import Place
from usertrack.segments.staging import of_one_person

_EVENTS = f"SELECT count() AS events FROM events WHERE {OWN}"
_PERSON_ROWS = "SELECT count() AS persons FROM persons WHERE toString(id) IN {persons}"
_DISTINCT_IDS = "SELECT count() AS ids FROM person_distinct_ids WHERE distinct_id IN {distinct_ids}"
_ELSEWHERE = {
    "events of others that name the e-mail": (
        f"SELECT count() AS found FROM events WHERE match(toString(properties), {{pattern}}) AND NOT ({OWN})"
    ),
    "persons of others that name the e-mail": (
        "SELECT count() AS found FROM persons"
        " WHERE match(toString(properties), {pattern}) AND NOT toString(id) IN {persons}"
    ),
    "groups that name the e-mail": "SELECT count() AS found FROM groups WHERE match(toString(properties), {pattern})",
}

_IN_SERVER = {
    "texts": "saved insights and names that name the e-mail",
    "rows": "stored rows that name the e-mail",
    "files": "files with the e-mail's bytes",
}


@dataclass(frozen=True)
class LocalFiles:
    """Where things lie on this machine; None for what there is not.

    ``unseen`` is the folder of an embedded server that is not the PostHog which is asked.
    """

    history: Place | None
    cache: Cache | None
    unseen: Path | None = None


@dataclass(frozen=True)
class Holding:
    """How many things of one kind a place holds; None when that cannot be known, and ``note`` says why.

    ``ours`` is False for what usertrack never changes, ``stays`` True for what others did, which `erase` leaves.
    """

    place: str
    content: str
    count: int | None
    note: str = ""
    ours: bool = True
    stays: bool = False


def silent(message: str, *, passing: bool = False, unseen: bool = False) -> None:
    pass


def survey(runner: Runner, subject: Subject, where: LocalFiles, notify: Notify = silent) -> list[Holding]:
    """What every place holds, as it is now."""
    return [
        *_in_posthog(runner, subject),
        *_in_server(runner, subject, notify),
        *_here(runner, subject, where),
        *_in_postgres(runner, subject),
    ]


def _in_posthog(runner: Runner, subject: Subject) -> Iterator[Holding]:
    if not subject.posthog:
        yield Holding("PostHog", "persons", None, "PostHog is not connected", ours=False)
        return
    spelled = ", ".join(each for each in subject.spellings if each != subject.email)
    for what, sql, note in (
        ("persons", _PERSON_ROWS, f"also spelled {spelled}" if spelled else ""),
        ("distinct ids", _DISTINCT_IDS, ""),
        ("events", _EVENTS, ""),
    ):
        yield Holding("PostHog", what, ask(runner, what, sql, subject).rows[0][0], note)
    for what, sql in _ELSEWHERE.items():
        try:
            yield Holding("PostHog", what, ask(runner, "elsewhere", sql, subject).rows[0][0], stays=True)
        except (QueryError, SourceBusy) as error:  # it reads everything there is, which PostHog may refuse
            yield Holding("PostHog", what, None, f"could not be searched: {error.message}", ours=False)


def _in_server(runner: Runner, subject: Subject, notify: Notify) -> Iterator[Holding]:
    if not subject.posthog:
        return
    if not forgets(runner):
        note = "not looked at; those of an embedded server are, on its machine, with --data"
        yield Holding("PostHog", "files of its server", None, note, ours=False)
        return
    found = result(runner, "forget", {**asked_of_server(subject), "dry_run": True}, notify)
    for key, what in _IN_SERVER.items():
        yield Holding("embedded store", what, found[key])


def asked_of_server(subject: Subject) -> dict[str, Any]:
    return {"email": subject.email, "others": list(subject.longer_emails)}


def _here(runner: Runner, subject: Subject, where: LocalFiles) -> Iterator[Holding]:
    others = list(subject.longer_emails)
    with local.opened(where.history) as connection:
        yield Holding("history", "rows", local.history_count(connection, subject.email) if connection else 0)
        others += local.alike(connection, subject.email) if connection else []
    if where.cache:
        named = sum(rows for *_, rows in local.naming(where.cache, subject))
        note = f"{named} rows name the e-mail; all answers go, for not every one says whom it is about"
        count = len(where.cache.entries())
        yield Holding("cache", "answers", count, note if count else "")
    places = {
        "history": local.files(where.history) if where.history else [],
        "cache": [where.cache.folder] if where.cache else [],
    }
    for place, paths in places.items():
        if paths:
            found = files_with(paths, subject.email, others)
            note = ", ".join(path.name for path in found[:3])
            yield Holding(place, "files with the e-mail's bytes", len(found), note)
    if left := files_with(_temporary(runner), subject.email, others):
        note = f"of a usertrack at work, or of one that was killed: {', '.join(map(str, left[:3]))}"
        yield Holding("temporary files", "files with the e-mail's bytes", len(left), note, ours=False)
    if where.unseen:
        note = "not looked at; the same command with --data and this folder does"
        yield Holding("embedded store", str(where.unseen), None, note, ours=False)


def _temporary(runner: Runner) -> list[Path]:
    """Folders of other runs; this one's goes at its end."""
    return [each for each in Path(tempfile.gettempdir()).glob("usertrack-*") if each != runner.spool.folder]


def _in_postgres(runner: Runner, subject: Subject) -> Iterator[Holding]:
    for name, answer in postgres_answers(runner, subject).items():
        if isinstance(answer, NotConnected):
            yield Holding("Postgres", "rows", None, "Postgres is not connected", ours=False)
            return
        if isinstance(answer, UsertrackError):
            yield Holding("Postgres", name, None, answer.message, ours=False)
        elif len(answer.rows):
            yield Holding("Postgres", name, len(answer.rows), "read-only: its owner has to delete it", ours=False)


def postgres_answers(runner: Runner, subject: Subject) -> dict[str, Answer]:
    """What the library's queries about one person find, of all time; your own people are no exception here."""
    keyed = _answers(runner, _keyed(runner, subject))
    found = {
        name: of_one_person(answer, "email", subject.email) if isinstance(answer, Table) else answer
        for name, answer in keyed.items()
    }
    # Postgres knows less of letters and blanks than we do: it is asked for the e-mail as it has it
    column = {name: answer.names.index("email") for name, answer in tables(found).items()}
    spelled = {str(row[column[name]]) for name, answer in tables(found).items() for row in answer.rows}
    return found | _answers(runner, _per_person(runner, sorted({subject.email, *spelled})))


def _answers(runner: Runner, statements: Iterator[Statement]) -> dict[str, Answer]:
    asked = {statement.name: statement for statement in statements}
    return dict(zip(asked, runner.run(list(asked.values())), strict=True))


def _keyed(runner: Runner, subject: Subject) -> Iterator[Statement]:
    for query in _of_postgres(runner):
        if query.key == "email" and not any(each.default is None for each in query.params.values()):
            yield for_key(runner.bind(query.name, internal=[]), subject.email)


def _per_person(runner: Runner, spellings: list[str]) -> Iterator[Statement]:
    for query in _of_postgres(runner):
        if {name for name, parameter in query.params.items() if parameter.default is None} == {"email"}:
            always = {"days": 36_500} if "days" in query.params else {}
            yield runner.bind(query.name, {"email": spellings, **always}, internal=[])


def _of_postgres(runner: Runner) -> Iterator[Query]:
    return (runner.library[name] for name in runner.library if name.startswith("neon/"))


def tables(answers: dict[str, Answer]) -> dict[str, Table]:
    return {name: answer for name, answer in answers.items() if isinstance(answer, Table) and len(answer.rows)}
