"""The properties of events, persons and groups: which are planned, which the code sends, and how many have them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from usertrack.coverage.arrivals import Arrivals, PropertyPresence
from usertrack.coverage.events import CoveredEvent
from usertrack.coverage.names import near
from usertrack.plan.conform import is_of_sdk
from usertrack.plan.model import Plan, PlannedProperty
from usertrack.plan.scan.site import CallSite, ProfileSite, Scan

ALWAYS = 0.99
"""From this share on a required property counts as there: old clients go on for a while."""


@dataclass(frozen=True)
class CoveredProperty:
    """One property of an event, of persons or of groups; ``of`` is the event, ``person``, or the type of the group.

    ``sending`` of the event's ``sites`` write it down, ``always``: all of them without a condition. None: not known.
    ``presence`` is of the events since the release, or of the active persons or groups; None where the data was not
    asked. ``near``: planned names that an unplanned one may have been meant to be.
    """

    of: str
    name: str
    planned: bool
    required: bool = False
    sites: int = 0
    sending: int = 0
    always: bool | None = None
    presence: PropertyPresence | None = None
    near: Sequence[str] = ()

    @property
    def complete(self) -> bool | None:
        """Whether all that should have it do; None where nothing could."""
        rate = self.presence.rate if self.presence else None
        return None if rate is None else rate >= ALWAYS


def event_properties(events: Sequence[CoveredEvent], plan: Plan) -> list[CoveredProperty]:
    """The properties of planned events: what the plan lists, then what the code or the data has besides.

    An event of which the plan lists no property but those of its scopes may have any.
    """
    used = (use.name for event in plan.events.values() for use in event.properties)
    planned = list(dict.fromkeys([*plan.properties, *used]))
    near_names = cache(lambda name: tuple(near(name, planned)))
    return [row for event in events if event.counts for row in _of_event(event, plan.property_aliases, near_names)]


def _of_event(
    event: CoveredEvent, aliases: Mapping[str, str], near_names: Callable[[str], tuple[str, ...]]
) -> Iterator[CoveredProperty]:
    assert event.planned
    uses = {use.name: use.required for use in event.planned.properties}
    seen = [name for site in event.sites for name in _sent(site, aliases)]
    arrived = event.arrival.properties if event.arrival and event.in_data else {}
    is_open = all(use.scope for use in event.planned.properties)
    besides = [] if is_open else [name for name in {*seen, *arrived} if name not in uses and not is_of_sdk(name)]
    for name in (*uses, *sorted(besides)):
        sent = [_sent(site, aliases).get(name) for site in event.sites]
        is_planned = name in uses
        yield CoveredProperty(
            of=event.name,
            name=name,
            planned=is_planned,
            required=uses.get(name, False),
            sites=len(sent),
            sending=sum(always is not None for always in sent),
            always=all(sent) if sent else None,
            presence=PropertyPresence(arrived.get(name, 0), event.arrival.total)
            if event.arrival and event.in_data
            else None,
            near=() if is_planned else near_names(name),
        )


def _sent(site: CallSite, aliases: Mapping[str, str]) -> dict[str, bool]:
    """The properties of a site by their names in the plan, and whether they are always there."""
    return {aliases.get(prop.name, prop.name): prop.always for prop in site.properties}


def person_properties(plan: Plan, scan: Scan | None, arrivals: Arrivals | None) -> list[CoveredProperty]:
    sites = [site for site in (scan.profiles if scan else ()) if site.of == "person"]
    return [
        _of_somebody("person", prop, sites, arrivals.persons.get(prop.name, PropertyPresence()) if arrivals else None)
        for prop in plan.person_properties.values()
    ]


def group_properties(plan: Plan, scan: Scan | None, arrivals: Arrivals | None) -> list[CoveredProperty]:
    """A site whose type of group could not be read may be of any."""
    sites = [site for site in (scan.profiles if scan else ()) if site.of == "group"]
    return [
        _of_somebody(
            kind,
            prop,
            [site for site in sites if site.group_type in (kind, None)],
            _of_group(arrivals, kind, prop.name) if arrivals else None,
        )
        for kind, properties in plan.group_properties.items()
        for prop in properties.values()
    ]


def _of_group(arrivals: Arrivals, kind: str, name: str) -> PropertyPresence:
    """A property that no group has is in no row; how many groups there are, is in the row without a property."""
    total = arrivals.groups.get((kind, ""), PropertyPresence()).total
    return arrivals.groups.get((kind, name), PropertyPresence(0, total))


def _of_somebody(
    of: str, planned: PlannedProperty, sites: Sequence[ProfileSite], presence: PropertyPresence | None
) -> CoveredProperty:
    """A property of persons or groups: one site that sets it is enough.

    Where there is none, it is not in the code; it is not known where a site may set others than those that were read.
    """
    sending = sum(not set(planned.names).isdisjoint(site.properties) for site in sites)
    always = None if not sites else True if sending else False if all(site.is_complete for site in sites) else None
    return CoveredProperty(of, planned.name, True, False, len(sites), sending, always, presence)
