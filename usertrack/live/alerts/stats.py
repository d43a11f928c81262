"""Times to detect, to acknowledge and to resolve alerts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from usertrack.live.alerts.life import ENGINE, AlertChange, AlertState

DETECTED_WITHIN = timedelta(minutes=5)
ANSWERED_WITHIN = timedelta(minutes=10)
"""What seed 004 asks for: detected within 5 minutes, answered by somebody within 10."""


@dataclass(frozen=True)
class Durations:
    """Durations of ``n`` alerts; None where there is none. ``within`` counts those that kept to ``target``."""

    n: int
    median: timedelta | None
    p90: timedelta | None
    within: int
    target: timedelta


@dataclass(frozen=True)
class Stats:
    """Figures on the alerts that fired in a range. ``unanswered``: nobody ever touched them, open or not."""

    fired: int
    unanswered: int
    to_detect: Durations
    to_acknowledge: Durations
    to_resolve: Durations


@dataclass
class Episode:
    """One time that an alert fired: from the deciding event until it is resolved."""

    key: str
    fired_at: datetime
    recorded_at: datetime
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None


def stats(changes: Iterable[AlertChange], since: datetime, until: datetime, pattern: str | None = None) -> Stats:
    """Return figures on the alerts of one ``pattern``, or all, that fired from ``since`` to before ``until``.

    Acknowledged is what somebody acknowledged, snoozed or resolved, whatever came first.
    """
    ours = (change for change in changes if pattern is None or change.key.partition(":")[0] == pattern)
    fired = [episode for episode in episodes(ours) if since <= episode.fired_at < until]
    answered = [episode.acknowledged_at - episode.recorded_at for episode in fired if episode.acknowledged_at]
    resolved = [episode.resolved_at - episode.fired_at for episode in fired if episode.resolved_at]
    return Stats(
        fired=len(fired),
        unanswered=len(fired) - len(answered),
        to_detect=_durations([episode.recorded_at - episode.fired_at for episode in fired], DETECTED_WITHIN),
        to_acknowledge=_durations(answered, ANSWERED_WITHIN),
        to_resolve=_durations(resolved, ANSWERED_WITHIN),
    )


def episodes(changes: Iterable[AlertChange]) -> list[Episode]:
    """The times that alerts fired, oldest first. ``changes`` are in the order in which they were recorded."""
    current: dict[str, Episode] = {}
    every = []
    for change in changes:
        episode = current.get(change.key)
        if change.state in (AlertState.FIRING, AlertState.REOPENED) and episode is None:
            current[change.key] = Episode(change.key, change.at, change.recorded_at)
            every.append(current[change.key])
        elif episode:
            if change.who != ENGINE and episode.acknowledged_at is None:
                episode.acknowledged_at = change.at
            if change.state is AlertState.RESOLVED:
                episode.resolved_at = current.pop(change.key).resolved_at = change.at
    return sorted(every, key=lambda episode: episode.fired_at)


def _durations(spans: Sequence[timedelta], target: timedelta) -> Durations:
    spans = sorted(max(span, timedelta(0)) for span in spans)
    within = sum(span <= target for span in spans)
    return Durations(len(spans), _quantile(spans, 0.5), _quantile(spans, 0.9), within, target)


def _quantile(spans: Sequence[timedelta], share: float) -> timedelta | None:
    """By linear interpolation, as numpy and Excel do; ``spans`` are sorted."""
    if not spans:
        return None
    position = share * (len(spans) - 1)
    lower = int(position)
    upper = min(lower + 1, len(spans) - 1)
    return spans[lower] + (spans[upper] - spans[lower]) * (position - lower)
