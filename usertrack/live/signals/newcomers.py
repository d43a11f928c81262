"""People of whom nothing was known when a pattern fired for them, such as who signed up a minute ago."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from usertrack.core.table import Table
from usertrack.engine.runner import Answer, Runner
from usertrack.library.library import Statement
from usertrack.live.alerts.model import Signal
from usertrack.live.signals.audience import Audience, UndecidedAudience
from usertrack.live.signals.engine import Engine
from usertrack.live.signals.patterns import Pattern

_PAUSE = timedelta(minutes=1)  # between two readings of everybody's facts

_MOST = 500  # people who are asked for at once

Facts = Mapping[str, Any]


class Newcomers:
    """Learns who somebody unknown is, of whom a signal tells, or whom a pattern asks for.

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
        self._audience = engine.audience = _OpenAudience(engine.audience)

    def meet(self, now: datetime) -> None:
        """Decide of whom it was unknown whether a pattern is about them, because they are new.

        Whoever has an e-mail may have a profile by now: everybody's are read, once a minute. The others are visitors.
        """
        self._audience.admit(now - _PAUSE)
        unmet = list(self._audience.unmet)[:_MOST]
        if not unmet or not self._may_read(now):
            return
        names = self._read_names(unmet)
        if any(facts.get("email") for facts in names.values()) and not self._read(now):
            return  # it stays unknown, and is asked for in a minute
        self._audience.met(unmet, now)
        for person in unmet:
            self._engine.reconsider(person)

    def undecided(self) -> dict[str, int]:
        """By pattern, how often nothing was said because a fact is unknown, beside that somebody was new."""
        return dict(self._engine.undecided - self._audience.put_off)

    def introduced(self, signals: Sequence[Signal], now: datetime) -> list[Signal]:
        """``signals`` with what is known of their people now."""
        if self._may_read(now) and any(map(_is_unknown, signals)):
            self._read(now)
        introduced = [_with_facts(signal, self._audience.facts(signal.person)) for signal in signals]
        unknown = list(dict.fromkeys(signal.person for signal in introduced if _is_unknown(signal)))
        names = self._read_names(unknown) if unknown else {}
        return [_with_facts(signal, names.get(signal.person, {})) for signal in introduced]

    def _may_read(self, now: datetime) -> bool:
        return self._read_at is None or now - self._read_at >= _PAUSE

    def _read(self, now: datetime) -> bool:
        """Whether the sources answered; while one is away, what was known still is."""
        audience, self._read_at = self._read_audience(now), now
        if isinstance(audience, UndecidedAudience):
            return False
        self._audience.known = audience
        return True


class _OpenAudience:
    """The ``known`` audience, in which it is unknown of who is not in it whether a pattern is about them.

    ``unmet`` are those who were asked for, ``put_off`` how often by pattern; once they are `met`, they are as the known
    audience has them.
    """

    def __init__(self, known: Audience) -> None:
        self.known = known
        self.unmet: dict[str, None] = {}  # a set in order
        self.put_off: Counter[str] = Counter()
        self._met: dict[str, datetime] = {}

    def includes(self, pattern: Pattern, person: str) -> bool | None:
        included = self.known.includes(pattern, person)
        if included is False and person not in self._met and not self.known.facts(person):
            self.unmet[person] = None
            self.put_off[pattern.id] += 1
            return None
        return included

    def facts(self, person: str) -> Facts:
        return self.known.facts(person)

    def met(self, people: Iterable[str], now: datetime) -> None:
        for person in people:
            self.unmet.pop(person, None)
            self._met[person] = now

    def admit(self, before: datetime) -> None:
        """Forget people met before then, who may be somebody else now: a visitor signs up."""
        self._met = {person: at for person, at in self._met.items() if at >= before}


def read_names(runner: Runner, people: Sequence[str]) -> dict[str, Facts]:
    """``email`` and ``name`` by person id, as far as PostHog knows them; nothing where it does not answer."""
    (answer,) = runner.run([names_statement(runner, people)])
    return names_of(answer)


def names_statement(runner: Runner, people: Sequence[str]) -> Statement:
    """Return the question of `read_names`, for callers that ask several questions at once."""
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
