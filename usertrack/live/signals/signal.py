"""A signal of a pattern, the engine's output, with its reason, facts and labels."""

from typing import Any

from usertrack.live.alerts.model import Signal, SignalState
from usertrack.live.signals.audience import Audience
from usertrack.live.signals.compiled import FIELDS, Compiled
from usertrack.live.signals.conditions import TimeWatch
from usertrack.live.signals.incidents import Burst
from usertrack.live.signals.instances import Instance, Phase, WatchedPerson
from usertrack.live.signals.whereabouts import IDLE_SECONDS, TabVisit
from usertrack.live.signals.wording import moment, reason

_PER_LABEL = ("route", *FIELDS)
_IN_KEY = ("tab", *_PER_LABEL)
_LABELS = ("tier", *FIELDS)

STATES = {
    Phase.IDLE: SignalState.RESOLVED,
    Phase.PENDING: SignalState.PENDING,
    Phase.FIRING: SignalState.FIRING,
    Phase.RECOVERING: SignalState.RECOVERING,
}
"""What is said when an instance comes to a phase."""


def person_signal(
    person: WatchedPerson,
    instance: Instance,
    state: SignalState,
    at: float,
    audience: Audience,
    because: str = "",
) -> Signal:
    """Return a signal about one person at ``at``. ``because`` goes before the pattern's own reason."""
    compiled = instance.compiled
    pattern = compiled.pattern
    visit = person.tabs.get(instance.value) or person.visit
    quiet = at - person.last_at if at > person.last_at else 0.0
    facts: dict[str, Any] = {
        **audience.facts(person.id),
        "page": instance.page or (visit.route if visit else "") or None,
        "seconds_on_page": _seconds_on_page(compiled, visit, at) if visit and visit.open else None,
        "events": person.events,
        "errors": person.errors,
        "last_active_at": moment(person.last_at),
        "quiet_minutes": int(quiet // 60),
        "quiet_days": int(quiet // 86_400),
        "session": person.session,
    }
    instance.add_facts(facts, person)
    for name, value in instance.properties.items():
        if value is not None and value != "":
            facts[name] = value
    if pattern.per in _PER_LABEL:
        facts[pattern.per] = instance.value
    labels = {"pattern": pattern.id, "severity": pattern.severity, "route": str(facts["page"] or "")}
    for name in _LABELS:
        if value := facts.get(name):
            labels[name] = str(value)
    return Signal(
        pattern=pattern.id,
        person=person.id,
        session=(instance.session or person.session) if pattern.per in ("session", "tab") else "",
        state=state,
        at=moment(at),
        severity=pattern.severity,
        because=because or reason(pattern.because or pattern.name, facts),
        facts=facts,
        labels=labels,
        events=instance.evidence() or (person.last_uuid,),
        value=instance.value if pattern.per in _IN_KEY else "",
    )


def _seconds_on_page(compiled: Compiled, visit: TabVisit, at: float) -> int:
    """For how long, as the pattern counts it: since the page was opened, or visibly without progress."""
    if any(isinstance(watch, TimeWatch) and not watch.leaf.visible for watch in compiled.watches):
        return round(at - visit.entered)
    return round(visit.total - visit.progress + min(max(0.0, at - visit.last), IDLE_SECONDS))


def incident_signal(compiled: Compiled, value: str, burst: Burst, state: SignalState, at: float) -> Signal:
    """Return a signal about many people at once; its ``person`` is ""."""
    pattern = compiled.pattern
    facts = {**burst.properties, "people": len(burst.people), "page": burst.route or None}
    if pattern.per in _PER_LABEL:
        facts[pattern.per] = value
    labels = {"pattern": pattern.id, "severity": "critical", "route": burst.route, "incident": "yes"}
    labels |= {name: str(facts[name]) for name in FIELDS if facts.get(name)}
    what = facts.get("message") or value or pattern.name
    return Signal(
        pattern=pattern.id,
        person="",
        session="",
        state=state,
        at=moment(at),
        severity="critical",
        because=f"{len(burst.people)} people met the same: “{what}”",
        facts=facts,
        labels=labels,
        events=burst.evidence(),
        value=value,
    )
