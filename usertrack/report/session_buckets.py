"""Sessions from bucket to bucket: a chart, a row for each bucket, and a line for each value of the breakdown."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from usertrack.analytics.sessions import Compared, Sessions, Visits
from usertrack.document import Block, Chart, Listing, Shown, Spark
from usertrack.report.compared import lasted
from usertrack.table import Column, Row, Table


@dataclass(frozen=True)
class Bucket:
    """Sessions that began in the bucket from ``start``, an aware local time. ``complete``: it is over, and whole."""

    start: datetime
    visits: Visits
    complete: bool


def buckets(found: Sessions, one: Compared) -> list[Bucket]:
    """Every bucket of the window up to now, also those without a session; none where they were not asked for."""
    frame = found.frame
    starts = frame.starts if found.in_buckets else []
    return [Bucket(start, one.at(at), not frame.unfinished(start)) for at, start in enumerate(starts)]


def blocks(found: Sessions) -> Iterator[Block]:
    """Nothing where buckets were not asked for."""
    frame, known = found.frame, buckets(found, found.all)
    over = [bucket for bucket in known if bucket.complete]
    if not found.all.now.known:
        return
    if len(over) > 2:
        label = f"Sessions by {frame.interval}"
        x = frame.axis([bucket.start for bucket in over])
        yield Chart("trend", label, x, {label: [bucket.visits.sessions for bucket in over]})
        for name, one in found.groups.items():
            line = [bucket.visits.sessions for bucket in buckets(found, one) if bucket.complete]
            yield Spark(frame.heading(name), line)
    if known:
        yield _listing(found, known)


def _listing(found: Sessions, known: list[Bucket]) -> Listing:
    frame = found.frame
    rows: list[Row] = [
        (
            frame.label(bucket.start) + "…" * (not bucket.complete),
            bucket.visits.sessions,
            bucket.visits.people,
            lasted(bucket.visits.mean),
            lasted(bucket.visits.median),
            bucket.visits.bounce_rate,
        )
        for bucket in known
    ]
    shown = {
        "bucket": Shown(frame.of_bucket),
        "sessions": Shown("Sessions", "bar"),
        "people": Shown("People", "number"),
        "mean": Shown("Mean", align="right"),
        "median": Shown("Median", align="right"),
        "bounce_rate": Shown("Bounced", "percent"),
    }
    kinds = ("VARCHAR", "BIGINT", "BIGINT", "VARCHAR", "VARCHAR", "DOUBLE")
    return Listing(Table(tuple(map(Column, shown, kinds)), rows, as_of=frame.as_of), "", shown)
