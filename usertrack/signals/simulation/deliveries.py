"""The messages that signals would have become, by the same rules as live ones, in virtual time."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import heappop

from usertrack.alerts.life import Alert, after_signal
from usertrack.alerts.model import Signal
from usertrack.alerts.notifications import Channel, Notifications, usual_routes
from usertrack.alerts.router import Notification, Reason, Router, _group_of


@dataclass(frozen=True)
class Message:
    """A message to one channel. ``people`` are PostHog's ids; an incident's are not among them."""

    at: datetime
    channel: str
    reason: Reason
    patterns: tuple[str, ...]
    people: frozenset[str]


def with_one_channel(settings: Notifications) -> Notifications:
    """``settings`` as if there were one channel of Slack."""
    channel = Channel("slack", "slack", tells_resolved=False)
    return replace(settings, channels={channel.name: channel}, routes=usual_routes([channel.name], settings.timing))


class _PatientRouter(Router):
    """Does not look at a group again before it can have something to say: a month is over in seconds.

    A live router looks every ``group_interval``, since somebody may have silenced or acknowledged something. Here
    nobody does: a group whose alerts are all told sleeps until they are repeated, or one of them changes.
    """

    def receive(self, alert: Alert, now: datetime) -> None:
        for route in self.settings.routes_of(alert.labels):
            self._wake_up(_group_of(route, alert.labels)[0], route.timing.group_interval, now)
        super().receive(alert, now)

    def due(self, now: datetime) -> list[Notification]:
        """The same, but for looking through groups whose time has not come."""
        waiting = []
        while self._queue and self._queue[0][0] <= now:
            due, key = heappop(self._queue)
            if not self._is_stale(due, key):
                waiting.append(key)
        self._forget(now)
        messages = [message for key in dict.fromkeys(waiting) for message in self._flush(key, now)]
        return messages + self._tell_digests(now)

    def _wake_up(self, key: str, interval: timedelta, now: datetime) -> None:
        group = self.groups.get(key)
        if group and group.members and group.has_flushed and group.due - now > interval:
            self._set(key, replace(group, due=group.due - (group.due - now) // interval * interval))

    def _flush(self, key: str, now: datetime) -> list[Notification]:
        messages = super()._flush(key, now)
        group = self.groups[key]
        told = [
            self.told[name]
            for channel in self._routes[group.route].channels
            if (name := f"{channel}|{key}") in self.told
        ]
        if group.members and told and all(group.members <= each.firing for each in told):
            timing = self._routes[group.route].timing
            again = min(each.at for each in told) + timing.repeat_interval
            steps = max(1, -((now - again) // timing.group_interval))
            self._set(key, replace(group, due=now + steps * timing.group_interval))
        return messages


class Deliveries:
    """Takes signals in the order of their times; ``messages`` are those sent since ``since``."""

    def __init__(self, settings: Notifications, since: datetime) -> None:
        self._router = _PatientRouter(settings, since)
        self._alerts: dict[str, Alert] = {}
        self._since = since
        self.messages: list[Message] = []

    def receive(self, signals: Iterable[Signal]) -> None:
        for signal in signals:
            self.advance(signal.at)
            alert, _ = after_signal(self._alerts.get(signal.key), signal)
            self._alerts[signal.key] = alert
            self._router.receive(alert, signal.at)

    def advance(self, now: datetime) -> None:
        """Send what is due by ``now``, each message when its time comes."""
        while (due := self._router.next_due()) is not None and due <= now:
            self.messages += [_message(each) for each in self._router.due(due) if each.at >= self._since]


def _message(notification: Notification) -> Message:
    alerts = (*notification.firing, *notification.resolved)
    return Message(
        notification.at,
        notification.channel,
        notification.reason,
        tuple(dict.fromkeys(alert.pattern for alert in alerts)),
        frozenset(alert.person for alert in alerts if alert.person),
    )
