"""Shares of people, as one number or from bucket to bucket: there is no share of nobody, nor before all is known."""

from dataclasses import dataclass
from datetime import datetime

from usertrack.intervals import Interval, wilson


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
