"""The life of an alert: pending, firing, acknowledged, snoozed, recovering, resolved, reopened; with time and who."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from usertrack.live.alerts.codec import jsonable
from usertrack.live.alerts.model import Signal, SignalState

ENGINE = ""
"""Who changed an alert where nobody did: the engine of patterns."""

_CLAIMED = ("claimed_", "$claimed", "unsigned_")


class AlertState(StrEnum):
    PENDING = "pending"
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    RECOVERING = "recovering"
    RESOLVED = "resolved"
    REOPENED = "reopened"


@dataclass(frozen=True, slots=True)
class AlertChange:
    """One step of an alert's life. ``at`` is when it was so, ``recorded_at`` when we learned of it; both are UTC."""

    key: str
    state: AlertState
    at: datetime
    recorded_at: datetime
    who: str = ENGINE
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """The present state of one alert. Its labels stay as they were when it fired; its facts are the latest."""

    key: str
    pattern: str
    person: str
    session: str
    severity: str
    because: str
    facts: Mapping[str, object]
    labels: Mapping[str, str]
    events: tuple[str, ...]
    signal: SignalState
    started_at: datetime
    """When it became pending or, without that, fired; of the latest time that it did."""

    updated_at: datetime
    fired_at: datetime | None = None
    resolved_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    snoozed_until: datetime | None = None
    snoozed_by: str = ""
    reopened: int = 0
    """How many times it fired again after it was resolved."""

    incident: str = ""
    """The key of the incident that stands for it, until it is resolved: nobody is told of it on its own."""

    told: tuple[str, ...] = ()
    """The channels that were told that it fires."""

    @property
    def is_resolved(self) -> bool:
        return self.signal is SignalState.RESOLVED

    @property
    def is_firing(self) -> bool:
        """Whether somebody should know of it: it recovers at the most, and is not pending any more."""
        return self.signal in (SignalState.FIRING, SignalState.RECOVERING)

    def is_snoozed(self, now: datetime) -> bool:
        return self.snoozed_until is not None and now < self.snoozed_until

    def state(self, now: datetime) -> AlertState:
        if self.signal in (SignalState.PENDING, SignalState.RESOLVED):
            return AlertState(self.signal.value)
        if self.is_snoozed(now):
            return AlertState.SNOOZED
        if self.signal is SignalState.RECOVERING:
            return AlertState.RECOVERING
        if self.acknowledged_at:
            return AlertState.ACKNOWLEDGED
        return AlertState.REOPENED if self.reopened else AlertState.FIRING


def after_signal(alert: Alert | None, signal: Signal) -> tuple[Alert, AlertState]:
    """``alert``, or None where there was none, as ``signal`` leaves it, and the state to record.

    What is resolved begins anew when it is pending or fires; that it recovers, or is over, too, is no news of it.
    """
    if alert and alert.is_resolved and signal.state in (SignalState.RECOVERING, SignalState.RESOLVED):
        return alert, AlertState(signal.state.value)
    fresh = _fresh(signal)
    if alert is None or alert.is_resolved:
        again = alert.reopened + (alert.fired_at is not None) if alert else 0
        return replace(fresh, reopened=again), fresh_state(signal.state, again)
    earlier = alert.signal
    changed = replace(
        alert,
        because=signal.because or alert.because,
        facts={**alert.facts, **fresh.facts},
        events=signal.events or alert.events,
        signal=signal.state,
        updated_at=signal.at,
        fired_at=alert.fired_at or fresh.fired_at,
        resolved_at=fresh.resolved_at,
    )
    if earlier is SignalState.PENDING and signal.state is SignalState.FIRING:
        changed = replace(changed, labels=fresh.labels, severity=signal.severity, started_at=alert.started_at)
    return changed, fresh_state(signal.state, alert.reopened)


def fresh_state(state: SignalState, times_reopened: int) -> AlertState:
    if state is SignalState.FIRING and times_reopened:
        return AlertState.REOPENED
    return AlertState(state.value)


def acknowledged(alert: Alert, who: str, now: datetime) -> Alert:
    return replace(alert, acknowledged_at=now, acknowledged_by=who, snoozed_until=None, snoozed_by="")


def snoozed(alert: Alert, who: str, until: datetime) -> Alert:
    return replace(alert, snoozed_until=until, snoozed_by=who)


def resolved(alert: Alert, now: datetime) -> Alert:
    """Resolved by somebody; the engine's next signal that it fires reopens it."""
    return replace(alert, signal=SignalState.RESOLVED, resolved_at=now, updated_at=now, snoozed_until=None)


def _fresh(signal: Signal) -> Alert:
    own = {"pattern": signal.pattern, "person": signal.person, "session": signal.session, "severity": signal.severity}
    return Alert(
        key=signal.key,
        pattern=signal.pattern,
        person=signal.person,
        session=signal.session,
        severity=signal.severity,
        because=signal.because,
        facts=known_facts(signal.facts),
        labels={**known_labels(signal.labels), **own},
        events=signal.events,
        signal=signal.state,
        started_at=signal.at,
        updated_at=signal.at,
        fired_at=signal.at if signal.state in (SignalState.FIRING, SignalState.RECOVERING) else None,
        resolved_at=signal.at if signal.state is SignalState.RESOLVED else None,
    )


def known_facts(facts: Mapping[str, object]) -> dict[str, object]:
    """``facts`` without what a browser only claims: an unsigned e-mail or tier is told to nobody."""
    return {name: jsonable(value) for name, value in facts.items() if not name.startswith(_CLAIMED)}


def known_labels(labels: Mapping[str, str]) -> dict[str, str]:
    return {name: str(value) for name, value in labels.items() if not name.startswith(_CLAIMED)}
