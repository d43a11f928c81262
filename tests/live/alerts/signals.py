"""Signals and routes for the tests of alerts."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from usertrack.live.alerts.matchers import parse_matcher
from usertrack.live.alerts.model import Signal, SignalState
from usertrack.live.alerts.notifications import Channel, Notifications, Route, Timing

T0 = datetime(2026, 11, 20, 9, tzinfo=UTC)
USUAL = Timing()


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


def route(name: str, *matchers: str, channels: tuple[str, ...], goes_on: bool = False) -> Route:
    return Route(name, tuple(map(parse_matcher, matchers)), channels, goes_on=goes_on)


def one_route(*channels: Channel, timing: Timing = USUAL) -> Notifications:
    """Every alert to all ``channels``."""
    route = Route("all", (), tuple(channel.name for channel in channels), timing)
    return Notifications({channel.name: channel for channel in channels}, (route,))
