"""People of whom nothing was known when a pattern fired for them, such as who signed up a minute ago."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from usertrack.alerts.model import Signal
from usertrack.signals.audience import Audience
from usertrack.signals.engine import Engine

_PAUSE = timedelta(minutes=1)  # between two readings of everybody's facts


class Newcomers:
    """Reads the audience of ``engine`` anew, by ``read``, when a signal is about somebody unknown; once a minute."""

    def __init__(self, engine: Engine, read: Callable[[], Audience]) -> None:
        self._engine, self._read = engine, read
        self._read_at: datetime | None = None

    def introduced(self, signals: Sequence[Signal], now: datetime) -> list[Signal]:
        """``signals`` with what is known of their people now."""
        may_read = self._read_at is None or now - self._read_at >= _PAUSE
        if may_read and any(_is_unknown(each) for each in signals):
            self._engine.audience, self._read_at = self._read(), now
        return [_with_facts(each, self._engine.audience) if _is_unknown(each) else each for each in signals]


def _is_unknown(signal: Signal) -> bool:
    return bool(signal.person) and not (signal.facts.get("email") or signal.facts.get("name"))


def _with_facts(signal: Signal, audience: Audience) -> Signal:
    facts = audience.facts(signal.person)
    if not facts:
        return signal
    tier = {"tier": str(facts["tier"])} if facts.get("tier") else {}
    return replace(signal, facts={**facts, **signal.facts}, labels={**tier, **signal.labels})
