"""Lifecycle and stickiness as documents: who was new, came back or went, and on how many days people were active."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Document, Field, Section, Spark
from usertrack.core.table import NamedRow
from usertrack.core.words import plural
from usertrack.product.ask import all_others_note
from usertrack.product.attributes import bucket_attribute, group_attributes
from usertrack.product.lifecycle.numbers import STATES, Lifecycle, LifecycleBucket, Stickiness
from usertrack.product.scope import GroupName, Scope


@dataclass(frozen=True)
class LifecycleRow:
    """A bucket of one group of the breakdown: a row of files and of JSON."""

    group: GroupName
    bucket: LifecycleBucket

    def people(self, state: str) -> int | None:
        """Until a bucket is over, nobody is known to be dormant in it."""
        return None if state == "dormant" and self.bucket.unfinished else self.bucket.people[state]


@dataclass(frozen=True)
class StickinessRow:
    """The ``people`` who were active in exactly so many ``periods``, and ``at_least`` in as many."""

    group: GroupName
    periods: int
    people: int
    share: float | None
    at_least: int


def _lifecycle_columns(scope: Scope) -> Columns[LifecycleRow]:
    return Columns(
        *group_attributes(lambda row: row.group),
        bucket_attribute(scope, lambda row: row.bucket.start, place=-2),
        *map(_state, STATES),
        Attribute("active", "BIGINT", "bucket.active", Field("Active", "bar"), place=-1),
        Attribute("complete", "BOOLEAN", lambda row: not row.bucket.unfinished),
    )


def _state(state: str) -> Attribute[LifecycleRow]:
    """People see dormant persons as a number below 0."""
    sign = -1 if state == "dormant" else 1

    def text(row: LifecycleRow) -> int | None:
        people = row.people(state)
        return None if people is None else sign * people

    return Attribute(state, "BIGINT", lambda row: row.people(state), Field(state.capitalize(), "number"), text)


def lifecycle_document(lifecycle: Lifecycle) -> Document:
    """Per period who was new, came back or went; files hold a row per group and period.

    Until a period is over, nobody is known to be dormant in it: that is None.
    """
    scope = lifecycle.scope
    columns = _lifecycle_columns(scope)
    rows = [LifecycleRow(name, bucket) for name, buckets in lifecycle.groups.items() for bucket in buckets]
    unfinished = any(row.bucket.unfinished for row in rows)
    notes = (
        *(["nobody was active in this time"] if not len(lifecycle.table.rows) else []),
        *([f"the last {scope.interval} is not over: nobody counts as dormant in it yet"] if unfinished else []),
        *all_others_note(lifecycle.table, scope),
    )
    return Document(
        title=f"Lifecycle by {scope.interval}",
        subtitle=_subtitle(lifecycle.event, scope),
        blocks=tuple(_blocks(lifecycle)),
        notes=notes,
        data=lambda: _json(lifecycle.event, scope, columns.dicts(rows), notes),
        table=columns.table(rows, "lifecycle", source=lifecycle.table, timezone=scope.timezone, as_of=scope.as_of),
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def stickiness_document(stickiness: Stickiness) -> Document:
    """Show how many were active in how many periods; files hold a row per group and number of periods."""
    scope = stickiness.scope
    columns: Columns[StickinessRow] = Columns(
        *group_attributes(lambda row: row.group),
        Attribute("periods", "BIGINT", field=Field("Active on"), text=lambda row: plural(row.periods, scope.interval)),
        Attribute("people", "BIGINT", field=Field("People", "number")),
        Attribute("share", "DOUBLE", field=Field("Share", "bar")),
        Attribute("at_least", "BIGINT", field=Field("As many or more", "number")),
    )
    rows = {name: _stickiness_rows(name, counts) for name, counts in stickiness.groups.items()}
    all_rows = [row for group in rows.values() for row in group]
    quiet = () if any(row.people for row in all_rows) else ("nobody was active in this time",)
    last = (f"the last {scope.interval} is not over",) if scope.unfinished(scope.starts[-1]) else ()
    notes = (*quiet, *last, *all_others_note(stickiness.table, scope))
    return Document(
        title=f"Stickiness: active on how many of {plural(stickiness.total, scope.interval)}",
        subtitle=_subtitle(stickiness.event, scope),
        blocks=tuple(columns.listing(group, scope.heading(name), as_of=scope.as_of) for name, group in rows.items()),
        notes=notes,
        data=lambda: _json(stickiness.event, scope, columns.dicts(all_rows), notes),
        table=columns.table(
            all_rows, "stickiness", source=stickiness.table, timezone=scope.timezone, as_of=scope.as_of
        ),
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def _subtitle(event: str, scope: Scope) -> str:
    return " · ".join([scope.window, f"active: {event or 'any event'}", *scope.conditions, *scope.weeks])


def _blocks(lifecycle: Lifecycle) -> Iterator[Block]:
    scope = lifecycle.scope
    for name, buckets in lifecycle.groups.items():
        rows = [LifecycleRow(name, bucket) for bucket in buckets]
        blocks: tuple[Block, ...] = (*_sparks(buckets), _lifecycle_columns(scope).listing(rows, as_of=scope.as_of))
        yield from (Section(scope.heading(name), blocks),) if scope.breakdown else blocks


def _sparks(buckets: Sequence[LifecycleBucket]) -> Iterator[Spark]:
    """A line per state, over the buckets that are over, where there are three or more."""
    finished = [bucket for bucket in buckets if not bucket.unfinished]
    if len(finished) > 2:
        for state in STATES:
            yield Spark(f"{state:<12}", [bucket.people[state] for bucket in finished])


def _stickiness_rows(name: GroupName, counts: Sequence[int]) -> list[StickinessRow]:
    total = sum(counts)
    return [
        StickinessRow(name, periods, people, people / total if total else None, sum(counts[periods - 1 :]))
        for periods, people in enumerate(counts, start=1)
    ]


def _json(event: str, scope: Scope, rows: list[NamedRow], notes: Sequence[str]) -> dict[str, object]:
    return {**scope.as_dict(), "event": event or None, "rows": rows, "notes": list(notes)}
