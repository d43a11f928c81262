"""All data on a person as one JSON document, written in pieces, so that a million events need little memory."""

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime

from usertrack.core.errors import NotConnected, UsertrackError
from usertrack.core.json_types import plain
from usertrack.core.table import Table
from usertrack.engine.runner import Runner
from usertrack.live.alerts.erasure import alerts_about
from usertrack.privacy import local
from usertrack.privacy.places import LocalFiles, person_of, postgres_answers, tables_of
from usertrack.privacy.subject import OWN, Subject, ask

_EVENTS = f"""SELECT uuid, timestamp, event, distinct_id, toString(person_id) AS person_id, properties, elements_chain,
    $session_id AS session_id, created_at
FROM events WHERE {OWN}"""


def pieces(runner: Runner, subject: Subject, files: LocalFiles, at: datetime) -> tuple[dict[str, int], Iterator[bytes]]:
    """Counts by kind, and the text of the document in pieces; raises a UsertrackError before the first piece.

    Shape: {"email", "exported_at", "spellings", "counts", "notes", "posthog": {"persons", "events"}, "postgres":
    {query: rows}, "history", "cache", "alerts"}; times are UTC.
    """
    events = ask(runner, "events", _EVENTS, subject, key="uuid") if subject.posthog else None
    answers = postgres_answers(runner, subject)
    tables = tables_of(answers)
    with local.open_history(files.history) as connection:
        history = local.history_rows(connection, subject.email) if connection else []
    cache = [
        dict(zip(("query", "as_of", "asked_at", "rows"), answer, strict=True))
        for answer in local.cached_answers_with(files.cache, subject)
    ]
    with local.open_alerts(files.alerts) as store:
        alerts = alerts_about(store, person_of(subject)) if store else []
    counts = {
        "persons": len(subject.persons),
        "distinct_ids": len(subject.distinct_ids),
        "events": len(events.rows) if events else 0,
        "postgres_rows": sum(len(table.rows) for table in tables.values()),
        "history_rows": len(history),
        "cached_answers": len(cache),
        "alerts": len(alerts),
    }
    about = {
        "email": subject.email,
        "exported_at": plain(at),
        "spellings": subject.spellings,
        "counts": counts,
        "notes": list(dict.fromkeys(_notes(subject, answers.values()))),
    }

    def text() -> Iterator[bytes]:
        persons = _text(list(subject.persons)).encode()
        yield _text(about)[:-1].encode() + b',\n"posthog": {"persons": ' + persons + b',\n"events": '
        yield from _rows(events)
        yield b'},\n"postgres": {'
        for number, (name, table) in enumerate(tables.items()):
            yield (b",\n" if number else b"") + json.dumps(name).encode() + b": "
            yield from _rows(table)
        yield b"}"
        for name, value in (("history", history), ("cache", cache), ("alerts", alerts)):
            yield f",\n{json.dumps(name)}: {_text(value)}".encode()
        yield b"}\n"

    return counts, text()


def _notes(subject: Subject, answers: Iterable[object]) -> Iterator[str]:
    if not subject.posthog:
        yield "PostHog is not connected"
    for answer in answers:
        if isinstance(answer, NotConnected):
            yield "Postgres is not connected"
        elif isinstance(answer, UsertrackError):
            yield answer.message


def _rows(table: Table | None) -> Iterator[bytes]:
    yield b"["
    with ExitStack() as stack:
        rows = iter(table.rows) if table else iter(())
        stack.callback(getattr(rows, "close", lambda: None))
        for number, row in enumerate(rows):
            assert table
            fields = {
                name: _value(value, column.type, name)
                for name, column, value in zip(table.names, table.columns, row, strict=True)
            }
            yield (b",\n " if number else b"\n ") + _text(fields).encode()
    yield b"]"


def _value(value: object, kind: str, name: str) -> object:
    """``value``, parsed where it is JSON as text."""
    if isinstance(value, str) and (kind == "JSON" or name == "properties"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _text(value: object) -> str:
    text = json.dumps(plain(value), ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode()  # for a lone surrogate, which UTF-8 cannot hold
