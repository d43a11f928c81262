"""Which alerts are told in one message, when, and to whom: Alertmanager's rules, as a function of time.

Nothing here reads a clock. `Router.receive` takes what alerts have become, `Router.due` returns the messages whose time
has come, and `Router.next_due` says when to ask again. Alerts meet in groups: the first message of a group waits
``group_wait``, the next ones ``group_interval``, and one that says nothing new ``repeat_interval``. Alertmanager's
sources (0.25: dispatch.go, notify.go, inhibit.go) are followed to the letter where both have the same notion;
`tests/alerts/test_alertmanager.py` runs both.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from heapq import heappop, heappush

from usertrack.live.alerts.budgets import Rationing, Spending
from usertrack.live.alerts.incidents import Incidents, stands_for
from usertrack.live.alerts.inhibitor import Inhibitor
from usertrack.live.alerts.life import Alert
from usertrack.live.alerts.model import urgency
from usertrack.live.alerts.notifications import RATIONED, Notifications, Route, Silence
from usertrack.live.alerts.tracked import Tracked

_SWEEP = 30.0  # seconds: a group without alerts is forgotten at the next multiple of it, as in Alertmanager
_LOG_KEPT = timedelta(hours=1)  # beyond twice the repeat_interval
_LONGEST_KEPT = timedelta(days=30)  # of a group that ended unheard, under a silence
_SOONEST_DIGEST = timedelta(minutes=1)  # after one that had to wait


class Reason(StrEnum):
    """Why a message is sent."""

    NEW = "new"
    REPEAT = "repeat"
    RESOLVED = "resolved"
    DIGEST = "digest"
    ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True)
class Notification:
    """One message to one channel: alerts that fire, and alerts that are resolved since it was told of them."""

    channel: str
    group: str
    labels: Mapping[str, str]
    reason: Reason
    at: datetime
    firing: tuple[Alert, ...] = ()
    resolved: tuple[Alert, ...] = ()


@dataclass(frozen=True)
class Group:
    """Alerts that one route tells together. ``emptied_at``: since when it has none."""

    route: str
    labels: Mapping[str, str]
    members: frozenset[str]
    due: datetime
    has_flushed: bool = False
    emptied_at: datetime | None = None


@dataclass(frozen=True)
class LogEntry:
    """The last message to a channel about a group: keys of alerts that fired, and of those resolved."""

    at: datetime
    firing: frozenset[str]
    resolved: frozenset[str]


@dataclass(frozen=True)
class Digest:
    """The keys of the alerts for which a channel had no room, and when it is told of them."""

    due: datetime
    keys: tuple[str, ...]


class Router:
    """State of all groups, in mappings that know what has changed; `store` writes that."""

    def __init__(self, settings: Notifications, began_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self.settings = settings
        self.alerts: Tracked[Alert] = Tracked()
        self.groups: Tracked[Group] = Tracked()
        self.log: Tracked[LogEntry] = Tracked()  # by group and channel
        self.digests: Tracked[Digest] = Tracked()  # by channel
        self.spending: Tracked[Spending] = Tracked()
        self.silences: list[Silence] = []
        self._rationing = Rationing(settings.budgets, self.spending)
        self._inhibitor = Inhibitor(settings.inhibitions)
        self._incidents = Incidents()
        self._routes = {route.name: route for route in settings.routes}
        self._began_at = began_at
        self._queue: list[tuple[datetime, str]] = []  # of groups; an entry of another time is stale
        self._empty: set[str] = set()
        self._swept = -1.0

    # What comes in

    def receive(self, alert: Alert, now: datetime) -> None:
        """``alert`` as it is now. One that is pending, never fired, or is part of an incident is told to nobody."""
        alert = self._within_incident(alert)
        self.alerts[alert.key] = alert
        self._inhibitor.update(alert)
        if not alert.fired_at or not (alert.is_firing or alert.is_resolved):
            return
        if alert.incident and not self._is_awaited(alert):
            if alert.is_resolved:
                del self.alerts[alert.key]
            return
        for route in self.settings.routes_of(alert.labels):
            self._insert(route, alert, now)

    def _within_incident(self, alert: Alert) -> Alert:
        """``alert`` with the incident that stands for it; if it is one itself, it stands for those that are open."""
        self._incidents.update(alert)
        former = self.alerts.get(alert.key)
        if alert.is_firing and not alert.person:
            for key, other in list(self.alerts.items()):
                if not other.is_resolved and not other.incident and stands_for(alert, other):
                    self.alerts[key] = replace(other, incident=alert.key)
        if alert.incident or alert.is_resolved:
            return alert
        of_before = former.incident if former and not former.is_resolved else ""
        return replace(alert, incident=of_before or self._incidents.of(alert))

    def told_of(self, key: str) -> list[tuple[str, str]]:
        """(channel, group) of each channel that was told that this alert fires."""
        return [
            (channel, group)
            for name, entry in self.log.items()
            if key in entry.firing
            for channel, _, group in [name.partition("|")]
        ]

    def restore(self, now: datetime) -> None:
        """After the mappings were filled: groups of routes that are no more go, and firing alerts find their groups."""
        for alert in self.alerts.values():
            self._inhibitor.update(alert)
            self._incidents.update(alert)
        for key, group in list(self.groups.items()):
            if group.route not in self._routes:
                del self.groups[key]
            elif not all(member in self.alerts for member in group.members):
                self.groups[key] = replace(group, members=group.members & self.alerts.keys())
        for key, group in list(self.groups.items()):
            self._set(key, group if group.members or group.emptied_at else replace(group, emptied_at=now))
        for name, entry in list(self.log.items()):
            channel, _, key = name.partition("|")
            if channel not in self.settings.channels or (key not in self.groups and entry.at < now - _LONGEST_KEPT):
                del self.log[name]
        for alert in self.alerts.values():
            if alert.is_firing and not alert.incident:
                for route in self.settings.routes_of(alert.labels):
                    key, _ = _group_of(route, alert.labels)
                    if key not in self.groups or alert.key not in self.groups[key].members:
                        self._insert(route, alert, now)

    def _insert(self, route: Route, alert: Alert, now: datetime) -> None:
        key, labels = _group_of(route, alert.labels)
        group = self.groups.get(key)
        if group is None or self._is_over(group, now):
            group = Group(route.name, labels, frozenset(), now + route.timing.group_wait)
        due = group.due
        if group.emptied_at or (
            group.has_flushed and due > now
        ):  # it has kept its pace while there was nothing to tell
            due -= ((due - now) // route.timing.group_interval) * route.timing.group_interval
        if not group.has_flushed and (alert.fired_at or now) + route.timing.group_wait < now:
            due = now  # it has waited long enough elsewhere
        self._set(key, replace(group, members=group.members | {alert.key}, due=due, emptied_at=None))

    def _set(self, key: str, group: Group) -> None:
        self.groups[key] = group
        if group.emptied_at:
            self._empty.add(key)
        else:
            self._empty.discard(key)
            heappush(self._queue, (group.due, key))

    def _is_over(self, group: Group, now: datetime) -> bool:
        if group.emptied_at is None:
            return False
        sweeps = [(moment - self._began_at).total_seconds() // _SWEEP for moment in (group.emptied_at, now)]
        return sweeps[1] > sweeps[0]

    # What goes out

    def next_due(self) -> datetime | None:
        """When `due` next has something to look at."""
        while self._queue and self._is_stale(*self._queue[0]):
            heappop(self._queue)
        first = [self._queue[0][0]] if self._queue else []
        return min([*first, *(digest.due for digest in self.digests.values())], default=None)

    def _is_stale(self, due: datetime, key: str) -> bool:
        group = self.groups.get(key)
        return group is None or group.emptied_at is not None or group.due != due

    def due(self, now: datetime) -> list[Notification]:
        """The messages whose time has come, oldest group first. A group that waited for long is told of once."""
        self._forget(now)
        messages = []
        while self._queue and self._queue[0][0] <= now:
            due, key = heappop(self._queue)
            if not self._is_stale(due, key):
                messages += self._flush(key, now)
        return messages + self._tell_digests(now)

    def _flush(self, key: str, now: datetime) -> list[Notification]:
        group = self.groups[key]
        route = self._routes[group.route]
        members = [self.alerts[member] for member in sorted(group.members)]
        messages = self._messages(key, group, route, members, now)
        left = frozenset(alert.key for alert in members if not alert.is_resolved)
        emptied_at = None if left else group.emptied_at or now
        due = self._next_tick(key, route, left, now) if len(left) == len(members) else now + route.timing.group_interval
        self._set(key, replace(group, members=left, due=due, has_flushed=True, emptied_at=emptied_at))
        self._let_go(alert for alert in members if alert.is_resolved)
        return messages

    def _next_tick(self, key: str, route: Route, members: frozenset[str], now: datetime) -> datetime:
        """When to look at the group again if nothing comes in: where everybody was told, when to repeat that."""
        interval, repeat = route.timing.group_interval, route.timing.repeat_interval
        entries = [self.log.get(_log_key(key, channel)) for channel in route.channels]
        repeats = [entry.at + repeat for entry in entries if entry and members == entry.firing]
        if len(repeats) < len(entries) or any(self.alerts[member].snoozed_until for member in members):
            return now + interval
        waits = -((now - min(repeats, default=now)) // interval)  # rounded up to the pace of the group
        return now + max(1, waits) * interval

    def _let_go(self, resolved: Iterable[Alert]) -> None:
        """Forget alerts that no group waits to tell of; the store keeps them."""
        for alert in resolved:
            if not self._is_awaited(alert) and not any(alert.key in digest.keys for digest in self.digests.values()):
                del self.alerts[alert.key]

    def _is_awaited(self, alert: Alert) -> bool:
        """Whether a group waits to tell of it, or of its end."""
        keys = (_group_of(route, alert.labels)[0] for route in self.settings.routes_of(alert.labels))
        return any(alert.key in self.groups[key].members for key in keys if key in self.groups)

    def _messages(
        self, key: str, group: Group, route: Route, members: list[Alert], now: datetime
    ) -> list[Notification]:
        audible = [alert for alert in members if not self._is_muted(alert, now)]
        held = frozenset(alert.key for alert in audible if self._is_held(alert, now))
        alerts = [alert for alert in audible if alert.key not in held]
        if not alerts:
            return []
        self._wake(key, route, alerts, now)
        messages = [self._message(key, group, route, channel, alerts, held, now) for channel in route.channels]
        return [message for message in messages if message]

    def _is_muted(self, alert: Alert, now: datetime) -> bool:
        """Return whether ``alert`` is muted. As in Alertmanager, the end of a muted alert is not told either."""
        if any(silence.mutes(alert.labels, now) for silence in self.silences):
            return True
        return self._inhibitor.mutes(alert)

    def _is_held(self, alert: Alert, now: datetime) -> bool:
        """Whether an incident stands for it, it is snoozed, or the hours are quiet; its end is told all the same."""
        if alert.is_resolved:
            return False
        return bool(alert.incident) or alert.is_snoozed(now) or self.settings.quiet_hours.mute(alert.labels, now)

    def _wake(self, key: str, route: Route, alerts: list[Alert], now: datetime) -> None:
        """Alerts whose snooze is over are news again, once."""
        awake = {alert.key for alert in alerts if alert.snoozed_until and not alert.is_resolved}
        for alert_key in awake:
            self.alerts[alert_key] = replace(self.alerts[alert_key], snoozed_until=None, snoozed_by="")
        for name in (_log_key(key, channel) for channel in route.channels):
            if awake and (entry := self.log.get(name)):
                self.log[name] = replace(entry, firing=entry.firing - awake)

    def _message(
        self, key: str, group: Group, route: Route, name: str, alerts: list[Alert], held: frozenset[str], now: datetime
    ) -> Notification | None:
        channel = self.settings.channels[name]
        entry = self.log.get(_log_key(key, name))
        former = entry.firing if entry else frozenset()
        alerts = [alert for alert in alerts if not (alert.is_resolved and alert.incident) or alert.key in former]
        if not alerts:
            return None
        firing = frozenset(alert.key for alert in alerts if not alert.is_resolved)
        resolved = frozenset(alert.key for alert in alerts if alert.is_resolved)
        unattended = any(not alert.acknowledged_at for alert in alerts if not alert.is_resolved)
        again = now - route.timing.repeat_interval if unattended else datetime.min.replace(tzinfo=UTC)
        reason = _reason(entry, firing, resolved, again, tells_resolved=channel.tells_resolved)
        if not reason:
            return None
        self.log[_log_key(key, name)] = LogEntry(now, firing | (former & held), resolved)
        listed = [alert for alert in _sorted(alerts) if not alert.is_resolved]
        news = [alert for alert in listed if reason is Reason.REPEAT or alert.key not in former]
        if channel.kind in RATIONED and news:
            over = self._rationing.spend(name, news, now)
            self._hold_back(name, over, now)
            unaffordable = {alert.key for alert in over}
            listed = [alert for alert in listed if alert.key not in unaffordable]
            if len(over) == len(news):
                listed, reason = [], Reason.RESOLVED
        ended = _sorted(alert for alert in alerts if alert.is_resolved) if channel.tells_resolved else []
        if not listed and not ended:
            return None
        return Notification(name, key, group.labels, reason, now, tuple(listed), tuple(ended))

    # Digests

    def _hold_back(self, channel: str, alerts: list[Alert], now: datetime) -> None:
        if alerts:
            digest = self.digests.get(channel) or Digest(now + self.settings.digest_every, ())
            keys = dict.fromkeys((*digest.keys, *(alert.key for alert in alerts)))
            self.digests[channel] = replace(digest, keys=tuple(keys))

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
        """Return a message with what still matters of the digest. Muted and held alerts wait for the next one."""
        alerts = _sorted(self.alerts[key] for key in self.digests.take(channel).keys if key in self.alerts)
        self._let_go(alert for alert in alerts if alert.is_resolved)
        unattended = [alert for alert in alerts if alert.is_firing and not alert.acknowledged_at and not alert.incident]
        later = [alert for alert in unattended if self._is_muted(alert, now) or self._is_held(alert, now)]
        if later:
            due = now + max(self.settings.digest_every, _SOONEST_DIGEST)
            self.digests[channel] = Digest(due, tuple(alert.key for alert in later))
        news = tuple(alert for alert in unattended if alert not in later)
        return Notification(channel, "", {}, Reason.DIGEST, now, news) if news else None

    def _forget(self, now: datetime) -> None:
        """Drop records on which no message depends any more. Called once a sweep."""
        sweep = (now - self._began_at).total_seconds() // _SWEEP
        if sweep == self._swept:
            return
        self._swept = sweep
        for key in [key for key in self._empty if self._is_over(self.groups[key], now)]:
            self._empty.discard(key)
            group = self.groups.take(key)
            oldest = now - 2 * self._routes[group.route].timing.repeat_interval - _LOG_KEPT
            for channel in self._routes[group.route].channels:
                entry = self.log.get(_log_key(key, channel))
                if entry and (entry.at < oldest or not entry.firing):
                    del self.log[_log_key(key, channel)]
        self._rationing.forget(now)


def _reason(
    entry: LogEntry | None, firing: frozenset[str], resolved: frozenset[str], again: datetime, *, tells_resolved: bool
) -> Reason | None:
    """Why a channel is to be told now, as Alertmanager decides it (DedupStage.needsUpdate); None where it is not."""
    if entry is None:
        return Reason.NEW if firing else None
    if not firing <= entry.firing:
        return Reason.NEW
    if not firing:
        return Reason.RESOLVED if entry.firing else None
    if tells_resolved and not resolved <= entry.resolved:
        return Reason.RESOLVED
    return Reason.REPEAT if entry.at <= again else None


_to_json = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def _group_of(route: Route, labels: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The key of the group of an alert with these ``labels``, and the labels that it is of."""
    by = route.timing.group_by
    own = dict(labels) if by == ("...",) else {name: labels[name] for name in by if name in labels}
    return f"{route.name}:{_to_json(own)}", own


def _log_key(group: str, channel: str) -> str:
    return f"{channel}|{group}"


def _sorted(alerts: Iterable[Alert]) -> list[Alert]:
    return sorted(alerts, key=lambda alert: (urgency(alert.severity), alert.started_at, alert.key))
