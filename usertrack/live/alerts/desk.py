"""The desk takes the engine's signals, keeps the alerts they are about, and puts what is to be told into the outbox.

One process watches; any number may list, acknowledge, snooze and resolve meanwhile, which it heeds at its next step.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.live.alerts import life
from usertrack.live.alerts.backlog import condense
from usertrack.live.alerts.budgets import Spending
from usertrack.live.alerts.codec import decode, encode
from usertrack.live.alerts.erasure import expire_by
from usertrack.live.alerts.life import Alert, AlertChange, AlertState
from usertrack.live.alerts.model import Signal, SignalState
from usertrack.live.alerts.notifications import PATTERN, Notifications
from usertrack.live.alerts.router import Digest, Notification, Reason, Router, Waiting
from usertrack.live.alerts.store import AlertStore, stamp
from usertrack.live.alerts.tracked import Tracked

_SOON = timedelta(seconds=1)
_EXPIRES_EVERY = timedelta(hours=1)


class TooLateError(UsageError):
    """The alert was handled by somebody else meanwhile, or is over."""


class Desk:
    """Every method that changes something is one transaction."""

    def __init__(self, store: AlertStore, settings: Notifications) -> None:
        self.store = store
        self.settings = settings
        self._router = Router(settings)
        self._expired_at: datetime | None = None

    # Of the watcher

    def receive(self, signals: Iterable[Signal], now: datetime) -> int:
        """Take what the engine says. The same signal counts once, however often it comes. Returns how many were new."""
        with self._step(now):
            return sum(self._take(signal, now) for signal in signals)

    def _take(self, signal: Signal, now: datetime) -> bool:
        if self.store.knows(signal.key, signal.at, signal.state):
            return False
        former = self._current(signal.key)
        alert, state = life.after_signal(former, signal)
        self.store.add_change(AlertChange(signal.key, state, signal.at, now), signal.state)
        if alert is not former:
            self.store.put(alert, is_routed=True)
            self._router.receive(alert, now)
        return True

    def tick(self, now: datetime) -> list[Notification]:
        """Put the messages whose time has come into the outbox, and return them; delete what is kept no longer."""
        with self._step(now):
            notifications = self._router.due(now)
            for notification in notifications:
                self._enqueue(notification)
            condense(self.store, self._router, self.settings, now)
        if self._expired_at is None or now - self._expired_at >= _EXPIRES_EVERY:
            expire_by(self.store, self.settings.alerts_kept, self.settings.messages_kept, now)
            self._expired_at = now
        return notifications

    def tell_of_patterns(self, problem: str, now: datetime) -> None:
        """Tell people, by the channels of a warning, that a change of patterns.yaml does not run.

        Pagers are left out: nothing would resolve the incident there.
        """
        labels = {PATTERN: "patterns.yaml", "severity": "warning"}
        because = f"a change of patterns.yaml does not run, and the previous patterns stay active: {problem}"
        told = Alert(
            key=f"patterns.yaml:{now.isoformat()}",
            pattern=labels[PATTERN],
            person="",
            session="",
            severity=labels["severity"],
            because=because,
            facts={"name": "usertrack alerts watch"},
            labels=labels,
            events=(),
            signal=SignalState.FIRING,
            started_at=now,
            updated_at=now,
            fired_at=now,
        )
        with self._step(now):
            for channel in self.settings.channels.values():
                if channel.kind in ("slack", "email", "webhook") and self.settings.tells(channel, told):
                    self._enqueue(Notification(channel.name, Reason.NEW, now, firing=(told,)))

    def next_due(self, now: datetime) -> datetime:
        """When `tick` is to be called next, at the latest."""
        return self._router.next_due() or now + _SOON

    # Of people

    def acknowledge(self, key: str, who: str, now: datetime, comment: str = "") -> Alert:
        """Somebody looks after it: no digest has it any more. Raises TooLateError where somebody else was faster."""
        change = AlertChange(key, AlertState.ACKNOWLEDGED, now, now, who, comment)
        return self._changed(change, lambda alert: life.acknowledged(alert, who, now))

    def snooze(self, key: str, until: datetime, who: str, now: datetime, comment: str = "") -> Alert:
        """Nobody is told of it until then; if it still fires, they are told again."""
        if until <= now:
            raise UsageError("a snooze ends in the future", "write 30m, 2h or 1d")
        change = AlertChange(key, AlertState.SNOOZED, now, now, who, comment)
        return self._changed(change, lambda alert: life.snoozed(alert, who, until))

    def resolve(self, key: str, who: str, now: datetime, comment: str = "") -> Alert:
        """It is over, says somebody; if it fires again, it is reopened."""
        change = AlertChange(key, AlertState.RESOLVED, now, now, who, comment)
        return self._changed(change, lambda alert: life.resolved(alert, now))

    def _changed(self, change: AlertChange, step: Callable[[Alert], Alert]) -> Alert:
        with self._step(change.at):
            alert = self.alert(change.key)
            if alert.is_resolved:
                hint = "`usertrack alerts list` shows what is open"
                raise TooLateError(f"the alert '{change.key}' is resolved", hint)
            if change.state is AlertState.ACKNOWLEDGED and alert.acknowledged_at:
                raise TooLateError(f"{alert.acknowledged_by} looks after the alert '{change.key}' already")
            alert = step(alert)
            self.store.add_change(change)
            self.store.put(alert, is_routed=True)
            self._router.receive(alert, change.at)
            if change.state is AlertState.ACKNOWLEDGED:
                self._tell_acknowledged(alert, change.at)
        return alert

    def _tell_acknowledged(self, alert: Alert, now: datetime) -> None:
        for channel in self.settings.channels.values():
            if channel.name in alert.told and channel.tells_acknowledged:
                self._enqueue(Notification(channel.name, Reason.ACKNOWLEDGED, now, alert.person, (alert,)))

    # What is

    def alerts(self, *, everything: bool = False) -> list[Alert]:
        """Return open alerts, or all that are kept, the latest first. An incident stands for its people's alerts."""
        if everything:
            return self.store.alerts()
        return [alert for alert in self.store.alerts("is_open") if not alert.incident]

    def within_incidents(self) -> list[Alert]:
        """Return the open alerts for which an incident stands."""
        return [alert for alert in self.store.alerts("is_open") if alert.incident]

    def alert(self, key: str) -> Alert:
        """Raises UsageError with near misses."""
        alert = self._current(key)
        if alert is None:
            known = [alert.key for alert in self.store.alerts("is_open")]
            raise UsageError(
                f"there is no alert '{key}'", did_you_mean(key, known, "`usertrack alerts list` shows them")
            )
        return alert

    def _current(self, key: str) -> Alert | None:
        return self._router.alerts.get(key) or self.store.alert(key)

    # Between the router and the file

    @contextmanager
    def _step(self, now: datetime) -> Iterator[None]:
        """One transaction, in which the router is as the file says, and the file then as the router does."""
        try:
            with self.store.transaction():
                self._refresh(now)
                yield
                self._write()
        except BaseException:
            self.store.forget_version()  # what the router has in mind did not happen
            raise

    def _enqueue(self, notification: Notification) -> None:
        self.store.connection.execute(
            "INSERT INTO outbox (uuid, channel, grouped, state, created_at, body) VALUES (?, ?, ?, 'waiting', ?, ?)",
            [
                str(uuid.uuid4()),
                notification.channel,
                notification.person,
                stamp(notification.at),
                encode(notification),
            ],
        )

    def _refresh(self, now: datetime) -> None:
        """Read everything anew if another process wrote; called within a transaction."""
        if not self.store.changed_elsewhere():
            return
        self._router = router = Router(self.settings)
        for alert in self.store.alerts("is_routed"):
            router.alerts.load(alert.key, alert)
        for kind, name, body in self.store.connection.execute("SELECT kind, name, body FROM routing").fetchall():
            mapping, record = _mappings(router)[kind]
            mapping.load(name, decode(record, body))
        router.restore(now)

    def _write(self) -> None:
        for key in self._router.alerts.changed:
            if alert := self._router.alerts.get(key):
                self.store.put(alert, is_routed=True)
            else:
                self.store.let_go(key)
        self._router.alerts.changed.clear()
        for kind, (mapping, _) in _mappings(self._router).items():
            for name in mapping.changed:
                if name in mapping:
                    row = (kind, name, encode(mapping[name]))
                    self.store.connection.execute("INSERT OR REPLACE INTO routing VALUES (?, ?, ?)", row)
                else:
                    self.store.connection.execute("DELETE FROM routing WHERE kind = ? AND name = ?", [kind, name])
            mapping.changed.clear()


def _mappings(router: Router) -> dict[str, tuple[Tracked[Any], type]]:
    """Return the router's mappings that are stored, with the types of their records."""
    return {
        "waiting": (router.waiting, Waiting),
        "digest": (router.digests, Digest),
        "spending": (router.spending, Spending),
    }
