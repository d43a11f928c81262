"""Watching: ask the source what has arrived, let the engine see it, save what it says, and hand that on."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from usertrack.engine.runner import Runner
from usertrack.live.alerts.model import Signal, SignalState
from usertrack.live.signals.audience import Audience
from usertrack.live.signals.engine import LATEST, Engine
from usertrack.live.signals.patterns import Patterns
from usertrack.live.signals.read import LONGEST
from usertrack.live.signals.reader import arrival_table, latest_arrival, occurrences, tables
from usertrack.live.signals.snapshot import open_alerts
from usertrack.live.signals.state import StateFile

WARM_UP = timedelta(days=30)
"""How much history a new state begins with: who is known, and what is usual."""

OVERLAP = timedelta(minutes=2)
"""How far before the last event every poll looks again: one may become visible some time after it was taken in."""

REMEMBERED = timedelta(days=LONGEST / 86_400)
"""For how long somebody is remembered who does nothing."""

SETTLE = timedelta(seconds=5)
"""For how long nothing is said about what did *not* happen: an event may still be on its way."""

_AHEAD = timedelta(hours=1)  # by which the source's clock may be, and events are seen all the same
_LONGEST_GAP = timedelta(days=1)  # after a longer one, the state begins anew

Receive = Callable[[Sequence[Signal]], object]
"""Takes signals for good. After a crash it may get the same ones again, whose `key`, `at` and `state` are the same."""

Meet = Callable[[datetime], object]


class Watcher:
    """The engine of one workspace, with its state in ``folder``. A context manager.

    One process watches at a time: whoever makes it holds the `WatchLock` of the folder.
    """

    def __init__(self, folder: Path, patterns: Patterns, audience: Audience) -> None:
        """Raises UsageError where the state cannot be read."""
        self._state = StateFile(folder)
        self.engine = Engine(patterns, audience)
        self._state.load(self.engine)
        self.clock_ahead = 0.0
        """Seconds by which the source's clock is ahead of ours, as far as the last poll's events tell."""

    def __enter__(self) -> "Watcher":
        return self

    def __exit__(self, *_: object) -> None:
        self._state.close()

    def poll(self, runner: Runner, now: datetime, receive: Receive, meet: Meet = lambda now: None) -> int:
        """Take in what has arrived until ``now`` (UTC), and hand on what that means; returns how many events are new.

        The first time, the engine learns from the last 30 days and says nothing of them. A day's gap or a shorter one
        is made up for. Raises a UsertrackError where the source does not answer: the next poll then makes up for it.
        What could not be handed on, because ``receive`` raised, is handed on first the next time. ``meet`` decides of
        whom it is unknown whether a pattern is about them.
        """
        self.hand_on(receive)
        read_until = self._state.read_until
        if read_until is None or now - _moment(read_until) > _LONGEST_GAP:
            count = self._warm_up(runner, now)
            self.hand_on(receive)
            return count
        cursor = self._state.arrived_until
        cursor = read_until if cursor is None else cursor
        if now.timestamp() < read_until:  # our clock was set back, and on one machine that of the source
            cursor = min(cursor, now.timestamp())
            self.engine.clock = min(self.engine.clock, now.timestamp())  # else what happens now would be an hour late
        table = arrival_table(runner, _moment(cursor) - OVERLAP, now + _AHEAD)
        latest = latest_arrival(table)
        self.clock_ahead = max(0.0, latest - now.timestamp())
        arrived = list(occurrences(table))
        before = self._state.seen([occurrence.uuid for occurrence in arrived])
        fresh = [occurrence for occurrence in arrived if occurrence.uuid not in before]
        settled, taken = (now - SETTLE).timestamp(), []
        for occurrence in fresh:
            if occurrence.at > settled:
                self.engine.advance(settled)
                if occurrence.at >= self.engine.next_due:  # it would decide what may not be decided yet: it waits
                    break
            self.engine.feed(occurrence)
            taken.append(occurrence.uuid)
        self.engine.advance(settled)
        meet(now)
        if now.date() != _moment(read_until).date():
            self.engine.forget((now - REMEMBERED).timestamp())
        self._save(self.engine.taken(), taken, now, max(cursor, min(latest, now.timestamp())))
        self.hand_on(receive)
        return len(taken)

    def hand_on(self, receive: Receive) -> None:
        """Give ``receive`` the signals that it has not got for good yet."""
        waiting = self._state.waiting()
        if waiting:
            receive([signal for _, signal in waiting])
            self._state.taken(waiting[-1][0])

    def _warm_up(self, runner: Runner, now: datetime) -> int:
        """Learn from history. Whatever fires in it was before anybody watched: it is not handed on.

        What fired before a gap and does not any more has ended.
        """
        count, uuids, cursor = 0, [], (now - _LONGEST_GAP).timestamp()
        settled = (now - SETTLE).timestamp()
        began, open_before, ended = self.engine.clock, open_alerts(self.engine), self.engine.taken()
        for table in tables(runner, now - WARM_UP, now):
            cursor = max(cursor, min(latest_arrival(table), now.timestamp()))
            for occurrence in occurrences(table):
                if occurrence.at <= began:  # before the gap
                    continue
                self.engine.feed(occurrence)
                count += 1
                if occurrence.at >= settled - LATEST:  # if it is read again: an older one counts no more
                    uuids.append(occurrence.uuid)
        self.engine.advance(settled)
        latest = {signal.key: signal for signal in self.engine.taken() if signal.key in open_before}
        ended += [signal for signal in latest.values() if signal.state is SignalState.RESOLVED]
        self._save(ended, uuids, now, cursor)
        return count

    def _save(self, signals: Sequence[Signal], uuids: Sequence[str], now: datetime, cursor: float) -> None:
        """``cursor`` is when the last event that was read arrived."""
        self._state.save(
            self.engine,
            signals,
            read_until=now.timestamp(),
            arrived_until=cursor,
            read=uuids,
            # also when the clock is set back; what is older than LATEST changes nothing if it is read again
            again_since=cursor - OVERLAP.total_seconds() - LATEST,
        )


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
