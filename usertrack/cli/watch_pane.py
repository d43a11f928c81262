"""Prints the lines of `alerts watch`: one per alert, and one when a channel stops getting through."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta

import typer

from usertrack.cli import diagnostics
from usertrack.core.errors import UsertrackError
from usertrack.core.words import age_words
from usertrack.live.alerts.model import Signal, SignalState
from usertrack.live.alerts.outbox import Delivered
from usertrack.live.alerts.watch_lock import WatchLock
from usertrack.live.signals.engine import LATEST
from usertrack.render.safe import visible

_MARKS = {SignalState.FIRING: "●", SignalState.RESOLVED: "✓"}
_SKEW = 10.0  # seconds


class WatchPane:
    """Remembers what it has said, for as long as somebody watches."""

    def __init__(self) -> None:
        self.has_begun = False  # a round is over
        self._notes: set[str] = set()
        self._failing: set[str] = set()

    def note(self, notes: Iterable[str]) -> None:
        """Say each of them once."""
        for note in notes:
            if note not in self._notes:
                diagnostics.note(note)
                self._notes.add(note)

    def doubts(self, late: int, undecided: Iterable[str], clock_ahead: float) -> None:
        """Say once what is seen and told to nobody: ``late`` events, and patterns with people who may not be meant.

        And that the source's clock is so many seconds ahead of ours.
        """
        self.note(
            f"{pattern} holds for somebody, and is not said: a fact of `where:` is not known of them"
            for pattern in undecided
        )
        if late:
            self.note([f"events came later than by {age_words(timedelta(seconds=LATEST))}: no pattern counts them"])
        if clock_ahead > _SKEW:
            self.note(["the clock of PostHog is ahead of this machine's: alerts have its times"])

    def show(self, signals: Sequence[Signal], firing: Collection[str]) -> None:
        """A line for each that begins, and for the end of what began before; ``firing`` has the keys of that."""
        for signal in shown(signals, firing):
            facts = signal.facts
            who = str(facts.get("email") or facts.get("name") or signal.person or "many people")
            line = f"{signal.at:%H:%M:%S} {_MARKS[signal.state]} {signal.pattern:<14} {who}: {signal.because}"
            typer.echo(visible(line))

    def channels(self, delivered: Delivered) -> None:
        """Say of a channel that it does not get through, once until it does again."""
        for text in delivered.refused:
            diagnostics.note(f"a message was refused by {text}")
        for channel in delivered.failing:
            if channel.name not in self._failing:
                diagnostics.note(f"{channel.name} does not get through: {channel.error}; its messages wait")
                if channel.hint:
                    diagnostics.hint(channel.hint)
        self._failing = {channel.name for channel in delivered.failing}


class Outage:
    """Says once what a source does not do, and that it does again; ``lock`` tells others since when."""

    def __init__(self, lock: WatchLock) -> None:
        self._lock = lock
        self._messages: set[str] = set()

    def goes_on(self, problem: UsertrackError) -> None:
        if not self._messages:
            self._lock.note_deaf(datetime.now(UTC))
        if problem.message not in self._messages:
            self._messages.add(problem.message)
            diagnostics.error(problem)
            diagnostics.note("it is asked again and again; nothing is lost meanwhile")

    def is_over(self) -> None:
        if self._messages:
            self._messages.clear()
            self._lock.note_deaf(None)
            diagnostics.note("events are read again")


def shown(signals: Sequence[Signal], firing: Collection[str]) -> list[Signal]:
    """Return signals that begin, and ends of alerts that began while somebody watched: ``firing`` has their keys."""
    lines, begun = [], set(firing)
    for signal in signals:
        if signal.state is SignalState.FIRING:
            begun.add(signal.key)
            lines.append(signal)
        elif signal.state is SignalState.RESOLVED and signal.key in begun:
            begun.discard(signal.key)
            lines.append(signal)
    return lines
