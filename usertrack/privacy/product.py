"""Counts what the product itself holds on a person: its events, and what `usertrack.track` keeps beside them.

usertrack never writes there. Each count comes with the statement that the owner of the database can run.
"""

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlglot import exp

from usertrack.core.errors import UsertrackError
from usertrack.core.spool import quote
from usertrack.engine.runner import Runner
from usertrack.library.entities import Entity
from usertrack.library.library import Statement
from usertrack.library.sql import parsed
from usertrack.privacy.holding import Holding
from usertrack.privacy.subject import Subject

_IDS = "SELECT a.account_id::text AS id FROM {accounts} AS a WHERE a.email = {email}"
_FORMER_IDS = _IDS.replace("{accounts}", "{former_accounts}")
_TRACKED = {
    "event": "distinct_id IN ({ids})",
    "outbox": "message ->> 'distinct_id' IN ({ids})",
    "due_property": "group_type = '' AND holder_id IN ({ids})",
    "profile_property": "group_type = '' AND holder_id IN ({ids})",
}
"""The tables of `usertrack.track` (schema.sql), and which of their rows are a person's."""
_THERE = "SELECT n.name FROM unnest({names}) AS n (name) WHERE to_regclass('usertrack.' || n.name) IS NOT NULL"


def in_product(runner: Runner, subject: Subject) -> Iterator[Holding]:
    """What is held on ``subject`` in Postgres, and in files of `usertrack.track` on this machine."""
    ids = sorted({*subject.distinct_ids, *_account_ids(runner, subject)})
    if not ids:
        return
    texts = ", ".join(map(quote, ids))
    for table in _tracked_tables(runner):
        yield _counted(runner, f"usertrack.{table}", f"usertrack.{table}", _TRACKED[table].format(ids=texts))
    if entity := runner.library.entities.own_events:
        yield _counted(runner, entity.place, *_rows_of(runner, entity, texts))
    yield from _spooled(ids)


def _account_ids(runner: Runner, subject: Subject) -> Iterator[str]:
    for sql in (_IDS, _FORMER_IDS):
        text = runner.library.expanded(sql, "neon", ("email",))
        answer = runner.run([Statement("neon", text, {"email": subject.email}, {"email": "text"}, name="ids")])[0]
        yield from () if isinstance(answer, UsertrackError) else (str(id_) for (id_,) in answer.rows)


def _tracked_tables(runner: Runner) -> list[str]:
    statement = Statement(
        "neon", _THERE, {"names": list(_TRACKED)}, {"names": "list"}, name="tables of usertrack.track"
    )
    answer = runner.run([statement])[0]
    return [] if isinstance(answer, UsertrackError) else [str(name) for (name,) in answer.rows]


def _rows_of(runner: Runner, entity: Entity, ids: str) -> tuple[str, str]:
    """The table of own events, or the SELECT where that reads several, and the condition for a person's rows."""
    tree = parsed(entity.sql)
    source = tree.args.get("from_") or tree.args.get("from") if isinstance(tree, exp.Select) else None
    person = next((column.unalias() for column in tree.selects if column.alias_or_name == "person"), None)
    if source and person and isinstance(source.this, exp.Table) and not tree.args.get("joins") and not tree.ctes:
        return source.this.sql("postgres"), f"{person.sql('postgres')}::text IN ({ids})"
    return f"({runner.library.expanded(entity.sql, 'neon', ())}) AS events", f"person::text IN ({ids})"


def _counted(runner: Runner, content: str, relation: str, condition: str) -> Holding:
    sql = f"SELECT count(*) AS rows FROM {relation} WHERE {condition}"
    answer = runner.run([Statement("neon", sql, name=content)])[0]
    if isinstance(answer, UsertrackError):
        return Holding("Postgres", content, None, answer.message, ours=False)
    statement = f"DELETE FROM {relation} WHERE {condition};"
    note = statement if not relation.startswith("(") else f"its owner deletes the rows of {content} with {condition}"
    count = int(answer.rows[0][0])
    return Holding("Postgres", content, count, note if count else "", ours=False)


def _spooled(ids: Sequence[str]) -> Iterator[Holding]:
    """Events in files of `usertrack.track` that wait for its database or for PostHog."""
    from usertrack.track.configuration import from_environment

    folder = from_environment().spool_folder()
    folders = [folder, *(path for path in folder.parent.glob("*") if path.is_dir() and path != folder)]
    marks = [f'"distinct_id":{json.dumps(id_)}'.encode() for id_ in ids]
    files = [file for place in folders for file in sorted(place.glob("*.jsonl"))]
    count = sum(any(mark in line for mark in marks) for file in files for line in _lines(file))
    send = "`python -m usertrack.track relay --once` on each machine of the product sends what waits; then erase again"
    if files:
        yield Holding("spool", shlex.quote(str(folder.parent)), count, send if count else "", ours=False)


def _lines(file: Path) -> list[bytes]:
    try:
        return file.read_bytes().splitlines()
    except OSError:
        return []
