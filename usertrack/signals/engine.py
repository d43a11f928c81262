"""The engine of patterns: events and moments go in, signals come out. It never reads a clock.

It is the same for live and for history: what it says depends on the events and their times alone, not on how they are
dealt out, nor on when it is saved and loaded. What does not happen is found by deadlines, in the order of their times.
"""

import heapq
from collections import Counter
from collections.abc import Iterable
from math import inf
from typing import Any

from usertrack.alerts.model import Signal, SignalState
from usertrack.signals.audience import Audience, Everybody
from usertrack.signals.compiled import Book, Compiled, Effects
from usertrack.signals.conditions import Baselines
from usertrack.signals.incidents import Burst
from usertrack.signals.occurrence import Occurrence
from usertrack.signals.patterns import Patterns
from usertrack.signals.people import IDLE_SECONDS, SESSION_SECONDS, Instance, Person, Phase, Visit
from usertrack.signals.signal import incident_signal, person_signal

LATEST = 3600.0
"""Seconds by which an event may be late; a later one changes nothing any more, and is counted."""

_MOST_INSTANCES = 24  # of a person, before those that are over are looked for

Due = tuple[float, str, int, str]  # when, and of whom: a person, or "" and a burst


class Engine:
    """Feed it events with `feed`, and moments with `advance`; the signals so far are in `signals`.

    ``late`` counts events that came too late, ``undecided`` by pattern how often something was not said because it is
    unknown whether the person is in its audience.
    """

    def __init__(self, patterns: Patterns, audience: Audience | None = None) -> None:
        self.patterns = patterns
        self.audience: Audience = audience or Everybody()
        self.baselines = Baselines()
        self.clock = -inf
        self.signals: list[Signal] = []
        self.late = 0
        self.undecided: Counter[str] = Counter()
        self.people: dict[str, Person] = {}
        self.by_distinct_id: dict[str, Person] = {}
        self.bursts: dict[tuple[int, str], Burst] = {}
        self.changed: set[str] = set()  # ids of persons
        self.gone: set[str] = set()  # ids of persons that are another one now
        self._book = Book(patterns, self.baselines)
        self._ungated = [each for each in self._book.compiled if not each.is_gated]
        self._dues: list[Due] = []

    def run(self, occurrences: Iterable[Occurrence]) -> list[Signal]:
        """The signals of all ``occurrences``, in order, and of no moment after the last one."""
        for occurrence in occurrences:
            self.feed(occurrence)
        return self.taken()

    def taken(self) -> list[Signal]:
        """The signals since the last time."""
        signals, self.signals = self.signals, []
        return signals

    def advance(self, now: float) -> None:
        """Let time pass until ``now``, in seconds since 1970: what is due by then happens."""
        dues = self._dues
        while dues and dues[0][0] <= now:
            due, person_id, number, value = heapq.heappop(dues)
            if due > self.clock:
                self.clock = due
            if not person_id:
                self._end_burst(number, value, due)
                continue
            person = self.people.get(person_id)
            instance = person.instances.get((number, value)) if person else None
            if person and instance and instance.due == due:
                instance.due = inf
                self.changed.add(person_id)
                self._look(person, instance, due)
        if now > self.clock:
            self.clock = now

    def feed(self, occurrence: Occurrence) -> None:
        """Take in an event. One that is late by an hour at the most counts where it belongs, a later one not at all."""
        at, uuid, name, person_id, distinct_id, session, _, _, _ = occurrence
        if at > self.clock:
            if self._dues and self._dues[0][0] <= at:
                self.advance(at)
            self.clock = at
        elif at < self.clock - LATEST:
            self.late += 1
            return
        person = self.by_distinct_id.get(distinct_id)
        if person is None or (person.id != person_id and person_id):
            person = self._person(person_id, distinct_id, at)
        self.changed.add(person.id)
        effects = self._book.effects(name)
        if at >= person.last_at:
            person.last_at = at
            person.last_uuid = uuid
            if session:
                if session != person.session:
                    self._begin_session(person, session)
                self._visit(person, occurrence, is_progress=effects.is_progress)
        person.events += 1
        if effects.is_error:
            person.errors += 1
        if effects.touches:
            self._touch(person, occurrence, effects)
        for instance in person.listening:
            if instance.phase or instance.due == inf:
                self._look_at_all(person)
                break

    def _look_at_all(self, person: Person) -> None:
        for instance in list(person.listening):
            if instance.phase or instance.due == inf:
                self._look(person, instance, self.clock)

    def _visit(self, person: Person, occurrence: Occurrence, *, is_progress: bool) -> None:
        """Follow the person's tab: how long it has been on its route."""
        at, _, name, _, _, session, tab, route, properties = occurrence
        visit = person.visit
        if visit is None or visit.tab != tab:
            is_new = tab not in person.tabs
            visit = person.visit_in(tab, session, route, at)
            if is_new:
                self._arm(person, "tab", tab)
        gap = at - visit.last
        if gap > 0:
            if gap > IDLE_SECONDS:
                gap = IDLE_SECONDS
            visit.seconds += gap
            visit.total += gap
            visit.last = at
        if (route and route != visit.route) or session != visit.session:
            self._end_visit(visit)
            visit.route, visit.session, visit.entered = route, session, at
            visit.seconds = visit.total = 0.0
            visit.open = True
        elif name == "$pageleave":
            self._end_visit(visit)
            visit.open = False
        elif name == "page_time":
            more = _seconds(properties.get("seconds")) - visit.total
            if more > 0:
                visit.seconds += more
                visit.total += more
        elif not visit.open:
            visit.open = True
        if is_progress:
            visit.seconds = 0.0

    def _end_visit(self, visit: Visit) -> None:
        if visit.open and visit.total > 0:
            self.baselines.add(f"route {visit.route}", visit.total)

    def _touch(self, person: Person, occurrence: Occurrence, effects: Effects) -> None:
        for compiled, touches in effects.touches:
            instance: Instance | None = None
            for number, kind, matches in touches:
                if matches is None or matches(occurrence):
                    if instance is None:
                        instance = self._instance(person, compiled, compiled.value(occurrence))
                        instance.touched = occurrence.at
                        instance.session, instance.page = occurrence.session, occurrence.route
                        if occurrence.properties:
                            instance.properties = occurrence.properties
                    memories = instance.memories
                    memories[number] = compiled.watches[number].touch(memories[number], occurrence, kind, person)
            if instance is None:
                continue
            if compiled.pattern.incident and compiled.counts(touches):
                self._add_to_burst(compiled, instance, person, occurrence)
            if compiled.is_gated and not instance.phase:
                if not compiled.ready(instance, self.clock):
                    continue
                if compiled.listens and instance not in person.listening:
                    person.listening.append(instance)
                self._look(person, instance, self.clock)
            elif not compiled.is_lazy or instance.phase or instance.due == inf:
                self._look(person, instance, self.clock)

    def _instance(self, person: Person, compiled: Compiled, value: str) -> Instance:
        instance = person.instances.get((compiled.number, value))
        if instance is None:
            if len(person.instances) >= _MOST_INSTANCES:
                self._forget_instances(person)
            instance = Instance(compiled.number, value, len(compiled.watches))
            self._add(person, instance)
        return instance

    def _add(self, person: Person, instance: Instance) -> None:
        person.instances[instance.key] = instance
        compiled = self._book.compiled[instance.pattern]
        if compiled.listens and not compiled.is_gated:
            person.listening.append(instance)

    def _arm(self, person: Person, per: str, value: str) -> None:
        """Begin to watch for what needs no event to happen."""
        for compiled in self._ungated:
            if compiled.pattern.per == per and (compiled.number, value) not in person.instances:
                instance = self._instance(person, compiled, value)
                instance.touched, instance.session = person.last_at, person.session
                self._look(person, instance, self.clock)

    def _begin_session(self, person: Person, session: str) -> None:
        person.first_session = person.first_session or session
        person.session = session
        person.events = person.errors = 0
        if person.tabs:
            self._leave_tabs(person)
        self._arm(person, "session", session)

    def _leave_tabs(self, person: Person) -> None:
        """Forget the tabs without an event for as long as a session lasts, and what was watched in them."""
        for tab, visit in list(person.tabs.items()):
            if visit.last + SESSION_SECONDS < self.clock:
                self._end_visit(visit)
                del person.tabs[tab]
        if person.visit and person.visit.tab not in person.tabs:
            person.visit = None
        for instance in list(person.instances.values()):
            per = self._book.compiled[instance.pattern].pattern.per
            if (per == "tab" and instance.value not in person.tabs) or (
                per == "session" and instance.value != person.session
            ):
                self._look(person, instance, self.clock)
                if not instance.phase and instance.quiet_until <= self.clock:
                    self._drop(person, instance)

    def _forget_instances(self, person: Person) -> None:
        """Forget what can change nothing any more: of tabs, sessions and kinds of errors that are over."""
        for instance in list(person.instances.values()):
            compiled = self._book.compiled[instance.pattern]
            is_over = instance.phase == Phase.IDLE and instance.quiet_until <= self.clock
            is_past = instance.touched + compiled.longest + LATEST < self.clock
            if is_over and is_past and compiled.pattern.per != "person":
                self._drop(person, instance)

    def _drop(self, person: Person, instance: Instance) -> None:
        del person.instances[instance.key]
        if instance in person.listening:
            person.listening.remove(instance)

    def _person(self, person_id: str, distinct_id: str, at: float) -> Person:
        """The person with this id, who is from now on the one with this distinct_id: merged, where that was another."""
        person_id = person_id or distinct_id
        person = self.people.get(person_id)
        before = self.by_distinct_id.get(distinct_id)
        if person is None:
            person = self.people[person_id] = Person(person_id, at)
            self.gone.discard(person_id)
            if before is None:
                self._arm(person, "person", "")
        person.distinct_ids.add(distinct_id)
        self.by_distinct_id[distinct_id] = person
        if before and before is not person:
            self._merge(person, before)
        return person

    def _merge(self, person: Person, other: Person) -> None:
        """Make ``other`` part of ``person``. What fires for it fires for ``person``, if it still holds."""
        for distinct_id in other.distinct_ids:
            self.by_distinct_id[distinct_id] = person
        person.distinct_ids |= other.distinct_ids
        if other.first_at < person.first_at or not person.first_session:
            person.first_session = other.first_session or person.first_session
        person.first_at = min(person.first_at, other.first_at)
        if other.last_at > person.last_at:
            person.last_at, person.last_uuid = other.last_at, other.last_uuid
            person.session, person.events, person.errors = other.session, other.events, other.errors
        person.tabs = {**other.tabs, **person.tabs}
        person.visit = person.visit or other.visit
        for instance in list(other.instances.values()):
            compiled = self._book.compiled[instance.pattern]
            if instance.phase:
                because = "this is the same person as another one, who goes on"
                self._say(compiled, other, instance, SignalState.RESOLVED, self.clock, because)
            own = person.instances.get(instance.key)
            if own is None:
                own = Instance(instance.pattern, instance.value, len(compiled.watches))
                self._add(person, own)
                own.session, own.page, own.properties = instance.session, instance.page, instance.properties
            pairs = zip(compiled.watches, own.memories, instance.memories, strict=True)
            own.memories = [watch.merged(mine, theirs) for watch, mine, theirs in pairs]
            own.touched = max(own.touched, instance.touched)
            own.quiet_until = max(own.quiet_until, instance.quiet_until)
            self._look(person, own, self.clock)
        self._arm(person, "person", "")
        del self.people[other.id]
        self.changed.discard(other.id)
        self.gone.add(other.id)

    def _look(self, person: Person, instance: Instance, now: float) -> None:
        """See whether the pattern holds now, say what has changed, and note when to look again."""
        compiled = self._book.compiled[instance.pattern]
        pattern, phase = compiled.pattern, instance.phase
        since, until = compiled.span(person, instance, now)
        holds = since <= now < until
        again = until if holds else since if since > now else inf
        if phase == Phase.IDLE:
            if holds and now < instance.quiet_until:
                again = min(until, instance.quiet_until)
            elif holds and self._is_asked_for(compiled, person, instance):
                instance.since = now
                if pattern.hold:
                    instance.phase = Phase.PENDING
                    self._say(compiled, person, instance, SignalState.PENDING, now)
                    again = min(until, now + pattern.hold)
                else:
                    self._fire(compiled, person, instance, now)
        elif phase == Phase.PENDING:
            if not holds:
                instance.phase = Phase.IDLE
                self._say(compiled, person, instance, SignalState.RESOLVED, now)
            elif now >= instance.since + pattern.hold:
                self._fire(compiled, person, instance, now)
            else:
                again = min(until, instance.since + pattern.hold)
        elif phase == Phase.FIRING:
            if not holds and pattern.keep_firing_for:
                instance.phase, instance.since = Phase.RECOVERING, now
                self._say(compiled, person, instance, SignalState.RECOVERING, now)
                again = min(again, now + pattern.keep_firing_for)
            elif not holds:
                again = self._resolve(compiled, person, instance, now, again)
        elif holds:
            self._fire(compiled, person, instance, now)
        elif now >= instance.since + pattern.keep_firing_for:
            again = self._resolve(compiled, person, instance, now, again)
        else:
            again = min(again, instance.since + pattern.keep_firing_for)
            if compiled.is_gated and not holds and instance in person.listening and not compiled.ready(instance, now):
                person.listening.remove(instance)
        if again < instance.due:
            instance.due = again
            heapq.heappush(self._dues, (again, person.id, instance.pattern, instance.value))

    def _is_asked_for(self, compiled: Compiled, person: Person, instance: Instance) -> bool:
        burst = self.bursts.get(instance.key)
        if burst and burst.since is not None:  # one incident, and not an alert for each
            return False
        included = self.audience.includes(compiled.pattern, person.id)
        if included is None:
            self.undecided[compiled.pattern.id] += 1
        return bool(included)

    def _fire(self, compiled: Compiled, person: Person, instance: Instance, now: float) -> None:
        instance.phase, instance.since = Phase.FIRING, now
        self._say(compiled, person, instance, SignalState.FIRING, now)

    def _resolve(self, compiled: Compiled, person: Person, instance: Instance, now: float, again: float) -> float:
        instance.phase, instance.since = Phase.IDLE, now
        instance.quiet_until = now + compiled.pattern.cooldown
        self._say(compiled, person, instance, SignalState.RESOLVED, now)
        return again

    def _say(
        self, compiled: Compiled, person: Person, instance: Instance, state: SignalState, now: float, because: str = ""
    ) -> None:
        self.signals.append(person_signal(compiled, person, instance, state, now, self.audience, because))

    def _add_to_burst(self, compiled: Compiled, instance: Instance, person: Person, occurrence: Occurrence) -> None:
        incident = compiled.pattern.incident
        assert incident
        burst = self.bursts.get(instance.key)
        if burst is None:
            burst = self.bursts[instance.key] = Burst()
        burst.add(person.id, occurrence.at, occurrence.uuid, incident)
        burst.route, burst.properties = occurrence.route, dict(occurrence.properties)
        if burst.since is None and burst.ends(incident) > self.clock:
            burst.since = self.clock
            burst.due = burst.ends(incident)
            heapq.heappush(self._dues, (burst.due, "", *instance.key))
            self.signals.append(incident_signal(compiled, instance.value, burst, SignalState.FIRING, self.clock))

    def _end_burst(self, number: int, value: str, due: float) -> None:
        burst = self.bursts.get((number, value))
        compiled = self._book.compiled[number]
        incident = compiled.pattern.incident
        if burst is None or burst.due != due or incident is None:
            return
        burst.due = burst.ends(incident)
        if burst.due > due:
            heapq.heappush(self._dues, (burst.due, "", number, value))
            return
        self.signals.append(incident_signal(compiled, value, burst, SignalState.RESOLVED, due))
        del self.bursts[number, value]


def _seconds(value: Any) -> float:
    try:
        return max(0.0, float(value))
    except (TypeError, ValueError):
        return 0.0
