"""Reads events from their source for patterns: PostHog's, ours or the Cloud's, by the query posthog/signal_events."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from math import inf

from usertrack.core.errors import UsertrackError
from usertrack.core.routes import route_of
from usertrack.core.spool import SpooledRows
from usertrack.core.table import Table
from usertrack.engine.runner import Runner
from usertrack.live.signals.occurrence import NOTHING, PROPERTIES, Occurrence, known_properties

_EVENTS = "posthog/signal_events"
_SLICE = timedelta(days=10)  # of history in one query: bounds what a query holds
_BATCH = 20_000  # events in memory at a time


def history(runner: Runner, since: datetime, until: datetime) -> Iterator[Occurrence]:
    """The events of [``since``, ``until``), oldest first; raises a UsertrackError where they cannot be read."""
    for table in tables(runner, since, until):
        yield from occurrences(table)


def tables(runner: Runner, since: datetime, until: datetime) -> list[Table]:
    """Return the events as tables of ten days each, which a source answers in parallel and in less memory."""
    slices: list[dict[str, object]] = []
    while since < until:
        end = min(since + _SLICE, until)
        slices.append({"since": since, "until": end})
        since = end
    return _answers(runner, slices)


def arrivals(runner: Runner, since: datetime, until: datetime) -> list[Occurrence]:
    """The events that the source took in within [``since``, ``until``), by their times."""
    return list(occurrences(arrival_table(runner, since, until)))


def history_of(runner: Runner, person: str, since: datetime, until: datetime) -> list[Occurrence]:
    """The events of the person with that id, in [``since``, ``until``), oldest first."""
    (table,) = _answers(runner, [{"since": since, "until": until, "person": person}])
    return list(occurrences(table))


def arrival_table(runner: Runner, since: datetime, until: datetime) -> Table:
    """Return the events that arrived, as a table."""
    (table,) = _answers(runner, [{"since": since, "until": until, "arrived": True}])
    return table


def latest_arrival(table: Table) -> float:
    """When the last event of ``table`` was taken in, by the source's clock, in seconds since 1970; -inf without any."""
    assert isinstance(table.rows, SpooledRows)
    reader = table.rows.reader()
    try:
        (latest,) = reader.execute(f"SELECT epoch(max(arrived_at)) FROM {table.rows.scan()}").fetchone() or (None,)
    finally:
        reader.close()
    return -inf if latest is None else float(latest)


def _answers(runner: Runner, parameters: Sequence[dict[str, object]]) -> list[Table]:
    answers = []
    for answer in runner.run([runner.bind(_EVENTS, values) for values in parameters]):
        if isinstance(answer, UsertrackError):
            raise answer
        answers.append(answer)
    return answers


def occurrences(table: Table) -> Iterator[Occurrence]:
    """The rows of ``table``, by their times."""
    assert isinstance(table.rows, SpooledRows)
    texts = ", ".join(f"CAST({name} AS VARCHAR)" for name in PROPERTIES)
    named = ", ".join(f"'{name}': {name}" for name in PROPERTIES)
    reader = table.rows.reader()
    try:
        cursor = reader.execute(
            "SELECT epoch(\"at\"), uuid, event, coalesce(who, ''), distinct_id, coalesce(session, '') AS session, "
            "nullif(nullif(tab, ''), session), address, "
            f"CASE WHEN coalesce({texts}) IS NOT NULL THEN CAST(to_json({{{named}}}) AS VARCHAR) END "
            f'FROM {table.rows.scan()} ORDER BY "at", uuid'
        )
        while rows := cursor.fetchmany(_BATCH):
            for at, uuid, event, person, distinct_id, session, tab, address, known in rows:
                route = route_of(address) if address else ""
                properties = _properties(known) if known else NOTHING
                yield Occurrence(at, uuid, event, person, distinct_id, session, tab or session, route, properties)
    finally:
        reader.close()


@lru_cache(maxsize=10_000)  # texts that come again with most events
def _properties(text: str) -> Mapping[str, object]:
    return known_properties(json.loads(text))
