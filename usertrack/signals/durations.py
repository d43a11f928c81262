"""How long things usually take: a histogram of fixed size, from which a percentile is read."""

from math import ceil, log2

_SHARE = 0.95
_STEPS = 4  # buckets for each doubling: the percentile is at most 19 % too high
_BUCKETS = 64  # up to 2¹⁶
_ENOUGH = 50  # values, below which nothing is known to be usual
_MANY = 100_000


class Histogram:
    """Counts of values, such as seconds, in buckets that grow by a fifth from 1 on, and where 95 % of them end.

    All counts are halved once there are many: last month matters more than last year.
    """

    __slots__ = ("_bucket", "_up_to", "counts", "total")

    def __init__(self, counts: list[int] | None = None) -> None:
        self._count(counts or [0] * _BUCKETS)

    def _count(self, counts: list[int]) -> None:
        self.counts = counts
        self.total = sum(counts)
        self._bucket, self._up_to = 0, counts[0]  # where 95 % end, and how many are there or below
        self._settle()

    def add(self, value: float) -> None:
        bucket = min(_BUCKETS - 1, max(0, ceil(log2(value) * _STEPS))) if value > 0 else 0
        self.counts[bucket] += 1
        self.total += 1
        if bucket <= self._bucket:
            self._up_to += 1
        self._settle()
        if self.total >= _MANY:
            self._count([count // 2 for count in self.counts])

    def _settle(self) -> None:
        least = _SHARE * self.total
        while self._up_to < least:
            self._bucket += 1
            self._up_to += self.counts[self._bucket]
        while self._bucket and self._up_to - self.counts[self._bucket] >= least:
            self._up_to -= self.counts[self._bucket]
            self._bucket -= 1

    @property
    def p95(self) -> float | None:
        """The upper end of the bucket that 95 % of the values do not exceed; None while there are few."""
        return float(2 ** (self._bucket / _STEPS)) if self.total >= _ENOUGH else None
