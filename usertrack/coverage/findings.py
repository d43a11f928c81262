"""The findings of `plan check` where the plan, the code and the data differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from usertrack.core.words import number, plural, shortened
from usertrack.coverage.events import CoveredEvent, State
from usertrack.coverage.numbers import Coverage
from usertrack.coverage.properties import CoveredProperty
from usertrack.plan.finding import PlanFinding, Rule, in_order
from usertrack.plan.rules import (
    ABSENT_EVENT,
    ABSENT_PROPERTY,
    NEAR_EVENT,
    NEAR_PROPERTY,
    PLANNED_EVENT,
    RETIRED_EVENT,
    SILENT_EVENT,
    UNCOVERED_STEP,
    UNLISTED_VALUE,
    UNPLANNED_EVENT,
    UNPLANNED_PROPERTY,
    UNREAD_CALL,
    UNSEEN_EVENT,
)
from usertrack.plan.scan.site import CallSite


def coverage_findings(coverage: Coverage) -> list[PlanFinding]:
    """All findings of a coverage, each at its site, or in the plan where no line of code is wrong."""
    finder = _Finder(coverage)
    return in_order(
        [
            *(finding for event in coverage.events for finding in finder.of_event(event)),
            *(finding for prop in coverage.properties for finding in finder.of_property(prop)),
            *finder.of_values(),
            *finder.of_uses(),
            *finder.of_unread_calls(),
        ]
    )


@dataclass(frozen=True)
class _Finder:
    coverage: Coverage

    @cached_property
    def _events(self) -> dict[str, CoveredEvent]:
        return {event.name: event for event in self.coverage.events}

    def of_event(self, event: CoveredEvent) -> Iterator[PlanFinding]:
        if event.replaced_by or (event.planned and not event.counts):
            yield from self._retired(event)
        elif event.planned:
            yield from self._planned(event)
        elif event.near:
            nearest = " or ".join(f"`{name}`" for name in event.near)
            yield from self._at_sites(NEAR_EVENT, event, f"`{event.name}` is nearly {nearest}", nearest)
        else:
            arrives = "" if event.in_code else f", and {_count(event)} arrived"
            message = f"the plan has no event `{event.name}`{arrives}"
            yield from self._at_sites(UNPLANNED_EVENT, event, message, f"add it to `events:` of {self._plan}")

    def _planned(self, event: CoveredEvent) -> Iterator[PlanFinding]:
        active = event.planned is not None and event.planned.status == "active"
        match event.state:
            case State.MISSING | State.NOT_IN_CODE | State.NOT_IN_DATA:
                where = {State.NOT_IN_CODE: "in the code", State.NOT_IN_DATA: "in the data"}
                place = where.get(event.state, "in the code, and not in the data")
                rule = ABSENT_EVENT if active else PLANNED_EVENT
                sent = f"; `{event.near[0]}` is sent" if event.near else ""
                yield self._in_plan(rule, event, f"`{event.name}` is not {place}{sent}")
            case State.SILENT:
                window = plural(self.coverage.arrivals.days if self.coverage.arrivals else 0, "day")
                last = f", last on {event.arrival.last_at:%Y-%m-%d}" if event.arrival else ", or ever"
                message = f"`{event.name}` is sent here, and none arrived in {window}{last}"
                yield from self._at_sites(SILENT_EVENT if active else PLANNED_EVENT, event, message)
            case State.ELSEWHERE:
                message = f"{_count(event)} of `{event.name}` arrived, and no code that was scanned sends it"
                yield self._in_plan(UNSEEN_EVENT, event, message, "scan its code as well, or name its call in `sinks:`")

    def _retired(self, event: CoveredEvent) -> Iterator[PlanFinding]:
        successor = event.replaced_by
        new = self._events.get(successor)
        both = new is not None and (new.in_code or new.in_data)
        doubled = ", which is sent as well" if both else ""
        end = f"replaced by `{successor}`{doubled}" if successor else "deprecated"
        instead = f"`{successor}`" if successor else "nothing: take it out"
        yield from self._at_sites(RETIRED_EVENT, event, f"`{event.name}` is {end}", instead)

    def of_property(self, prop: CoveredProperty) -> Iterator[PlanFinding]:
        subject = f"events.{prop.of}.{prop.name}"
        event = self._events[prop.of]
        if prop.near:
            nearest = " or ".join(f"`{name}`" for name in prop.near)
            message = f"`{prop.name}` of `{prop.of}` is nearly {nearest}"
            yield from self._at(NEAR_PROPERTY, subject, event, self._with(event, prop.name), message, nearest)
        elif not prop.planned:
            message = f"the plan has no property `{prop.name}` for `{prop.of}`"
            yield from self._at(UNPLANNED_PROPERTY, subject, event, self._with(event, prop.name), message)
        elif prop.required:
            without = [site for site in event.sites if not self._always(site, prop.name)]
            if without:
                message = f"`{prop.of}` is sent here without `{prop.name}`, or not always with it"
                yield from self._at(ABSENT_PROPERTY, subject, event, without, message)
            elif prop.complete is False and prop.presence:
                have = f"{number(prop.presence.holders)} of {number(prop.presence.total)}"
                message = f"{have} events of `{prop.of}` have `{prop.name}`, and all must"
                yield self._in_plan(ABSENT_PROPERTY, event, message, subject=subject)

    def of_values(self) -> Iterator[PlanFinding]:
        for name, texts in self.coverage.unlisted.items():
            some = ", ".join(f"'{shortened(text, 40)}'" for text in texts[:3]) + (", …" if len(texts) > 3 else "")
            message = f"`{name}` arrived with {plural(len(texts), 'value')} outside its list: {some}"
            planned = self.coverage.plan.properties[name]
            instead = "add it to `values:`, or send one of these"
            yield PlanFinding(UNLISTED_VALUE, f"properties.{name}", message, self._plan, planned.line, instead)

    def of_uses(self) -> Iterator[PlanFinding]:
        plan = self.coverage.plan
        lines = {("funnel", name): funnel.line for name, funnel in plan.funnels.items()}
        lines |= {("segment", name): segment.line for name, segment in plan.segments.items()}
        for covered in self.coverage.uses:
            use = covered.use
            names = (use.name, use.name.rpartition("/")[2])
            line = next((lines[(use.kind, name)] for name in names if (use.kind, name) in lines), None)
            if covered.covered is False and line is not None:
                lack = f" with {', '.join(f'`{name}`' for name in covered.lacking)}" if covered.lacking else ""
                verb = "arrives" if self.coverage.arrivals else "is in the code"
                message = f"no event{lack} {verb} for `{use.part}` of the {use.title}"
                yield PlanFinding(UNCOVERED_STEP, f"{use.kind}s.{use.name}.{use.part}", message, self._plan, line)

    def of_unread_calls(self) -> Iterator[PlanFinding]:
        for place in self.coverage.scan.unresolved if self.coverage.scan else ():
            subject = f"calls.{place.file}.{place.sink}"
            yield PlanFinding(UNREAD_CALL, subject, place.reason, place.file, place.line, place.instead)

    def _with(self, event: CoveredEvent, name: str) -> list[CallSite]:
        return [site for site in event.sites if any(prop.name == name for prop in site.properties)]

    def _always(self, site: CallSite, name: str) -> bool:
        planned = self.coverage.plan.properties.get(name)
        names = (name, *(planned.aliases if planned else ()))
        return any(prop.always and prop.name in names for prop in site.properties)

    def _at_sites(self, rule: Rule, event: CoveredEvent, message: str, instead: str = "") -> Iterator[PlanFinding]:
        return self._at(rule, f"events.{event.name}", event, event.sites, message, instead)

    def _at(
        self, rule: Rule, subject: str, event: CoveredEvent, sites: Sequence[CallSite], message: str, instead: str = ""
    ) -> Iterator[PlanFinding]:
        """At each of the sites; in the plan, where no code is known to be wrong."""
        for site in sites:
            yield PlanFinding(rule, subject, message, site.file, site.line, instead)
        if not sites:
            yield self._in_plan(rule, event, message, instead, subject)

    def _in_plan(
        self, rule: Rule, event: CoveredEvent, message: str, instead: str = "", subject: str = ""
    ) -> PlanFinding:
        line = event.planned.line if event.planned else 1
        return PlanFinding(rule, subject or f"events.{event.name}", message, self._plan, line, instead)

    @property
    def _plan(self) -> str:
        return self.coverage.plan.path.as_posix()


def _count(event: CoveredEvent) -> str:
    return plural(event.arrival.events if event.arrival else 0, "event")
