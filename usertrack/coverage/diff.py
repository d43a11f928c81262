"""Compares two states of plan and code: events and properties that appear, vanish or are renamed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from usertrack.coverage.names import near
from usertrack.coverage.uses import PlannedUse
from usertrack.plan.model import Plan, PlannedEvent
from usertrack.plan.scan.site import CallSite, Scan

Kind = Literal["vanishes", "renamed", "no longer always sent", "appears"]
_ORDER: tuple[Kind, ...] = ("vanishes", "renamed", "no longer always sent", "appears")
_NEARBY = 10  # lines by which a site may move and still be the same


@dataclass(frozen=True)
class Side:
    """One of the two states. ``plan`` is None where there was none."""

    plan: Plan | None
    scan: Scan

    @cached_property
    def sites(self) -> dict[str, list[CallSite]]:
        """The sites of each event or pattern in the code."""
        names: dict[str, list[CallSite]] = {}
        for site in self.scan.sites:
            names.setdefault(site.event or site.pattern or "", []).append(site)
        return names

    def properties(self, event: str) -> dict[str, bool]:
        """The properties that the code sends with ``event``, and whether each of its sites always does."""
        sent = [{prop.name: prop.always for prop in site.properties} for site in self.sites.get(event, ())]
        names = dict.fromkeys(name for properties in sent for name in properties)
        return {name: all(properties.get(name, False) for properties in sent) for name in names}


@dataclass(frozen=True)
class PlanChange:
    """``name`` is as it was, ``new_name`` what it is now (of a rename). ``event``: of a property, what carries it.

    ``place``: ``code`` or ``plan``. ``breaks`` are the uses that no longer get what they count.
    """

    kind: Kind
    place: Literal["code", "plan"]
    name: str
    new_name: str = ""
    event: str = ""
    file: str = ""
    line: int = 0
    breaks: Sequence[PlannedUse] = ()


def changes(old: Side, new: Side, uses: Iterable[PlannedUse] = ()) -> list[PlanChange]:
    """All changes, what breaks something first. ``uses`` are those of the workspace as it is."""
    every = [*_of_code(old, new, list(uses)), *_of_plan(old, new)]
    return sorted(
        every,
        key=lambda change: (not change.breaks, _ORDER.index(change.kind), change.event, change.name, change.place),
    )


def _of_code(old: Side, new: Side, uses: Sequence[PlannedUse]) -> Iterator[PlanChange]:
    before, after = old.sites, new.sites
    renamed = _renamed_events(old, new)
    for name in before:
        if name in after:
            yield from _of_properties(name, name, old, new, uses)
        elif name in renamed:
            site = after[renamed[name]][0]
            broken = _broken_by_event(name, after, uses)
            yield PlanChange("renamed", "code", name, renamed[name], "", site.file, site.line, broken)
            yield from _of_properties(name, renamed[name], old, new, uses)
        else:
            site = before[name][0]
            broken = _broken_by_event(name, after, uses)
            yield PlanChange("vanishes", "code", name, "", "", site.file, site.line, broken)
    for name in after:
        if name not in before and name not in renamed.values():
            site = after[name][0]
            yield PlanChange("appears", "code", name, "", "", site.file, site.line)


def _renamed_events(old: Side, new: Side) -> dict[str, str]:
    """By old name: what the new plan says, else a near name with the same properties or file, else the same site."""
    removed = [name for name in old.sites if name not in new.sites]
    added = [name for name in new.sites if name not in old.sites]
    renamed: dict[str, str] = {}
    for is_same in (_is_planned_so, _is_near, _is_same_site):
        for name in removed:
            candidates = [other for other in added if other not in renamed.values() and is_same(name, other, old, new)]
            if name not in renamed and candidates and (is_same is not _is_same_site or len(candidates) == 1):
                renamed[name] = (near(name, candidates) or candidates)[0]
    return renamed


def _is_planned_so(name: str, other: str, old: Side, new: Side) -> bool:
    return new.plan is not None and other in (new.plan.event_names.get(name), new.plan.replaced_by.get(name))


def _is_near(name: str, other: str, old: Side, new: Side) -> bool:
    same_file = {site.file for site in old.sites[name]} & {site.file for site in new.sites[other]}
    same_properties = old.properties(name).keys() == new.properties(other).keys()
    return bool(near(name, [other])) and (bool(same_file) or same_properties)


def _is_same_site(name: str, other: str, old: Side, new: Side) -> bool:
    """Return whether both are one call: same file, same properties, about the same line."""
    return old.properties(name).keys() == new.properties(other).keys() and any(
        (site.file, site.sink, tuple(site.chain)) == (now.file, now.sink, tuple(now.chain))
        and abs(site.line - now.line) <= _NEARBY
        for site in old.sites[name]
        for now in new.sites[other]
    )


def _broken_by_event(
    name: str, after: Mapping[str, Sequence[CallSite]], uses: Sequence[PlannedUse]
) -> list[PlannedUse]:
    """The uses of an event of which no other event is sent any more."""
    return [use for use in uses if name in use.events and not any(other in after for other in use.events)]


def _of_properties(name: str, now: str, old: Side, new: Side, uses: Sequence[PlannedUse]) -> Iterator[PlanChange]:
    before, after = old.properties(name), new.properties(now)
    removed, added = (
        [name for name in side if name not in other] for side, other in ((before, after), (after, before))
    )
    site = new.sites[now][0]
    for prop in removed:
        new_names = near(prop, added)[:1]
        kind: Kind = "renamed" if new_names else "vanishes"
        broken = [use for use in uses if name in use.events and prop in use.properties]
        yield PlanChange(kind, "code", prop, "".join(new_names), now, site.file, site.line, broken)
        added = [other for other in added if other not in new_names]
    for prop in before:
        if before[prop] and after.get(prop) is False:
            yield PlanChange("no longer always sent", "code", prop, "", now, site.file, site.line)
    for prop in added:
        yield PlanChange("appears", "code", prop, "", now, site.file, site.line)


def _of_plan(old: Side, new: Side) -> Iterator[PlanChange]:
    before, after = (side.plan.events if side.plan else {} for side in (old, new))
    files = [side.plan.path.name if side.plan else "" for side in (old, new)]
    successors = {**new.plan.replaced_by, **new.plan.event_names} if new.plan else {}
    for name, event in before.items():
        if name not in after and successors.get(name, "") not in before and name in successors:
            now = after[successors[name]]
            yield PlanChange("renamed", "plan", name, now.name, "", files[1], now.line)
        elif name not in after:
            yield PlanChange("vanishes", "plan", name, "", "", files[0], event.line)
        else:
            yield from _of_planned_properties(event, after[name], files[1])
    renamed = {successors[name] for name in before if name not in after and name in successors}
    for name, event in after.items():
        if name not in before and name not in renamed:
            yield PlanChange("appears", "plan", name, "", "", files[1], event.line)


def _of_planned_properties(old: PlannedEvent, new: PlannedEvent, file: str) -> Iterator[PlanChange]:
    before, after = ({use.name: use for use in event.properties} for event in (old, new))
    for name, use in before.items():
        if name not in after:
            yield PlanChange("vanishes", "plan", name, "", new.name, file, new.line)
        elif use.required and not after[name].required:
            yield PlanChange("no longer always sent", "plan", name, "", new.name, file, after[name].line)
    for name, use in after.items():
        if name not in before:
            yield PlanChange("appears", "plan", name, "", new.name, file, use.line)
