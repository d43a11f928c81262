"""Who is told of which alerts, and when, as a function of time.

Nothing here reads a clock. `Router.receive` takes what alerts have become, `Router.due` returns the messages whose time
has come, and `Router.next_due` says when to ask again. Alerts of one person are one message, and so are incidents. A
channel is told that an alert fires, and that one of which it was told is over; what is less urgent, or beyond a budget,
comes in the channel's digest.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from usertrack.live.alerts.budgets import Rationing, Spending
from usertrack.live.alerts.incidents import Incidents, stands_for
from usertrack.live.alerts.life import Alert
from usertrack.live.alerts.model import INFO, urgency
from usertrack.live.alerts.notifications import RATIONED, Channel, Notifications
from usertrack.live.alerts.tracked import Tracked

_TOGETHER = timedelta(seconds=3)  # what one person meets at once is one message: longer than a page takes to fail twice
_PACE = timedelta(minutes=5)
"""Between two messages about a person, or about incidents: a broken release with 200 kinds of errors is one message."""

_SOONEST_DIGEST = timedelta(minutes=1)  # after one that had to wait, also with `digest: 0s`


class Reason(StrEnum):
    """Why a message is sent."""

    NEW = "new"
    RESOLVED = "resolved"
    DIGEST = "digest"
    ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True)
class Notification:
    """One message to one channel: alerts that fire, and alerts that are resolved since it was told of them.

    Attributes:
        person: whom it is about; "" for incidents and digests.
    """

    channel: str
    reason: Reason
    at: datetime
    person: str = ""
    firing: tuple[Alert, ...] = ()
    resolved: tuple[Alert, ...] = ()


@dataclass(frozen=True)
class Waiting:
    """Alerts of one person, or incidents, of which some channel may have to be told.

    Attributes:
        keys: of the alerts; empty where only the pace is kept.
        due: when to look at them.
        told_at: the time of the last message.
    """

    keys: frozenset[str]
    due: datetime
    told_at: datetime | None = None


@dataclass(frozen=True)
class Digest:
    """The keys of the alerts that a channel is told of together, and when."""

    due: datetime
    keys: tuple[str, ...]


class Router:
    """The alerts that matter and what waits to be told, in mappings that know what has changed; `store` writes that."""

    def __init__(self, settings: Notifications) -> None:
        self.settings = settings
        self.alerts: Tracked[Alert] = Tracked()
        self.waiting: Tracked[Waiting] = Tracked()  # by person; "" for incidents
        self.digests: Tracked[Digest] = Tracked()  # by channel
        self.spending: Tracked[Spending] = Tracked()
        self._rationing = Rationing(settings.budgets, self.spending)
        self._incidents = Incidents()

    # What comes in

    def receive(self, alert: Alert, now: datetime) -> None:
        """Take ``alert`` as it is now. Nobody is told of one that is pending or part of an incident."""
        former = self.alerts.get(alert.key)
        alert = replace(self._within_incident(alert, former), told=former.told if former else ())
        self.alerts[alert.key] = alert
        if alert.is_resolved and not alert.told:
            del self.alerts[alert.key]
        elif alert.is_resolved or (alert.is_firing and not (alert.incident and not alert.told)):
            self._wait(alert, now)

    def _within_incident(self, alert: Alert, former: Alert | None) -> Alert:
        """Return ``alert`` with the incident that stands for it. If it is one itself, it stands for open alerts."""
        self._incidents.update(alert)
        if alert.is_firing and not alert.person:
            for key, other in list(self.alerts.items()):
                if not other.is_resolved and not other.incident and stands_for(alert, other):
                    self.alerts[key] = replace(other, incident=alert.key)
        if alert.incident or alert.is_resolved:
            return alert
        of_before = former.incident if former and not former.is_resolved else ""
        return replace(alert, incident=of_before or self._incidents.of(alert))

    def _wait(self, alert: Alert, now: datetime) -> None:
        """Look at ``alert`` soon, together with what else is of the same person."""
        waiting = self.waiting.get(alert.person) or Waiting(frozenset(), now)
        due = now + _TOGETHER
        if waiting.told_at:
            due = max(due, waiting.told_at + _PACE)
        if waiting.keys:
            due = min(due, waiting.due)
        self.waiting[alert.person] = replace(waiting, keys=waiting.keys | {alert.key}, due=due)

    def restore(self, now: datetime) -> None:
        """Let firing alerts wait that a channel does not know yet. Called once the mappings are filled."""
        for alert in self.alerts.values():
            self._incidents.update(alert)
        for name in [name for name in self.digests if name not in self.settings.channels]:
            del self.digests[name]
        for alert in self.alerts.values():
            waiting = self.waiting.get(alert.person)
            if not (waiting and alert.key in waiting.keys) and any(
                self._is_news(alert, channel) for channel in self.settings.channels.values()
            ):
                self._wait(alert, now)

    # What goes out

    def next_due(self) -> datetime | None:
        """When `due` next has something to look at."""
        waiting = (waiting.due for waiting in self.waiting.values())
        return min((*waiting, *(digest.due for digest in self.digests.values())), default=None)

    def due(self, now: datetime) -> list[Notification]:
        """The messages whose time has come, the oldest first. What waited for long is told once."""
        self._rationing.forget(now)
        due = sorted((waiting.due, person) for person, waiting in self.waiting.items() if waiting.due <= now)
        messages = [message for _, person in due for message in self._tell(person, now)]
        return messages + self._tell_digests(now)

    def _tell(self, person: str, now: datetime) -> list[Notification]:
        waiting = self.waiting.take(person)
        alerts = [self._woken(key, now) for key in sorted(waiting.keys) if key in self.alerts]
        told = (self._message(channel, person, alerts, now) for channel in self.settings.channels.values())
        messages = [message for message in told if message]
        for alert in alerts:
            if alert.is_resolved:
                del self.alerts[alert.key]
        held = [alert for alert in alerts if self._is_held(alert, now)]
        told_at = now if messages else waiting.told_at
        if held:
            due = min(alert.snoozed_until or now + _PACE for alert in held)  # quiet hours are looked at again
            self.waiting[person] = Waiting(frozenset(alert.key for alert in held), due, told_at)
        elif told_at and told_at + _PACE > now:
            self.waiting[person] = Waiting(frozenset(), told_at + _PACE, told_at)
        return messages

    def _woken(self, key: str, now: datetime) -> Alert:
        """Return the alert; one whose snooze is over is news again, once."""
        alert = self.alerts[key]
        if alert.snoozed_until and not alert.is_resolved and not alert.is_snoozed(now):
            alert = self.alerts[key] = replace(alert, snoozed_until=None, snoozed_by="", told=())
        return alert

    def _is_held(self, alert: Alert, now: datetime) -> bool:
        """Whether it is snoozed, or the hours are quiet; its end is told all the same."""
        if alert.is_resolved or alert.incident:
            return False
        return alert.is_snoozed(now) or self.settings.quiet_hours.hold(alert.severity, now)

    def _is_news(self, alert: Alert, channel: Channel) -> bool:
        """Whether ``alert`` fires, is the channel's to know, and is neither told nor in its digest."""
        if not alert.is_firing or alert.incident or channel.name in alert.told:
            return False
        digest = self.digests.get(channel.name)
        return self.settings.tells(channel, alert) and not (digest and alert.key in digest.keys)

    def _message(self, channel: Channel, person: str, alerts: list[Alert], now: datetime) -> Notification | None:
        news = _sorted(alert for alert in alerts if self._is_news(alert, channel) and not self._is_held(alert, now))
        if channel.kind in RATIONED:
            urgent = [alert for alert in news if alert.severity != INFO]
            over = self._rationing.spend(channel.name, urgent, now)
            self._hold_back(channel.name, [alert for alert in news if alert not in urgent or alert in over], now)
            news = [alert for alert in urgent if alert not in over]
        is_end = channel.tells_resolved
        ended = _sorted(alert for alert in alerts if alert.is_resolved and channel.name in alert.told and is_end)
        self._note_told(channel.name, news)
        if not news and not ended:
            return None
        reason = Reason.NEW if news else Reason.RESOLVED
        return Notification(channel.name, reason, now, person, tuple(news), tuple(ended))

    def _note_told(self, channel: str, alerts: Iterable[Alert]) -> None:
        for alert in alerts:
            latest = self.alerts[alert.key]
            self.alerts[alert.key] = replace(latest, told=tuple(sorted({*latest.told, channel})))

    # Digests

    def _hold_back(self, channel: str, alerts: list[Alert], now: datetime) -> None:
        if alerts:
            digest = self.digests.get(channel) or Digest(now + self.settings.digest_every, ())
            self.digests[channel] = replace(digest, keys=(*digest.keys, *(alert.key for alert in alerts)))

    def put_off(self, channel: str, keys: Iterable[str], now: datetime) -> None:
        """Tell ``channel`` of these alerts in its digest, now: their own messages came too late."""
        digest = self.digests.get(channel)
        known = digest.keys if digest else ()
        if together := tuple(dict.fromkeys((*known, *keys))):
            self.digests[channel] = Digest(now, together)

    def _tell_digests(self, now: datetime) -> list[Notification]:
        full = [channel for channel, digest in self.digests.items() if digest.due <= now]
        return [message for channel in full if (message := self._tell_digest(channel, now))]

    def _tell_digest(self, channel: str, now: datetime) -> Notification | None:
        """Return a message with what still matters of the digest. Held alerts wait for the next one."""
        alerts = _sorted(self.alerts[key] for key in self.digests.take(channel).keys if key in self.alerts)
        unattended = [alert for alert in alerts if alert.is_firing and not alert.acknowledged_at and not alert.incident]
        later = [alert for alert in unattended if self._is_held(alert, now)]
        if later:
            due = now + max(self.settings.digest_every, _SOONEST_DIGEST)
            self.digests[channel] = Digest(due, tuple(alert.key for alert in later))
        news = tuple(alert for alert in unattended if alert not in later)
        self._note_told(channel, news)
        return Notification(channel, Reason.DIGEST, now, firing=news) if news else None


def _sorted(alerts: Iterable[Alert]) -> list[Alert]:
    return sorted(alerts, key=lambda alert: (urgency(alert.severity), alert.started_at, alert.key))
