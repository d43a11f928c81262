"""Metrics of what a server has taken and stored since it started: counts, times, and how much waits."""

import time
from bisect import bisect_left
from collections import Counter, deque
from itertools import accumulate

# those of Prometheus' Go client, and finer ones below 5 ms
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_RECENT = 60  # seconds


class TimeHistogram:
    """The counts of what took at most so many seconds, as Prometheus has them."""

    def __init__(self) -> None:
        self._counts = [0] * (len(_SECONDS) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(_SECONDS, seconds)] += 1
        self.sum += seconds

    def cumulative(self) -> list[tuple[str, int]]:
        """(upper bound, count up to it)."""
        bounds = [*map(str, _SECONDS), "+Inf"]
        return list(zip(bounds, accumulate(self._counts), strict=True))

    def share(self, quantile: float) -> float:
        """The upper bound within which that share lies, in seconds; 0 before anything was added."""
        total = sum(self._counts)
        bounds = (*_SECONDS, float("inf"))
        return next((bounds[n] for n, count in enumerate(accumulate(self._counts)) if count >= total * quantile), 0.0)


class Rate:
    """Events a second, over the last minute."""

    def __init__(self) -> None:
        self.total = 0
        self._started = time.monotonic()
        self._recent: deque[tuple[int, int]] = deque(maxlen=_RECENT)  # (second, events)

    def add(self, events: int) -> None:
        self.total += events
        second = int(time.monotonic())
        if self._recent and self._recent[-1][0] == second:
            self._recent[-1] = (second, self._recent[-1][1] + events)
        else:
            self._recent.append((second, events))

    def per_second(self) -> float:
        now = time.monotonic()
        recent = sum(events for second, events in list(self._recent) if second > now - _RECENT)
        return recent / max(1.0, min(_RECENT, now - self._started))


class Metrics:
    """Each is written by one thread: requests by the one that answers them, the rest by the one that stores."""

    def __init__(self) -> None:
        self.requests: Counter[int] = Counter()  # by HTTP status
        self.answered = TimeHistogram()
        self.acknowledged, self.stored = Rate(), Rate()  # events
        self.new = 0  # stored events that were no repetitions
        self.blocks = TimeHistogram()
        self.refused = 0  # events
        self.dropped = 0  # refused events for which there was no room aside
        self.failure = ""  # why the store takes nothing at present
