"""Reads events from their source for patterns: PostHog's, ours or the Cloud's, by the query posthog/signal_events."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import inf

from usertrack.core.errors import UsertrackError
from usertrack.core.routes import route_of
from usertrack.core.spool import SpooledRows
from usertrack.core.table import Table
from usertrack.engine.runner import Runner
from usertrack.signals.occurrence import NOTHING, PROPERTIES, Occurrence, kind_of_error

_EVENTS = "posthog/signal_events"
_SLICE = timedelta(days=10)
_BATCH = 20_000


def history(runner: Runner, since: datetime, until: datetime) -> Iterator[Occurrence]:
    """The events of [``since``, ``until``), oldest first; raises a UsertrackError where they cannot be read."""
    for table in tables(runner, since, until):
        yield from occurrences(table)


def tables(runner: Runner, since: datetime, until: datetime) -> list[Table]:
    """The same as tables of ten days each: a source answers several at a time, and each takes it less memory."""
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
    """The same as a table."""
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
    names = ", ".join(PROPERTIES)
    texts = ", ".join(f"CAST({name} AS VARCHAR)" for name in PROPERTIES)
    reader = table.rows.reader()
    try:
        cursor = reader.execute(
            f"SELECT epoch(\"at\"), uuid, event, coalesce(who, ''), distinct_id, coalesce(session, ''), "
            f"coalesce(nullif(tab, ''), session, ''), address, coalesce({texts}) IS NOT NULL, {names} "
            f'FROM {table.rows.scan()} ORDER BY "at", uuid'
        )
        while rows := cursor.fetchmany(_BATCH):
            for at, uuid, event, person, distinct_id, session, tab, address, has_properties, *values in rows:
                route = route_of(address) if address else ""
                properties = _properties(values) if has_properties else NOTHING
                yield Occurrence(at, uuid, event, person, distinct_id, session, tab, route, properties)
    finally:
        reader.close()


def _properties(values: list[object]) -> dict[str, object]:
    properties = {name: value for name, value in zip(PROPERTIES, values, strict=True) if value is not None}
    if "message" in properties and "fingerprint" not in properties:
        properties["fingerprint"] = kind_of_error(str(properties["message"]))
    return properties
