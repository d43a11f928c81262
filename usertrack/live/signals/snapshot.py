"""Saves the changed parts of an engine's memory as JSON, and makes an engine from all of them."""

import heapq
from collections.abc import Iterable, Mapping
from math import inf
from typing import Any, NamedTuple

from usertrack.live.alerts.model import Signal, SignalState
from usertrack.live.signals.durations import Histogram
from usertrack.live.signals.engine import Engine
from usertrack.live.signals.incidents import Burst
from usertrack.live.signals.instances import Instance, WatchedPerson
from usertrack.live.signals.signal import STATES, incident_signal, person_signal
from usertrack.live.signals.wording import moment


class EngineSnapshot(NamedTuple):
    """The part to be saved of the engine's state, under the names of what is saved.

    ``people`` and ``usual`` are those that changed, ``gone`` and ``unusual`` the names of those that are no more, and
    ``bursts`` are all.

    ``patterns`` has for each pattern what tells whether it is still the same, and what it is `per`.
    """

    clock: float
    patterns: dict[str, list[str]]
    people: list[tuple[str, Any]]
    gone: list[str]
    bursts: list[tuple[str, str, Any]]
    usual: list[tuple[str, list[int]]]
    unusual: list[str]


def unsaved(engine: Engine) -> EngineSnapshot:
    """Return what changed since `saved`."""
    ids = [compiled.pattern.id for compiled in engine.book.compiled]
    return EngineSnapshot(
        engine.clock,
        {compiled.pattern.id: [compiled.pattern.digest, compiled.per] for compiled in engine.book.compiled},
        [(person.id, person.dump()) for person in engine.changed if person.id not in engine.gone],
        sorted(engine.gone),
        [(ids[number], value, burst.dump()) for (number, value), burst in engine.bursts.items()],
        [(name, histogram.counts) for name, histogram in engine.baselines.histograms.items() if histogram.changed],
        sorted(engine.baselines.gone),
    )


def saved(engine: Engine) -> None:
    """All of it is saved."""
    for person in engine.changed:
        person.changed = False
    engine.changed.clear()
    engine.gone.clear()
    engine.baselines.gone.clear()
    for histogram in engine.baselines.histograms.values():
        histogram.changed = False


def open_alerts(engine: Engine) -> set[str]:
    """The keys of the signals that have begun, and have not ended."""
    own = (
        person_signal(person, instance, STATES[instance.phase], engine.clock, engine.audience).key
        for person in engine.people.values()
        for instance in person.instances.values()
        if instance.phase
    )
    bursts = (
        incident_signal(engine.book.compiled[number], value, burst, SignalState.FIRING, engine.clock).key
        for (number, value), burst in engine.bursts.items()
        if burst.since is not None
    )
    return {*own, *bursts}


def restore(
    engine: Engine,
    clock: float,
    patterns: Mapping[str, list[str]],
    people: Iterable[tuple[str, Any]],
    bursts: Iterable[tuple[str, str, Any]],
    usual: Iterable[tuple[str, list[int]]],
) -> None:
    """Give a new ``engine`` what was saved. What fires of patterns that are no more, or are other ones now, ends.

    A pattern that is new begins to watch a person with their next event, as what was before is no reason to fire; or at
    once, where it needs no event but the last one and does not hold yet.
    """
    engine.clock = clock
    same = {
        name: compiled
        for name, compiled in engine.book.by_id.items()
        if patterns.get(name, [""])[0] == compiled.pattern.digest
    }
    per = {name: saved_per for name, (_, saved_per) in patterns.items()}
    for name, counts in usual:
        engine.baselines.histograms[name] = Histogram(counts)
    for id_, values in people:
        person = engine.people[id_] = WatchedPerson.load(id_, values, same)
        for instance in person.in_order():
            compiled = instance.compiled
            if instance.due < inf:
                engine.dues.append((instance.due, id_, *instance.key))
            if compiled.listens and (
                not compiled.is_gated or instance.phase or compiled.ready(instance.memories, clock)
            ):
                person.listen(instance)
        for name, dumped in values["instances"].items():
            if name not in same:
                person.changed = True
                engine.changed.append(person)
                engine.signals += [_ended(name, per.get(name, ""), id_, state, clock) for state in dumped if state[2]]
    for name, value, dumped_burst in bursts:
        if name in same:
            burst = engine.bursts[same[name].number, value] = Burst.load(dumped_burst)
            if burst.due < inf:
                engine.dues.append((burst.due, "", same[name].number, value))
        elif dumped_burst["since"] is not None:
            engine.signals.append(_resolved(name, "", "", value, clock))
    for person in engine.people.values():
        is_armed = _arm(engine, person)
        for distinct_id in person.distinct_ids:
            (engine.by_distinct_id if is_armed else engine.unarmed)[distinct_id] = person
    heapq.heapify(engine.dues)


def _arm(engine: Engine, person: WatchedPerson) -> bool:
    """Have new patterns watch ``person`` without an event; returns whether that was possible for all of them."""
    is_armed = True
    for compiled in engine.book.ungated["person"]:
        instance = Instance(compiled, "")
        if instance.key in person.instances or compiled.hopeless(person):
            continue
        since, until = compiled.span(instance.memories, person, "", engine.clock)
        if compiled.needs_memory or since <= engine.clock < until:
            is_armed = False
            continue
        person.instances[instance.key] = instance
        instance.touched, instance.session = person.last_at, person.session
        if compiled.listens:
            person.listen(instance)
        if engine.clock < since < inf:
            instance.due = since
            engine.dues.append((since, person.id, *instance.key))
        if not person.changed:
            person.changed = True
            engine.changed.append(person)
    return is_armed


def _ended(name: str, per: str, person: str, dumped: list[Any], clock: float) -> Signal:
    session = dumped[7] if per in ("session", "tab") else ""
    return _resolved(name, person, session, "" if per in ("session", "person") else dumped[0], clock)


def _resolved(name: str, person: str, session: str, value: str, clock: float) -> Signal:
    return Signal(
        pattern=name,
        person=person,
        session=session,
        state=SignalState.RESOLVED,
        at=moment(clock),
        severity="info",
        because="the pattern was changed or taken out while it fired",
        facts={},
        labels={"pattern": name},
        events=(),
        value=value,
    )
