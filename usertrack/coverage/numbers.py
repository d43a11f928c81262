"""The coverage of a plan: figures with their denominators, and each event, property, funnel and segment behind them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from usertrack.core.period import moment
from usertrack.core.words import plural
from usertrack.coverage.arrivals import Arrivals, PropertyPresence
from usertrack.coverage.events import CoveredEvent, covered_events
from usertrack.coverage.properties import CoveredProperty, event_properties, group_properties, person_properties
from usertrack.coverage.uses import PlannedUse
from usertrack.plan.model import Measure, Plan, SuccessMetric
from usertrack.plan.scan.site import Scan

Grouping = Literal["tier", "phase", "owner"]
GROUPINGS: tuple[Grouping, ...] = ("tier", "phase", "owner")


@dataclass(frozen=True)
class CoverageCounts:
    """The share of ``total`` planned things are in the code, in the data, and in both; None: that was not asked."""

    total: int
    in_code: int | None
    in_data: int | None
    in_both: int | None

    def rate(self, part: int | None) -> float | None:
        """From 0 to 1; None where nothing is planned, or where it was not asked."""
        return part / self.total if part is not None and self.total else None

    @property
    def seen(self) -> int | None:
        """The number in code and data, or in the one that was looked at."""
        parts = (self.in_both, self.in_data, self.in_code)
        return next((part for part in parts if part is not None), None)

    @property
    def headline(self) -> float | None:
        return self.rate(self.seen)


@dataclass(frozen=True)
class GroupCounts:
    """The figures of one tier, phase or owner: of its events, and of the properties that these must have.

    ``name`` is empty for the events without one.
    """

    grouping: Grouping
    name: str
    events: CoverageCounts
    required: CoverageCounts


@dataclass(frozen=True)
class CoveredUse:
    """A step of a funnel or a fact of a segment, and whether one of its events arrives.

    Where the data was not asked: whether it is in the code; None for events that the code does not send by name.
    ``lacking`` are the properties that its condition reads and no event has.
    """

    use: PlannedUse
    covered: bool | None
    lacking: Sequence[str] = ()


@dataclass(frozen=True)
class MeasuredMetric:
    """A success metric of the plan with its ``value`` now: a share from 0 to 1, or events a day. None: not known."""

    metric: SuccessMetric
    value: float | None

    def met(self, target: float) -> bool | None:
        return None if self.value is None else self.value >= target


@dataclass(frozen=True)
class Coverage:
    """Everything about one plan. ``scan`` and ``arrivals`` are None where the code or the data was not looked at.

    ``unlisted`` are texts that arrived outside the plan's list of a property.
    """

    plan: Plan
    scan: Scan | None
    arrivals: Arrivals | None
    events: Sequence[CoveredEvent]
    properties: Sequence[CoveredProperty]
    persons: Sequence[CoveredProperty]
    groups: Sequence[CoveredProperty]
    uses: Sequence[CoveredUse]
    unlisted: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def timezone(self) -> str:
        return self.arrivals.timezone if self.arrivals else "UTC"

    @property
    def as_of(self) -> datetime | None:
        return self.arrivals.as_of if self.arrivals else None

    @property
    def window(self) -> str:
        """The time in which events arrived, in words: ``30 days up to 20 Nov 2026 09:00``."""
        if self.arrivals is None:
            return "data not asked"
        return f"{plural(self.arrivals.days, 'day')} up to {moment(self.arrivals.as_of, self.timezone)}"

    @property
    def planned(self) -> list[CoveredEvent]:
        """The events that are in the denominators."""
        return [event for event in self.events if event.counts]

    @property
    def of_events(self) -> CoverageCounts:
        return self._counts_of(self.planned)

    @property
    def headline(self) -> float | None:
        """The coverage of the planned events, for a badge."""
        return self.of_events.headline

    @property
    def of_required(self) -> CoverageCounts:
        """The counts of pairs of a planned event and a property that it must have."""
        return self._required_of(self.planned)

    def _required_of(self, events: Sequence[CoveredEvent]) -> CoverageCounts:
        names = {event.name for event in events}
        required = [prop for prop in self.properties if prop.required and prop.of in names]
        return _counts(
            len(required),
            [bool(prop.always) for prop in required] if self.scan else None,
            [bool(prop.complete) for prop in required] if self.arrivals else None,
        )

    def by(self, grouping: Grouping) -> list[GroupCounts]:
        """The figures of each tier, phase or owner in the plan's order; empty where no event has any."""
        names = dict.fromkeys(_name(event, grouping) for event in self.planned)
        listed = {"tier": list(self.plan.tiers), "phase": list(self.plan.phases)}.get(grouping, [])
        order = [*(name for name in listed if name in names), *sorted(name for name in names if name not in listed)]
        if not any(names):
            return []
        groups = {name: [event for event in self.planned if _name(event, grouping) == name] for name in order if name}
        groups |= {"": without} if (without := [event for event in self.planned if not _name(event, grouping)]) else {}
        return [
            GroupCounts(grouping, name, self._counts_of(events), self._required_of(events))
            for name, events in groups.items()
        ]

    def _counts_of(self, events: Sequence[CoveredEvent]) -> CoverageCounts:
        return _counts(
            len(events),
            [event.in_code for event in events] if self.scan else None,
            [event.in_data for event in events] if self.arrivals else None,
        )

    def visible(self, kind: Literal["funnel", "segment"]) -> PropertyPresence:
        """Return how many steps of funnels, or facts of segments, are covered."""
        of_kind = [covered_use.covered for covered_use in self.uses if covered_use.use.kind == kind]
        known = [covered for covered in of_kind if covered is not None]
        return PropertyPresence(sum(known), len(known))

    @property
    def metrics(self) -> list[MeasuredMetric]:
        """The metrics that the plan promises, with their values now."""
        return [MeasuredMetric(metric, self._measured(metric)) for metric in self.plan.metrics.values()]

    def _measured(self, metric: SuccessMetric) -> float | None:
        events, required = self.of_events, self.of_required
        measures: Mapping[Measure, Callable[[], float | None]] = {
            "events_per_day": lambda: self._per_day(metric.event),
            "events_in_code": lambda: events.rate(events.in_code),
            "events_in_data": lambda: events.rate(events.in_data),
            "events_working": lambda: events.rate(events.in_both),
            "required_properties": lambda: required.rate(required.in_data),
            "funnel_steps": lambda: self.visible("funnel").rate if self.arrivals else None,
            "segment_facts": lambda: self.visible("segment").rate if self.arrivals else None,
            "person_properties": lambda: _together(self.persons),
            "group_properties": lambda: _together(self.groups),
        }
        return measures[metric.measure]() if metric.measure else None

    def _per_day(self, name: str | None) -> float | None:
        """Events a day over the window: of one event, or of all that are planned."""
        if not self.arrivals:
            return None
        events = [event for event in self.planned if name in (None, event.name)]
        return sum(event.arrival.events for event in events if event.arrival) / self.arrivals.days


def known_names(plan: Plan, grouping: Grouping) -> list[str]:
    """The tiers, phases or owners of the plan: those that it lists, then others that events name."""
    listed = {"tier": list(plan.tiers), "phase": list(plan.phases)}.get(grouping, [])
    named = {getattr(event, grouping) for event in plan.events.values()} - {None, *listed}
    return [*listed, *sorted(named)]


def cover(
    plan: Plan,
    scan: Scan | None,
    arrivals: Arrivals | None,
    uses: Iterable[PlannedUse] = (),
    only: Mapping[Grouping, str] | None = None,
) -> Coverage:
    """Join a plan with the code and the data. ``only`` leaves the planned events of one tier, phase or owner."""
    every = covered_events(plan, scan, arrivals)
    events = [
        event
        for event in every
        if not only or (event.planned and all(_name(event, key) == name for key, name in only.items()))
    ]
    return Coverage(
        plan,
        scan,
        arrivals,
        events,
        event_properties(events, plan),
        person_properties(plan, scan, arrivals),
        group_properties(plan, scan, arrivals),
        [_covered(use, every, scan, arrivals) for use in uses],
    )


def _covered(
    use: PlannedUse, events: Sequence[CoveredEvent], scan: Scan | None, arrivals: Arrivals | None
) -> CoveredUse:
    """By the names that the use counts: an event that arrives under an alias is not counted under its own name."""
    if arrivals is None:
        sent = {site.event for site in (scan.sites if scan else ())}
        by_name = bool(use.events) and not any(name.startswith("$") for name in use.events)
        return CoveredUse(use, any(name in sent for name in use.events) if by_name and scan else None)
    arrived = [
        event for event in arrivals.events.values() if event.events and (not use.events or event.name in use.events)
    ]
    read = use.properties if use.kind == "funnel" else ()  # a query may do without one
    lacking = [name for name in read if not any(name in event.properties for event in arrived)]
    return CoveredUse(use, bool(arrived) and not lacking, lacking if arrived else ())


def _counts(total: int, code: Sequence[bool] | None, data: Sequence[bool] | None) -> CoverageCounts:
    both = None if code is None or data is None else sum(c and d for c, d in zip(code, data, strict=True))
    return CoverageCounts(total, None if code is None else sum(code), None if data is None else sum(data), both)


def _name(event: CoveredEvent, grouping: Grouping) -> str:
    return getattr(event.planned, grouping) or ""


def _together(properties: Sequence[CoveredProperty]) -> float | None:
    """Return the share that persons or groups have of all properties that they should have."""
    known = [prop.presence for prop in properties if prop.presence]
    return PropertyPresence(sum(presence.holders for presence in known), sum(presence.total for presence in known)).rate
