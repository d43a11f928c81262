"""The messages that signals would have become, by the same rules as live ones, in virtual time."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from usertrack.live.alerts.life import Alert, after_signal
from usertrack.live.alerts.model import Signal
from usertrack.live.alerts.notifications import Channel, Notifications
from usertrack.live.alerts.router import Notification, Reason, Router


@dataclass(frozen=True)
class SentMessage:
    """A message to one channel. ``people`` are PostHog's ids; an incident's are not among them."""

    at: datetime
    channel: str
    reason: Reason
    patterns: tuple[str, ...]
    people: frozenset[str]


def with_one_channel(settings: Notifications) -> Notifications:
    """``settings`` as if there were one channel of Slack."""
    channel = Channel("slack", "slack", tells_resolved=False)
    return replace(settings, channels={channel.name: channel}, channels_of={})


class Deliveries:
    """Takes signals in the order of their times; ``messages`` are those sent since ``since``."""

    def __init__(self, settings: Notifications, since: datetime) -> None:
        self._router = Router(settings)
        self._alerts: dict[str, Alert] = {}
        self._since = since
        self.messages: list[SentMessage] = []

    def receive(self, signals: Iterable[Signal]) -> None:
        for signal in signals:
            self.advance(signal.at)
            key = signal.key
            alert, _ = after_signal(self._alerts.get(key), _bare(signal))
            self._alerts[key] = alert
            self._router.receive(alert, signal.at)

    def advance(self, now: datetime) -> None:
        """Send what is due by ``now``, each message when its time comes."""
        while (due := self._router.next_due()) is not None and due <= now:
            self.messages += [_message(sent) for sent in self._router.due(due) if sent.at >= self._since]


def _bare(signal: Signal) -> Signal:
    """``signal`` without facts: when it is told, and with which others, does not depend on them."""
    return Signal(
        signal.pattern,
        signal.person,
        signal.session,
        signal.state,
        signal.at,
        signal.severity,
        "",
        {},
        signal.labels,
        (),
        signal.value,
    )


def _message(notification: Notification) -> SentMessage:
    alerts = (*notification.firing, *notification.resolved)
    return SentMessage(
        notification.at,
        notification.channel,
        notification.reason,
        tuple(dict.fromkeys(alert.pattern for alert in alerts)),
        frozenset(alert.person for alert in alerts if alert.person),
    )
