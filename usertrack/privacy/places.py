"""Counts what each place holds on a person: PostHog, the embedded store, Postgres, local files."""

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp

from usertrack.core.errors import NotConnected, QueryError, SourceBusy, UsertrackError
from usertrack.core.notify import Notify
from usertrack.core.source_names import POSTGRES
from usertrack.core.spool import quote
from usertrack.core.table import Table
from usertrack.core.traces import files_with
from usertrack.engine.cache import Cache
from usertrack.engine.runner import Answer, Runner
from usertrack.library.entities import ACCOUNTS, FORMER_ACCOUNTS, Entity
from usertrack.library.library import Query, Statement, for_key
from usertrack.library.sql import parsed
from usertrack.live.alerts import erasure
from usertrack.privacy import local
from usertrack.privacy.jobs import can_forget, run_job
from usertrack.privacy.journal import ErasureJournal, unreadable
from usertrack.privacy.subject import OWN, Subject, ask
from usertrack.segments.history.file import HistoryFile
from usertrack.segments.staging import rows_of_person

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

_ACCOUNT_IDS = {
    name: f"SELECT a.account_id::text AS id FROM {{{name}}} AS a WHERE a.email = {{email}}"
    for name in (ACCOUNTS.name, FORMER_ACCOUNTS)
}
_OF_PERSON = {
    "event": "distinct_id IN ({})",
    "outbox": "message ->> 'distinct_id' IN ({})",
    "due_property": "group_type = '' AND holder_id IN ({})",
    "profile_property": "group_type = '' AND holder_id IN ({})",
}
"""The tables of `usertrack_track` (schema.sql), and which of their rows are a person's."""
_TRACK_TABLES = "SELECT name FROM unnest({names}) AS n (name) WHERE to_regclass('usertrack.' || name) IS NOT NULL"
_SENT = "`python -m usertrack_track relay --once` on each machine of the product sends them; then erase again"

_IN_SERVER = {
    "texts": "saved insights and names that name the e-mail",
    "rows": "stored rows that name the e-mail",
    "files": "files with the e-mail's bytes",
}


@dataclass(frozen=True)
class LocalFiles:
    """usertrack's files on this machine; None for those that do not exist.

    ``unseen`` are the folders of embedded servers that are not the PostHog that is asked.
    ``alerts`` is the folder of alerts.db. Without a ``journal`` an erasure is not noted, as one that is gone on with.
    """

    history: HistoryFile | None
    cache: Cache | None
    unseen: tuple[Path, ...] = ()
    alerts: Path | None = None
    journal: ErasureJournal | None = None


@dataclass(frozen=True)
class Holding:
    """The number of things of one kind in a place; None when that is not known, and ``note`` says why.

    ``ours`` is False for what usertrack never changes, ``stays`` True for data of other people, which `erase` leaves.
    """

    place: str
    content: str
    count: int | None
    note: str = ""
    ours: bool = True
    stays: bool = False


def silent(message: str, *, passing: bool = False, unseen: bool = False) -> None:
    pass


def survey(runner: Runner, subject: Subject, files: LocalFiles, notify: Notify = silent) -> list[Holding]:
    """Return what every place holds now."""
    return [
        *_in_posthog(runner, subject),
        *_in_server(runner, subject, notify),
        *_in_local_files(runner, subject, files),
        *_in_postgres(runner, subject),
        *_in_product(runner, subject),
    ]


def _in_posthog(runner: Runner, subject: Subject) -> Iterator[Holding]:
    if not subject.posthog:
        yield Holding("PostHog", "persons", None, "PostHog is not connected", ours=False)
        return
    spellings = ", ".join(spelling for spelling in subject.spellings if spelling != subject.email)
    for content, sql, note in (
        ("persons", _PERSON_ROWS, f"also spelled {spellings}" if spellings else ""),
        ("distinct ids", _DISTINCT_IDS, ""),
        ("events", _EVENTS, ""),
    ):
        yield Holding("PostHog", content, ask(runner, content, sql, subject).rows[0][0], note)
    for content, sql in _ELSEWHERE.items():
        try:
            yield Holding("PostHog", content, ask(runner, "elsewhere", sql, subject).rows[0][0], stays=True)
        except (QueryError, SourceBusy) as error:  # it reads all events, which PostHog may refuse
            yield Holding("PostHog", content, None, f"could not be searched: {error.message}", ours=False)


def _in_server(runner: Runner, subject: Subject, notify: Notify) -> Iterator[Holding]:
    if not subject.posthog:
        return
    if not can_forget(runner):
        note = "not checked; for an embedded server, run this on its machine with --data"
        yield Holding("PostHog", "files of its server", None, note, ours=False)
        return
    counts = run_job(runner, "forget", {**forget_request(subject), "dry_run": True}, notify)
    for key, content in _IN_SERVER.items():
        yield Holding("embedded store", content, counts[key])


def forget_request(subject: Subject) -> dict[str, object]:
    return {"email": subject.email, "others": list(subject.longer_emails)}


def _in_local_files(runner: Runner, subject: Subject, files: LocalFiles) -> Iterator[Holding]:
    longer_emails = list(subject.longer_emails)
    with local.open_history(files.history) as connection:
        yield Holding("history", "rows", local.history_count(connection, subject.email) if connection else 0)
        longer_emails += local.longer_emails(connection, subject.email) if connection else []
    if files.cache:
        named_rows = sum(rows for *_, rows in local.cached_answers_with(files.cache, subject))
        note = f"{named_rows} rows name the e-mail; all answers go, because not every one says whom it is about"
        count = len(files.cache.entries())
        yield Holding("cache", "answers", count, note if count else "")
    with local.open_alerts(files.alerts) as store:
        if store:
            counts = erasure.held(store, person_of(subject))
            yield Holding("alerts", "alerts", counts.alerts)
            yield Holding("alerts", "messages", counts.messages, "Slack and the like keep what they were sent")
            yield Holding("alerts", "steps and counts", counts.others)
    with local.open_signals(files.alerts) as state:
        if state:
            yield Holding("alerts", "what patterns remember", state.held(person_of(subject).is_in))
    places = {
        "alerts": local.alert_files(files.alerts) if files.alerts else [],
        "history": local.history_files(files.history) if files.history else [],
        "cache": [files.cache.folder] if files.cache else [],
        "journals": unreadable(files.journal.folder) if files.journal else [],
    }
    for place, paths in places.items():
        if paths:
            matches = files_with(paths, subject.email, longer_emails)
            note = ", ".join(path.name for path in matches[:3])
            yield Holding(place, "files with the e-mail's bytes", len(matches), note)
    if left := files_with(_temporary_folders(runner), subject.email, longer_emails):
        note = f"of a running usertrack: end it, and erase again ({', '.join(map(str, left[:3]))})"
        yield Holding("temporary files", "files with the e-mail's bytes", len(left), note)
    for folder in files.unseen:
        note = "not checked; run this with --data and this folder"
        yield Holding("embedded store", str(folder), None, note, ours=False)


def person_of(subject: Subject) -> erasure.PersonInAlerts:
    """Return the person that alerts are about, by every id that PostHog knows."""
    return erasure.PersonInAlerts(frozenset({*subject.ids, *subject.distinct_ids}), subject.email)


def _temporary_folders(runner: Runner) -> list[Path]:
    """Folders of other runs; this run deletes its own at its end, and its start has those of killed ones."""
    return [folder for folder in Path(tempfile.gettempdir()).glob("usertrack-*") if folder != runner.spool.folder]


def _in_postgres(runner: Runner, subject: Subject) -> Iterator[Holding]:
    for name, answer in postgres_answers(runner, subject).items():
        if isinstance(answer, NotConnected):
            yield Holding("Postgres", "rows", None, "Postgres is not connected", ours=False)
            return
        if isinstance(answer, UsertrackError):
            yield Holding("Postgres", name, None, answer.message, ours=False)
        elif len(answer.rows):
            note = "read-only: its owner has to delete it; until then, what reads it keeps it anew"
            yield Holding("Postgres", name, len(answer.rows), note, ours=False)


def _in_product(runner: Runner, subject: Subject) -> Iterator[Holding]:
    """Count rows of own events and of `usertrack_track`, with what deletes them, and its files on this machine."""
    answers = _answers(runner, (_of_subject(runner, name, sql, subject) for name, sql in _ACCOUNT_IDS.items()))
    ids = sorted({*subject.distinct_ids, *(str(id_) for table in tables_of(answers).values() for (id_,) in table.rows)})
    there = runner.run(
        [Statement(POSTGRES, _TRACK_TABLES, {"names": list(_OF_PERSON)}, {"names": "list"}, name="track")]
    )[0]
    if not ids or isinstance(there, UsertrackError):
        return
    texts = ", ".join(map(quote, ids))
    rows = {f"usertrack.{name}": (f"usertrack.{name}", _OF_PERSON[name].format(texts)) for (name,) in there.rows}
    if entity := runner.library.entities.own_events:
        rows[entity.place] = _rows_of(runner, entity, texts)
    for content, (relation, condition) in rows.items():
        sql = f"SELECT count(*) AS rows FROM {relation} WHERE {condition}"
        answer = runner.run([Statement(POSTGRES, sql, name=content)])[0]
        count, note = (None, answer.message) if isinstance(answer, UsertrackError) else (answer.rows[0][0], "")
        yield Holding(
            "Postgres", content, count, f"DELETE FROM {relation} WHERE {condition};" if count else note, ours=False
        )
    folder = _spools()
    marks = [f'"distinct_id":{json.dumps(id_)}'.encode() for id_ in ids]
    if lines := [line for file in folder.glob("*/*.jsonl") for line in file.read_bytes().splitlines()]:
        count = sum(any(mark in line for mark in marks) for line in lines)
        yield Holding("files of track()", str(folder), count, _SENT if count else "", ours=False)


def _spools() -> Path:
    """The folder whose folders `usertrack_track` keeps waiting events in, with the settings of this shell."""
    import platformdirs

    chosen = os.environ.get("USERTRACK_SPOOL")
    return Path(chosen).parent if chosen else platformdirs.user_state_path("usertrack") / "spool"


def _of_subject(runner: Runner, name: str, sql: str, subject: Subject) -> Statement:
    text = runner.library.expanded(sql, POSTGRES, ("email",))
    return Statement(POSTGRES, text, {"email": subject.email}, {"email": "text"}, name=name)


def _rows_of(runner: Runner, entity: Entity, ids: str) -> tuple[str, str]:
    """Return the table of own events, or the SELECT if that reads several, and the condition for a person's rows."""
    tree = parsed(entity.sql)
    if isinstance(tree, exp.Select):
        source = tree.args.get("from_") or tree.args.get("from")
        person = next((column.unalias() for column in tree.selects if column.alias_or_name == "person"), None)
        if source and person and isinstance(source.this, exp.Table) and not tree.args.get("joins") and not tree.ctes:
            return source.this.sql("postgres"), f"{person.sql('postgres')}::text IN ({ids})"
    return f"({runner.library.expanded(entity.sql, POSTGRES, ())}) AS events", f"person::text IN ({ids})"


def postgres_answers(runner: Runner, subject: Subject) -> dict[str, Answer]:
    """Answers of the library's queries about one person, of all time; here your own people are included."""
    keyed = _answers(runner, _keyed(runner, subject))
    of_subject = {
        name: rows_of_person(answer, "email", subject.email) if isinstance(answer, Table) else answer
        for name, answer in keyed.items()
    }
    # Postgres compares letters and blanks more strictly than we do: ask with its own spellings
    column = {name: answer.names.index("email") for name, answer in tables_of(of_subject).items()}
    spellings = {str(row[column[name]]) for name, answer in tables_of(of_subject).items() for row in answer.rows}
    return of_subject | _answers(runner, _per_person(runner, sorted({subject.email, *spellings})))


def _answers(runner: Runner, statements: Iterator[Statement]) -> dict[str, Answer]:
    by_name = {statement.name: statement for statement in statements}
    return dict(zip(by_name, runner.run(list(by_name.values())), strict=True))


def _keyed(runner: Runner, subject: Subject) -> Iterator[Statement]:
    for query in _postgres_queries(runner):
        if query.key == "email" and not any(parameter.default is None for parameter in query.params.values()):
            yield for_key(runner.bind(query.name, internal=[]), subject.email)


def _per_person(runner: Runner, spellings: list[str]) -> Iterator[Statement]:
    for query in _postgres_queries(runner):
        if {name for name, parameter in query.params.items() if parameter.default is None} == {"email"}:
            all_time = {"days": 36_500} if "days" in query.params else {}
            yield runner.bind(query.name, {"email": spellings, **all_time}, internal=[])


def _postgres_queries(runner: Runner) -> Iterator[Query]:
    return (runner.library[name] for name in runner.library if name.startswith(f"{POSTGRES}/"))


def tables_of(answers: dict[str, Answer]) -> dict[str, Table]:
    return {name: answer for name, answer in answers.items() if isinstance(answer, Table) and len(answer.rows)}
