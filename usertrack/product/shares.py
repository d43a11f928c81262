"""Shares of people, as one number or from bucket to bucket: there is no share of nobody, nor before all is known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from usertrack.core.document import Block, Listing, Shown, Spark
from usertrack.core.stats import Interval, wilson
from usertrack.core.table import Column, Row, Table
from usertrack.product.scope import EVERYBODY, Frame, GroupName


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
class Bucket:
    """The bucket from ``start``, an aware local time. ``over``: what is to come changes nothing in ``so_far``."""

    start: datetime
    so_far: Share
    over: bool = True

    @property
    def share(self) -> Share | None:
        """None while it is not ``over``."""
        return self.so_far if self.over else None


def columns(frame: Frame, hits: str) -> tuple[Column, ...]:
    """Those of `rows`; ``hits`` is what those are called that the share is of."""
    counts = [Column(name, "BIGINT") for name in ("people", hits)]
    shares = [Column(name, "DOUBLE") for name in ("rate", "low", "high")]
    return (
        Column("breakdown"),
        Column("group"),
        frame.column(),
        *counts,
        *shares,
        Column("complete", "BOOLEAN"),
    )


def rows(name: GroupName, buckets: Sequence[Bucket], frame: Frame) -> Iterator[Row]:
    """One per bucket, for files; ``name`` is that of the group."""
    for one in buckets:
        known = one.share or Share()
        interval = known.interval
        yield (
            *name.columns.values(),
            frame.kept(one.start),
            one.so_far.n,
            one.so_far.hits,
            known.value,
            interval.low,
            interval.high,
            one.over,
        )


def as_json(buckets: Sequence[Bucket], frame: Frame, hits: str) -> list[dict[str, Any]]:
    names = [column.name for column in columns(frame, hits)]
    return [dict(list(zip(names, row, strict=True))[2:]) for row in rows(EVERYBODY, buckets, frame)]


def blocks(buckets: Sequence[Bucket], frame: Frame, *, line: str, people: str, hits: str, rate: str) -> Iterator[Block]:
    """The line, called ``line``, where there is more than a change, and the table with these headings."""
    shares = [one.share.value if one.share else None for one in buckets]
    if sum(share is not None for share in shares) > 2:
        yield Spark(f"{line} by {frame.interval}", [None if share is None else 100 * share for share in shares])
    table: list[Row] = [
        (
            frame.label(one.start),
            one.so_far.n,
            one.so_far.hits,
            share,
            said(one.share.interval) if one.share else "not over",
        )
        for one, share in zip(buckets, shares, strict=True)
    ]
    shown = {
        "start": Shown(frame.of_bucket),
        "people": Shown(people, "number"),
        "hits": Shown(hits, "number"),
        "rate": Shown(rate, "bar", full=1.0),
        "interval": Shown("95 %"),
    }
    kinds = {"people": "BIGINT", "hits": "BIGINT", "rate": "DOUBLE"}
    named = tuple(Column(name, kinds.get(name, "VARCHAR")) for name in shown)
    yield Listing(Table(named, table, as_of=frame.as_of), "", shown)


def note(groups: Sequence[Sequence[Bucket]], frame: Frame, why: str) -> tuple[str, ...]:
    """How many of the last buckets have no share yet, and ``why``; nothing when all have one."""
    late = max((sum(not one.over for one in buckets) for buckets in groups), default=0)
    if not late:
        return ()
    which = f"the last {frame.interval} has" if late == 1 else f"the last {late} {frame.interval}s have"
    return (f"{which} no share yet: {why}",)


def said(interval: Interval) -> str:
    """``12 to 17 %``."""
    if interval.low is None or interval.high is None:
        return "·"
    return f"{100 * interval.low:.0f} to {100 * interval.high:.0f} %"
