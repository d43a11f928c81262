"""Shares of people, in total or by bucket. A share of 0 people, or of a bucket that is not over, is None."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Field, Spark
from usertrack.core.stats import ConfidenceInterval, wilson
from usertrack.product.attributes import bucket_attribute, group_attributes
from usertrack.product.scope import GroupName, Scope


@dataclass(frozen=True)
class Share:
    """``hits`` of ``n`` people; at n = 0 its value is None."""

    hits: int = 0
    n: int = 0

    @property
    def value(self) -> float | None:
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> ConfidenceInterval:
        return wilson(self.hits, self.n)


@dataclass(frozen=True)
class ShareBucket:
    """The bucket from ``start``, an aware local time. ``finished``: ``so_far`` will not change."""

    start: datetime
    so_far: Share
    finished: bool = True

    @property
    def share(self) -> Share | None:
        """None while it is not ``finished``."""
        return self.so_far if self.finished else None


@dataclass(frozen=True)
class ShareLabels:
    """The labels of a share over time (``line``) and of its columns; ``name`` is that of the hits in files."""

    name: str
    line: str
    people: str
    hits: str
    rate: str


@dataclass(frozen=True)
class ShareRow:
    """A bucket of one group of the breakdown: a row of files and of JSON."""

    group: GroupName
    bucket: ShareBucket

    @property
    def share(self) -> Share:
        """The share of the bucket; an empty one (no people, no interval) while it is not known."""
        return self.bucket.share or Share()


def columns(scope: Scope, labels: ShareLabels) -> Columns[ShareRow]:
    """The columns of one group; `grouped` has those that say which."""
    return Columns(
        bucket_attribute(scope, lambda row: row.bucket.start),
        Attribute("people", "BIGINT", "bucket.so_far.n", Field(labels.people, "number")),
        Attribute(labels.name, "BIGINT", lambda row: row.bucket.so_far.hits, Field(labels.hits, "number")),
        Attribute("rate", "DOUBLE", "share.value", Field(labels.rate, "bar", full=1.0)),
        Attribute(
            "low",
            "DOUBLE",
            "share.interval.low",
            Field("95 %"),
            lambda row: label(row.share.interval) if row.bucket.finished else "not over",
        ),
        Attribute("high", "DOUBLE", "share.interval.high"),
        Attribute("complete", "BOOLEAN", "bucket.finished"),
    )


def grouped(scope: Scope, labels: ShareLabels) -> Columns[ShareRow]:
    """For files: of the buckets of all groups."""
    return Columns(*group_attributes(lambda row: row.group), *columns(scope, labels).attributes)


def rows(group: GroupName, buckets: Sequence[ShareBucket]) -> list[ShareRow]:
    return [ShareRow(group, bucket) for bucket in buckets]


def blocks(group: GroupName, buckets: Sequence[ShareBucket], scope: Scope, labels: ShareLabels) -> Iterator[Block]:
    """A line, where there are three shares or more, and the table."""
    shares = [bucket.share.value if bucket.share else None for bucket in buckets]
    if sum(share is not None for share in shares) > 2:
        yield Spark(f"{labels.line} by {scope.interval}", [None if share is None else 100 * share for share in shares])
    yield columns(scope, labels).listing(rows(group, buckets), as_of=scope.as_of)


def note(groups: Sequence[Sequence[ShareBucket]], scope: Scope, why: str) -> tuple[str, ...]:
    """A note of how many of the last buckets have no share yet, and ``why``; nothing when all have one."""
    late = max((sum(not bucket.finished for bucket in buckets) for buckets in groups), default=0)
    if not late:
        return ()
    subject = f"the last {scope.interval} has" if late == 1 else f"the last {late} {scope.interval}s have"
    return (f"{subject} no share yet: {why}",)


def label(interval: ConfidenceInterval) -> str:
    """``12 to 17 %``."""
    if interval.low is None or interval.high is None:
        return "·"
    return f"{100 * interval.low:.0f} to {100 * interval.high:.0f} %"
