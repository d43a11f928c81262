"""Times to detect, to acknowledge and to resolve alerts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from usertrack.core.survival import kaplan_meier
from usertrack.live.alerts.life import ENGINE, AlertChange, AlertState

DETECTED_WITHIN = timedelta(minutes=5)
ANSWERED_WITHIN = timedelta(minutes=10)
"""What seed 004 asks for: detected within 5 minutes, answered by somebody within 10."""


@dataclass(frozen=True)
class Durations:
    """Durations of ``n`` alerts, of which ``ended`` did so. ``within`` of ``due`` kept to ``target``.

    ``due`` are those whose target is over or kept, whether anybody came or not. The median and the 90th percentile are
    Kaplan and Meier's, in which an alert without an end lasts at least until now; None where so many have not ended.
    """

    n: int
    ended: int
    median: timedelta | None
    p90: timedelta | None
    within: int
    due: int
    target: timedelta


@dataclass(frozen=True)
class Stats:
    """Figures on the alerts that fired in a range, those under an incident, too.

    ``unanswered``: nobody ever touched them, open or not. ``noise``: of these, those that were over by themselves.
    """

    fired: int
    unanswered: int
    noise: int
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


def stats(
    changes: Iterable[AlertChange],
    since: datetime,
    until: datetime,
    pattern: str | None = None,
    incidents: Mapping[str, str] = MappingProxyType({}),
) -> Stats:
    """Return figures on the alerts of one ``pattern``, or all, that fired from ``since`` to ``until``, the present.

    Acknowledged is what somebody acknowledged, snoozed or resolved, whatever came first; of an alert for which an
    incident stands (``incidents``: its key by that of the alert), the incident. What was over before counts as never
    acknowledged, and was last seen without it then.
    """
    known = episodes(changes)
    fired = [
        episode
        for episode in known
        if since <= episode.fired_at < until and (pattern is None or episode.key.partition(":")[0] == pattern)
    ]
    acknowledged = {episode.key: episode.acknowledged_at for episode in known if episode.acknowledged_at}
    for episode in fired:
        episode.acknowledged_at = episode.acknowledged_at or acknowledged.get(incidents.get(episode.key, ""))
    unanswered = [episode for episode in fired if not episode.acknowledged_at]
    return Stats(
        fired=len(fired),
        unanswered=len(unanswered),
        noise=sum(episode.resolved_at is not None for episode in unanswered),
        to_detect=_durations([(one.fired_at, one.recorded_at, until) for one in fired], DETECTED_WITHIN),
        to_acknowledge=_durations(
            [(one.recorded_at, one.acknowledged_at, one.resolved_at or until) for one in fired],
            ANSWERED_WITHIN,
            until,
        ),
        to_resolve=_durations([(one.fired_at, one.resolved_at, until) for one in fired], ANSWERED_WITHIN),
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


def _durations(
    spans: Sequence[tuple[datetime, datetime | None, datetime]], target: timedelta, now: datetime | None = None
) -> Durations:
    """Measure spans (begin, end or None, last seen without an end); ``now``: those last seen before are due, too."""
    ended = [max(end - begin, timedelta(0)) for begin, end, _ in spans if end]
    waiting = [(begin, last) for begin, end, last in spans if not end]
    ends = Counter(span.total_seconds() for span in ended)
    last_seen = Counter(max(0.0, (last - begin).total_seconds()) for begin, last in waiting)
    curve = kaplan_meier([(time, ends[time], last_seen[time]) for time in ends | last_seen])
    overdue = sum((now or last) - begin >= target for begin, last in waiting)
    return Durations(
        n=len(spans),
        ended=len(ended),
        median=_time(curve.quantile(0.5)),
        p90=_time(curve.quantile(0.9)),
        within=sum(span <= target for span in ended),
        due=len(ended) + overdue,
        target=target,
    )


def _time(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
