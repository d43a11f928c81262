"""Shares of people, as one number or from bucket to bucket: there is no share of nobody, nor before all is known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from usertrack.core.document import Block, Field, Listing, Spark
from usertrack.core.stats import Interval, wilson
from usertrack.core.table import Column, Row, Table
from usertrack.product.scope import EVERYBODY, GroupName, Scope


@dataclass(frozen=True)
class Share:
    """``hits`` of ``n`` people; at n = 0 there is none."""

    hits: int = 0
    n: int = 0

    @property
    def value(self) -> float | None:
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> Interval:
        return wilson(self.hits, self.n)


@dataclass(frozen=True)
class ShareBucket:
    """The bucket from ``start``, an aware local time. ``over``: what is to come changes nothing in ``so_far``."""

    start: datetime
    so_far: Share
    finished: bool = True

    @property
    def share(self) -> Share | None:
        """None while it is not ``over``."""
        return self.so_far if self.finished else None


def columns(scope: Scope, hits: str) -> tuple[Column, ...]:
    """Those of `rows`; ``hits`` is what those are called that the share is of."""
    counts = [Column(name, "BIGINT") for name in ("people", hits)]
    shares = [Column(name, "DOUBLE") for name in ("rate", "low", "high")]
    return (
        Column("breakdown"),
        Column("group"),
        scope.column(),
        *counts,
        *shares,
        Column("complete", "BOOLEAN"),
    )


def rows(name: GroupName, buckets: Sequence[ShareBucket], scope: Scope) -> Iterator[Row]:
    """One per bucket, for files; ``name`` is that of the group."""
    for bucket in buckets:
        known = bucket.share or Share()
        interval = known.interval
        yield (
            *name.columns.values(),
            scope.stored(bucket.start),
            bucket.so_far.n,
            bucket.so_far.hits,
            known.value,
            interval.low,
            interval.high,
            bucket.finished,
        )


def as_json(buckets: Sequence[ShareBucket], scope: Scope, hits: str) -> list[dict[str, Any]]:
    names = [column.name for column in columns(scope, hits)]
    return [dict(list(zip(names, row, strict=True))[2:]) for row in rows(EVERYBODY, buckets, scope)]


def blocks(
    buckets: Sequence[ShareBucket], scope: Scope, *, line: str, people: str, hits: str, rate: str
) -> Iterator[Block]:
    """The line, called ``line``, where there is more than a change, and the table with these headings."""
    shares = [bucket.share.value if bucket.share else None for bucket in buckets]
    if sum(share is not None for share in shares) > 2:
        yield Spark(f"{line} by {scope.interval}", [None if share is None else 100 * share for share in shares])
    table: list[Row] = [
        (
            scope.label(bucket.start),
            bucket.so_far.n,
            bucket.so_far.hits,
            share,
            label(bucket.share.interval) if bucket.share else "not over",
        )
        for bucket, share in zip(buckets, shares, strict=True)
    ]
    fields = {
        "start": Field(scope.of_bucket),
        "people": Field(people, "number"),
        "hits": Field(hits, "number"),
        "rate": Field(rate, "bar", full=1.0),
        "interval": Field("95 %"),
    }
    kinds = {"people": "BIGINT", "hits": "BIGINT", "rate": "DOUBLE"}
    named = tuple(Column(name, kinds.get(name, "VARCHAR")) for name in fields)
    yield Listing(Table(named, table, as_of=scope.as_of), "", fields)


def note(groups: Sequence[Sequence[ShareBucket]], scope: Scope, why: str) -> tuple[str, ...]:
    """How many of the last buckets have no share yet, and ``why``; nothing when all have one."""
    late = max((sum(not bucket.finished for bucket in buckets) for buckets in groups), default=0)
    if not late:
        return ()
    subject = f"the last {scope.interval} has" if late == 1 else f"the last {late} {scope.interval}s have"
    return (f"{subject} no share yet: {why}",)


def label(interval: Interval) -> str:
    """``12 to 17 %``."""
    if interval.low is None or interval.high is None:
        return "·"
    return f"{100 * interval.low:.0f} to {100 * interval.high:.0f} %"
