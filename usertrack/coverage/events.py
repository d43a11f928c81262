"""Each event with its state: what the plan says of it, the sites that send it, and how it arrived.

======== ====== ====== ==============================================
planned  code   data   state
======== ====== ====== ==============================================
yes      yes    yes    working
yes      yes    no     silent: the code sends it, nothing arrives
yes      no     no     missing
yes      no     yes    from elsewhere: sent by code that was not scanned
no       yes    yes    unplanned
no       yes    no     unplanned and silent
no       no     yes    stray: nobody planned it, no code here sends it
======== ====== ====== ==============================================

Where the data was not asked, or the code not scanned, that column is not known, and the state says no more than the
others do.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from usertrack.coverage.arrivals import Arrival, Arrivals
from usertrack.coverage.names import near, says_something
from usertrack.plan.model import Plan, PlannedEvent, matches
from usertrack.plan.scan.site import CallSite, Scan


class State(Enum):
    """The state in words. The order is that of lists: what needs work comes first."""

    MISSING = "missing"
    NOT_IN_CODE = "not in code"
    NOT_IN_DATA = "not in data"
    SILENT = "silent"
    ELSEWHERE = "from elsewhere"
    STRAY = "stray"
    UNPLANNED_SILENT = "unplanned and silent"
    UNPLANNED = "unplanned"
    IN_CODE = "in code"
    IN_DATA = "in data"
    WORKING = "working"


_STATES: dict[tuple[bool, bool | None, bool | None], State] = {
    (True, True, True): State.WORKING,
    (True, True, False): State.SILENT,
    (True, False, False): State.MISSING,
    (True, False, True): State.ELSEWHERE,
    (False, True, True): State.UNPLANNED,
    (False, True, False): State.UNPLANNED_SILENT,
    (False, False, True): State.STRAY,
    # one side is not known
    (True, True, None): State.IN_CODE,
    (True, False, None): State.NOT_IN_CODE,
    (False, True, None): State.UNPLANNED,
    (True, None, True): State.IN_DATA,
    (True, None, False): State.NOT_IN_DATA,
    (False, None, True): State.UNPLANNED,
}


def state_of(*, planned: bool, code: bool | None, data: bool | None) -> State:
    """The state by the table above; None stands for what is not known. An event is at least one of the three."""
    return _STATES[planned, code, data]


@dataclass(frozen=True)
class CoveredEvent:
    """One event. ``sites`` send it under any of its names, ``arrival`` is the sum of those; None where none came ever.

    ``replaced_by``: the planned event that takes its place. ``near``: planned names that it may have been meant to be,
    or, of a planned event that is not working, unplanned names that may be meant to be this one.
    """

    name: str
    state: State
    planned: PlannedEvent | None = None
    sites: Sequence[CallSite] = ()
    arrival: Arrival | None = None
    replaced_by: str = ""
    near: Sequence[str] = ()

    @property
    def counts(self) -> bool:
        """Whether it is in the denominators: planned, and neither deprecated nor replaced."""
        return self.planned is not None and self.planned.status != "deprecated" and not self.replaced_by

    @property
    def in_code(self) -> bool:
        return bool(self.sites)

    @property
    def in_data(self) -> bool:
        return bool(self.arrival and self.arrival.events)


@dataclass
class _Event:
    """The plan, the sites and the arrivals of one name so far."""

    planned: PlannedEvent | None = None
    sites: list[CallSite] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)


def _that_may_be(plan: Plan, pattern: str) -> list[str]:
    """The events that a pattern in the code may send."""
    names = plan.event_names
    return list(dict.fromkeys(names[name] for name in names if matches(pattern, name) or matches(name, pattern)))


def covered_events(plan: Plan, scan: Scan | None, arrivals: Arrivals | None) -> list[CoveredEvent]:
    """All events of the plan, the code and the data; what is None is not known. The order is that of the states.

    Events of PostHog itself (``$pageview``) are there only where the plan names them. A deprecated event that is sent
    no more is not there: it is done.
    """
    known = {name: _Event(planned) for name, planned in plan.events.items()}
    sites = scan.sites if scan else ()
    for site in sites:
        name = site.event or site.pattern or ""
        if site.event is None and not says_something(name):
            continue
        targets = plan.events_called(name) if site.event else _that_may_be(plan, name)
        if targets or not name.startswith("$"):
            for target in targets or [name]:
                known.setdefault(target, _Event()).sites.append(site)
    _add_arrivals(known, plan, [site for site in sites if site.pattern], arrivals.events.values() if arrivals else ())
    replaced = plan.replaced_by
    events = []
    for name, known_event in known.items():
        arrival = _sum(name, known_event.arrivals)
        code = bool(known_event.sites) if scan else None
        data = bool(arrival and arrival.events) if arrivals else None
        is_planned = known_event.planned is not None or name in replaced
        retired = name in replaced or (known_event.planned is not None and known_event.planned.status == "deprecated")
        if not (code or data) and (retired or not is_planned):
            continue
        state = state_of(planned=is_planned, code=code, data=data)
        events.append(
            CoveredEvent(name, state, known_event.planned, known_event.sites, arrival, replaced.get(name, ""))
        )
    order = list(State)
    return sorted(_with_near(events, plan.event_names), key=lambda event: (order.index(event.state), event.name))


def computed_names(scan: Scan) -> list[CallSite]:
    """The sites of which no part of the name is known: they say nothing about any event."""
    return [site for site in scan.sites if site.event is None and not says_something(site.pattern or "")]


def _add_arrivals(
    known: dict[str, _Event], plan: Plan, computed: Sequence[CallSite], arrivals: Iterable[Arrival]
) -> None:
    """``computed`` are the sites with a pattern: an event that nobody planned may be one of theirs."""
    for arrival in arrivals:
        targets = plan.events_called(arrival.name)
        if not targets and arrival.name not in known:
            if arrival.name.startswith("$") or not arrival.events:
                continue  # PostHog's own, or what nobody knows and nobody sends any more
            patterns = [site.pattern or "" for site in computed if _may_send(site, arrival.name)]
            known[arrival.name] = _Event(sites=[site for site in computed if _may_send(site, arrival.name)])
            for pattern in patterns:
                if pattern in known and not known[pattern].planned:
                    del known[pattern]  # its events are there under their names
        for target in targets or [arrival.name]:
            known[target].arrivals.append(arrival)


def _may_send(site: CallSite, name: str) -> bool:
    pattern = site.pattern or ""
    return says_something(pattern) and matches(pattern, name)


def _sum(name: str, arrivals: Sequence[Arrival]) -> Arrival | None:
    """The arrivals under several names as one."""
    if len(arrivals) <= 1:
        return replace(arrivals[0], name=name) if arrivals else None
    properties: defaultdict[str, int] = defaultdict(int)
    for arrival in arrivals:
        for prop, count in arrival.properties.items():
            properties[prop] += count
    return Arrival(
        name=name,
        events=sum(arrival.events for arrival in arrivals),
        first_at=min(arrival.first_at for arrival in arrivals),
        last_at=max(arrival.last_at for arrival in arrivals),
        days=[sum(counts) for counts in zip(*(arrival.days for arrival in arrivals), strict=True)],
        sent_by=[sender for arrival in arrivals for sender in arrival.sent_by],
        total=sum(arrival.total for arrival in arrivals),
        properties=dict(properties),
    )


def _with_near(events: Sequence[CoveredEvent], planned: Mapping[str, str]) -> list[CoveredEvent]:
    """The events, each unplanned one with the planned names that it is near to, and the other way round."""
    targets_of: dict[str, list[str]] = {}
    for event in events:
        if not event.planned and not event.replaced_by:
            targets_of[event.name] = list(dict.fromkeys(planned[name] for name in near(event.name, planned)))
    reverse: defaultdict[str, list[str]] = defaultdict(list)
    for name, targets in targets_of.items():
        for target in targets:
            reverse[target].append(name)
    unseen = {event.name for event in events if event.counts and event.state is not State.WORKING}
    names: Mapping[str, Sequence[str]] = {**targets_of, **{name: reverse[name] for name in unseen if name in reverse}}
    return [replace(event, near=tuple(names.get(event.name, ()))) for event in events]
