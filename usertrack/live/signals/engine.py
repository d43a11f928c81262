"""The engine of patterns: events and moments go in, signals come out. It never reads a clock.

It is the same for live and for history: what it says depends on the events and their times alone, not on how they are
dealt out, nor on when it is saved and loaded. What does not happen is found by deadlines, in the order of their times.
"""

import heapq
from collections import Counter
from collections.abc import Iterable
from math import inf
from operator import attrgetter

from usertrack.live.alerts.model import Signal, SignalState
from usertrack.live.signals.audience import Audience, Everybody
from usertrack.live.signals.baselines import Baselines
from usertrack.live.signals.compiled import LEAVES, Book, Compiled
from usertrack.live.signals.garbage import uncollected
from usertrack.live.signals.incidents import Burst
from usertrack.live.signals.instances import FIRING, IDLE, PENDING, RECOVERING, Instance, Phase, WatchedPerson
from usertrack.live.signals.occurrence import Occurrence
from usertrack.live.signals.patterns import Patterns
from usertrack.live.signals.signal import STATES, incident_signal, person_signal
from usertrack.live.signals.whereabouts import IDLE_SECONDS, SESSION_SECONDS, TabVisit

LATEST = 3600.0
"""Seconds by which an event may be late; a later one changes nothing any more, and is counted."""

_MOST_INSTANCES = 24  # of a person, before those that are over are looked for
_MOST_AT_ONCE = 200  # instances of a person: bounds the memory of somebody with ever new forms or errors
_MOST_BURSTS = 1000  # values that may become incidents: bounds the memory where each error is a new one
_key = attrgetter("key")

Due = tuple[float, str, int, str]  # when, and of whom: a person, or "" and a burst


class Engine:
    """Feed it events with `feed`, and moments with `advance`; `taken` are the signals since the last time.

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
        self.people: dict[str, WatchedPerson] = {}
        self.by_distinct_id: dict[str, WatchedPerson] = {}
        self.unarmed: dict[str, WatchedPerson] = {}  # by distinct_id, those whom new patterns do not watch yet
        self.bursts: dict[tuple[int, str], Burst] = {}
        self.changed: list[WatchedPerson] = []
        self.gone: set[str] = set()  # ids of persons that are another one now
        self.book = Book(patterns, self.baselines)
        self._effects = self.book.known
        self.dues: list[Due] = []
        self.next_due = -inf  # or earlier than that

    def run(self, occurrences: Iterable[Occurrence]) -> list[Signal]:
        """The signals of all ``occurrences``, in order, and of no moment after the last one."""
        with uncollected():
            self.feed_all(occurrences)
        return self.taken()

    def taken(self) -> list[Signal]:
        """The signals since the last time."""
        signals, self.signals = self.signals, []
        return signals

    def advance(self, now: float) -> None:
        """Let time pass until ``now``, in seconds since 1970: what is due by then happens."""
        dues = self.dues
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
                self._change(person)
                self._look(person, instance, due)
        self.next_due = dues[0][0] if dues else inf
        if now > self.clock:
            self.clock = now

    def feed(self, occurrence: Occurrence) -> None:
        """Take in an event. One that is late by an hour at the most counts where it belongs, a later one not at all."""
        self.feed_all((occurrence,))

    def feed_all(self, occurrences: Iterable[Occurrence]) -> None:  # noqa: C901
        """Take in events as `feed` does, many at once: a call for each of them would take a tenth of the time."""
        clock, people, known_effects = self.clock, self.by_distinct_id, self._effects
        for occurrence in occurrences:
            at, uuid, name, person_id, distinct_id, session, tab, route, properties = occurrence
            if at > clock:
                if at >= self.next_due:
                    self.advance(at)
                self.clock = clock = at
            elif at < clock - LATEST:
                self.late += 1
                continue
            person = people.get(distinct_id)
            if person is None or (person.id != person_id and person_id):
                person = self._person(person_id, distinct_id, at)
            if not person.changed:
                person.changed = True
                self.changed.append(person)
            role, is_error, is_progress, touches = known_effects.get(name) or self.book.effects(name)
            if at >= person.last_at:
                person.last_at = at
                person.last_uuid = uuid
                if session:
                    if session != person.session:
                        self._begin_session(person, session)
                    visit = person.visit
                    if visit is None or visit.tab != tab or visit.session != session:
                        visit = self._visit(person, tab, session, route, at)
                    gap = at - visit.last
                    if gap > 0.0:
                        visit.total += gap if gap < IDLE_SECONDS else IDLE_SECONDS
                        visit.last = at
                    if route != visit.route and route:
                        self._move(visit, route, at)
                    elif role:
                        self._leave(visit) if role == LEAVES else visit.see(properties.get("seconds"))
                    else:
                        visit.open = True
                    if is_progress:
                        visit.progress = visit.total
            person.events += 1
            if is_error:
                person.errors += 1
            for compiled, number, kind, watch, fixed_key, place, matches in touches:
                if matches and not matches(properties):
                    continue
                key = fixed_key or (compiled.number, occurrence[place] if place else compiled.value_of(occurrence))
                instance = person.instances.get(key) or self._add(person, compiled, key[1])
                instance.touched = clock
                memories = instance.memories
                memories[number] = watch.touch(memories[number], occurrence, kind, person)
                if watch.hit or instance.phase:
                    self._touched(person, instance, occurrence)
                if compiled.incident and watch.counts:
                    self._add_to_burst(instance, person, occurrence)
            if person.is_restless:
                self._look_at_all(person)

    def _change(self, person: WatchedPerson) -> None:
        if not person.changed:
            person.changed = True
            self.changed.append(person)

    def _look_at_all(self, person: WatchedPerson) -> None:
        for instance in list(person.listening):
            if instance.phase or instance.due == inf:
                self._look(person, instance, self.clock)
        person.settle()

    def _visit(self, person: WatchedPerson, tab: str, session: str, route: str, at: float) -> TabVisit:
        """The visit of another tab than the last one, or of another session."""
        is_new = tab not in person.tabs
        visit = person.visit_in(tab, session, route, at)
        if is_new:
            self._arm(person, "tab", tab)
        elif visit.session != session:
            visit.session = session
            self._move(visit, route or visit.route, at)
        return visit

    def _move(self, visit: TabVisit, route: str, at: float) -> None:
        """The tab is on another route."""
        self._leave(visit)
        visit.route, visit.entered = route, at
        visit.total = visit.progress = 0.0
        visit.open = True

    def _leave(self, visit: TabVisit) -> None:
        if visit.open and visit.total > 0:
            self.baselines.of_route(visit.route).add(visit.total)
        visit.open = False

    def _touched(self, person: WatchedPerson, instance: Instance, occurrence: Occurrence) -> None:
        """An event counted that may have decided."""
        compiled, clock = instance.compiled, self.clock
        instance.session, instance.page = occurrence.session, occurrence.route
        instance.properties = occurrence.properties or instance.properties
        if instance.phase:
            self._look(person, instance, clock)
        elif compiled.is_gated:
            if compiled.ready(instance.memories, clock):
                if compiled.listens:
                    person.listen(instance)
                self._look(person, instance, clock)
        elif not compiled.is_lazy or instance.due == inf:
            self._look(person, instance, clock)

    def _add(self, person: WatchedPerson, compiled: Compiled, value: str) -> Instance:
        if len(person.instances) >= _MOST_INSTANCES:
            self._forget_instances(person)
        instance = Instance(compiled, value)
        person.instances[instance.key] = instance
        if compiled.listens and not compiled.is_gated:
            person.listen(instance)
        return instance

    def _arm(self, person: WatchedPerson, per: str, value: str) -> None:
        """Begin to watch for what needs no event to happen."""
        for compiled in self.book.ungated[per]:
            if (compiled.number, value) not in person.instances and not compiled.hopeless(person):
                instance = self._add(person, compiled, value)
                instance.touched, instance.session = person.last_at, person.session
                self._look(person, instance, self.clock)

    def _begin_session(self, person: WatchedPerson, session: str) -> None:
        person.first_session = person.first_session or session
        person.session = session
        person.events = person.errors = 0
        if person.tabs:
            self._leave_tabs(person)
        self._arm(person, "session", session)

    def _leave_tabs(self, person: WatchedPerson) -> None:
        """Forget the tabs without an event for as long as a session lasts, and what was watched in them."""
        for tab, visit in list(person.tabs.items()):
            if visit.last + SESSION_SECONDS < self.clock:
                self._leave(visit)
                del person.tabs[tab]
        if person.visit and person.visit.tab not in person.tabs:
            person.visit = None
        left = [instance for instance in person.instances.values() if instance.value and instance.is_over(person)]
        for instance in sorted(left, key=_key) if len(left) > 1 else left:
            if instance.phase:
                self._look(person, instance, self.clock)
            if not instance.phase and instance.quiet_until <= self.clock:
                person.drop(instance)

    def _forget_instances(self, person: WatchedPerson) -> None:
        """Forget what can change nothing any more; and what is oldest, where somebody makes up ever new errors."""
        idle = [
            instance
            for instance in person.instances.values()
            if instance.compiled.per != "person" and not instance.phase
        ]
        for instance in idle:
            is_past = instance.touched + instance.compiled.longest + LATEST < self.clock
            if is_past and instance.quiet_until <= self.clock:
                person.drop(instance)
        left = [instance for instance in idle if instance.key in person.instances]
        if len(left) > _MOST_AT_ONCE:
            person.drop(min(left, key=lambda instance: (instance.touched, instance.key)))

    def _person(self, person_id: str, distinct_id: str, at: float) -> WatchedPerson:
        """The person with this id, who is from now on the one with this distinct_id: merged, where that was another."""
        person_id = person_id or distinct_id
        person = self.people.get(person_id)
        before = self.by_distinct_id.get(distinct_id) or self.unarmed.pop(distinct_id, None)
        if person is None:
            person = self.people[person_id] = WatchedPerson(person_id, at)
            self.gone.discard(person_id)
        person.distinct_ids.add(distinct_id)
        self.by_distinct_id[distinct_id] = person
        if before and before is not person:
            self._merge(person, before)
        self._arm(person, "person", "")
        return person

    def forget(self, before: float) -> None:
        """Forget whoever did nothing since then, and of whom nothing fires."""
        for person in [seen for seen in self.people.values() if seen.last_at < before]:
            if not any(instance.phase for instance in person.instances.values()):
                self._remove(person)
                for distinct_id in person.distinct_ids:
                    self.by_distinct_id.pop(distinct_id, None)
                    self.unarmed.pop(distinct_id, None)
        self.baselines.forget_others(self.people)

    def _remove(self, person: WatchedPerson) -> None:
        del self.people[person.id]
        self.gone.add(person.id)

    def _merge(self, person: WatchedPerson, other: WatchedPerson) -> None:
        """Make ``other`` part of ``person``. What fires for it fires for ``person``, if it still holds."""
        person.take(other)
        for distinct_id in other.distinct_ids:
            self.by_distinct_id[distinct_id] = person
        for theirs in other.in_order():
            if theirs.phase:
                because = "this is the same person as another one, with whom it goes on"
                self._say(other, theirs, SignalState.RESOLVED, self.clock, because)
            own = person.instances.get(theirs.key) or self._add(person, theirs.compiled, theirs.value)
            own.take(theirs)
            if own.compiled.listens and (not own.compiled.is_gated or own.compiled.ready(own.memories, self.clock)):
                person.listen(own)
            self._look(person, own, self.clock)
        self._remove(other)
        self._change(person)

    def _look(self, person: WatchedPerson, instance: Instance, now: float) -> None:
        """See whether the pattern holds now, say what has changed, and note when to look again."""
        compiled, phase = instance.compiled, instance.phase
        pattern = compiled.pattern
        since, until = compiled.span(instance.memories, person, instance.value, now)
        holds = since <= now < until
        again = until if holds else since if since > now else inf
        if phase is IDLE:
            if holds:
                quiet_until = person.quiet_until(instance)
                if now < quiet_until:
                    again = min(until, quiet_until)
                elif self._is_asked_for(person, instance):
                    self._go(person, instance, PENDING if pattern.hold else FIRING, now)
                    again = min(until, now + pattern.hold) if pattern.hold else until
            elif instance in person.listening and (
                compiled.hopeless(person) or (compiled.is_gated and not compiled.ready(instance.memories, now))
            ):
                person.listening.remove(instance)
        elif phase is PENDING:
            if not holds:
                self._go(person, instance, IDLE, now)
            elif now >= instance.since + pattern.hold:
                self._go(person, instance, FIRING, now)
            else:
                again = min(until, instance.since + pattern.hold)
        elif holds:
            if phase is RECOVERING:
                self._go(person, instance, FIRING, now)
        elif phase is FIRING and pattern.keep_firing_for:
            self._go(person, instance, RECOVERING, now)
            again = min(again, now + pattern.keep_firing_for)
        elif phase is FIRING or now >= instance.since + pattern.keep_firing_for:
            self._go(person, instance, IDLE, now)
            instance.quiet_until = now + pattern.cooldown
        else:
            again = min(again, instance.since + pattern.keep_firing_for)
        person.is_restless = True
        if again < instance.due:
            instance.due = again
            self._note((again, person.id, *instance.key))

    def reconsider(self, person_id: str) -> None:
        """Look again at what was not said of this person: more is known of them now."""
        if person := self.people.get(person_id):
            for instance in person.in_order():
                if not instance.phase:
                    self._look(person, instance, self.clock)

    def _note(self, due: Due) -> None:
        heapq.heappush(self.dues, due)
        if due[0] < self.next_due:
            self.next_due = due[0]

    def _is_asked_for(self, person: WatchedPerson, instance: Instance) -> bool:
        burst = self.bursts.get(instance.key)
        if burst and burst.since is not None:  # one incident, and not an alert for each
            return False
        included = self.audience.includes(instance.compiled.pattern, person.id)
        if included is None:
            self.undecided[instance.compiled.pattern.id] += 1
        return bool(included)

    def _go(self, person: WatchedPerson, instance: Instance, phase: Phase, now: float) -> None:
        instance.phase, instance.since = phase, now
        self._say(person, instance, STATES[phase], now)

    def _say(
        self, person: WatchedPerson, instance: Instance, state: SignalState, now: float, because: str = ""
    ) -> None:
        self.signals.append(person_signal(person, instance, state, now, self.audience, because))

    def _add_to_burst(self, instance: Instance, person: WatchedPerson, occurrence: Occurrence) -> None:
        compiled, incident = instance.compiled, instance.compiled.pattern.incident
        assert incident
        burst = self.bursts.get(instance.key)
        if burst is None:
            if len(self.bursts) >= _MOST_BURSTS:
                self.bursts = {key: burst for key, burst in self.bursts.items() if burst.since is not None}
            burst = self.bursts[instance.key] = Burst()
        burst.add(person.id, occurrence.at, occurrence.uuid, incident)
        burst.route, burst.properties = occurrence.route, dict(occurrence.properties)
        if burst.since is None and burst.ends(incident) > self.clock:
            burst.since = self.clock
            burst.due = burst.ends(incident)
            self._note((burst.due, "", *instance.key))
            self.signals.append(incident_signal(compiled, instance.value, burst, SignalState.FIRING, self.clock))

    def _end_burst(self, number: int, value: str, due: float) -> None:
        burst = self.bursts.get((number, value))
        compiled = self.book.compiled[number]
        incident = compiled.pattern.incident
        if burst is None or burst.due != due or incident is None:
            return
        burst.due = burst.ends(incident)
        if burst.due > due:
            heapq.heappush(self.dues, (burst.due, "", number, value))
            return
        self.signals.append(incident_signal(compiled, value, burst, SignalState.RESOLVED, due))
        del self.bursts[number, value]
