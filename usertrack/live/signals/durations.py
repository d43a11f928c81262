"""A histogram of durations of fixed size, from which percentiles are read."""

from bisect import bisect_left

_SHARE = 0.95  # `p95` in a pattern
_STEPS = 4  # buckets for each doubling: the percentile is at most 19 % too high
_BUCKETS = 64  # the last but one ends after 13 hours on a page
_ENDS = [2 ** (number / _STEPS) for number in range(_BUCKETS - 1)]  # the last bucket has no end
_ENOUGH = 50  # values, below which nothing is known to be usual
_MANY = 100_000  # visits; then all counts are halved, so that what was usual long ago fades


class Histogram:
    """Counts of values, such as seconds, in buckets that grow by a fifth from 1 on, and where 95 % of them end.

    All counts are halved once there are many: last month matters more than last year.
    """

    __slots__ = ("_bucket", "_up_to", "changed", "counts", "total")

    def __init__(self, counts: list[int] | None = None) -> None:
        self.changed = False  # since it was saved
        self._count(counts or [0] * _BUCKETS)

    def _count(self, counts: list[int]) -> None:
        self.counts = counts
        self.total = sum(counts)
        self._bucket, self._up_to = 0, counts[0]  # where 95 % ended when it was asked, and how many are up to there

    def add(self, value: float) -> None:
        bucket = bisect_left(_ENDS, value)
        self.counts[bucket] += 1
        self.changed = True
        self.total += 1
        if bucket <= self._bucket:
            self._up_to += 1
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
        self._settle()
        return _ENDS[min(self._bucket, _BUCKETS - 2)] if self.total >= _ENOUGH else None
