"""Signals and channels for the tests of alerts."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from usertrack.live.alerts.model import Signal, SignalState
from usertrack.live.alerts.notifications import Channel, Notifications

T0 = datetime(2026, 11, 20, 9, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def signal(
    pattern: str = "stuck",
    state: SignalState = SignalState.FIRING,
    *,
    person: str = "ada",
    session: str = "s1",
    after: float = 0,
    severity: str = "warning",
    because: str = "8 minutes on /export without progress",
    facts: Mapping[str, object] | None = None,
    **labels: str,
) -> Signal:
    """A signal ``after`` seconds after T0."""
    return Signal(pattern, person, session, state, at(after), severity, because, facts or {}, labels, ("uuid-1",))


def told_to(*channels: Channel) -> Notifications:
    """Every alert to all ``channels``."""
    return Notifications({channel.name: channel for channel in channels})
