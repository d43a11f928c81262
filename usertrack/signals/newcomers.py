"""People of whom nothing was known when a pattern fired for them, such as who signed up a minute ago."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from usertrack.alerts.model import Signal
from usertrack.core.table import Table
from usertrack.engine.runner import Answer, Runner
from usertrack.library.library import Statement
from usertrack.signals.audience import Audience, Unknown
from usertrack.signals.engine import Engine

_PAUSE = timedelta(minutes=1)  # between two readings of everybody's facts

Facts = Mapping[str, Any]


class Newcomers:
    """Learns who somebody unknown is, of whom a signal tells.

    ``read_audience`` reads what is known of everybody at a moment, for ``engine``; once a minute. ``read_names`` is
    asked for who is unknown even so: by person id, what PostHog itself knows of them.
    """

    def __init__(
        self,
        engine: Engine,
        read_audience: Callable[[datetime], Audience],
        read_names: Callable[[Sequence[str]], Mapping[str, Facts]],
    ) -> None:
        self._engine, self._read_audience, self._read_names = engine, read_audience, read_names
        self._read_at: datetime | None = None

    def introduced(self, signals: Sequence[Signal], now: datetime) -> list[Signal]:
        """``signals`` with what is known of their people now."""
        may_read = self._read_at is None or now - self._read_at >= _PAUSE
        if may_read and any(map(_is_unknown, signals)):
            audience, self._read_at = self._read_audience(now), now
            if not isinstance(audience, Unknown):  # while a source is away, what was known still is
                self._engine.audience = audience
        introduced = [_with_facts(each, self._engine.audience.facts(each.person)) for each in signals]
        unknown = list(dict.fromkeys(each.person for each in introduced if _is_unknown(each)))
        names = self._read_names(unknown) if unknown else {}
        return [_with_facts(each, names.get(each.person, {})) for each in introduced]


def read_names(runner: Runner, people: Sequence[str]) -> dict[str, Facts]:
    """``email`` and ``name`` by person id, as far as PostHog knows them; nothing where it does not answer."""
    (answer,) = runner.run([names_statement(runner, people)])
    return names_of(answer)


def names_statement(runner: Runner, people: Sequence[str]) -> Statement:
    """What `read_names` asks, for who asks more at once."""
    return runner.bind("posthog/signal_names", {"people": list(people)})


def names_of(answer: Answer) -> dict[str, Facts]:
    """The answer to `names_statement`, as `read_names` gives it."""
    if not isinstance(answer, Table):
        return {}
    return {id_: {"email": email, "name": name} for id_, email, name in answer.rows}


def _is_unknown(signal: Signal) -> bool:
    return bool(signal.person) and not (signal.facts.get("email") or signal.facts.get("name"))


def _with_facts(signal: Signal, facts: Facts) -> Signal:
    if not facts or not _is_unknown(signal):
        return signal
    tier = {"tier": str(facts["tier"])} if facts.get("tier") else {}
    return replace(signal, facts={**facts, **signal.facts}, labels={**tier, **signal.labels})
