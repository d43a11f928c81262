"""Replaces messages that waited too long for a channel by one about the present state."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from usertrack.live.alerts.codec import decode, encode
from usertrack.live.alerts.life import Alert
from usertrack.live.alerts.notifications import RATIONED, Notifications
from usertrack.live.alerts.router import Notification, Reason, Router
from usertrack.live.alerts.store import AlertStore, stamp

TOO_LATE = timedelta(hours=1)
_TELLS = (Reason.NEW, Reason.DIGEST)


def condense(store: AlertStore, router: Router, settings: Notifications, now: datetime) -> None:
    """Once a message waits too long for a channel, bring all that wait for it up to date.

    For people, what still fires goes into the digest, due now. Other channels get each alert that still fires once.
    That an alert is over, of which the channel was never told, is not told either. Called within a transaction.
    """
    for name, channel in settings.channels.items():
        if _is_late(store, name, now):
            if channel.kind in RATIONED:
                _into_digest(store, router, name, now)
            else:
                _as_they_are(store, name, now)
            _wait_anew(store, name, now)


def _into_digest(store: AlertStore, router: Router, channel: str, now: datetime) -> None:
    announced, late = _announced(store, channel), dict[str, None]()
    for id_, notification in _messages(store, channel, "state = 'waiting'"):
        if notification.reason in _TELLS:
            late |= dict.fromkeys(alert.key for alert in notification.firing)
        if notification.reason is not Reason.ACKNOWLEDGED:
            ended = tuple(alert for alert in notification.resolved if alert.key in announced)
            _leave(store, id_, notification, (), ended, now)
    router.put_off(channel, late, now)


def _as_they_are(store: AlertStore, channel: str, now: datetime) -> None:
    announced, mentioned = _announced(store, channel), set[str]()
    for id_, notification in _messages(store, channel, "state = 'waiting'"):
        firing, ended = _latest(store, notification.firing), _latest(store, notification.resolved)
        firing = tuple(alert for alert in firing if not alert.is_resolved)
        if notification.reason is not Reason.ACKNOWLEDGED:
            firing = tuple(alert for alert in firing if alert.key not in mentioned)
            mentioned |= {alert.key for alert in firing}
        ended = tuple(alert for alert in ended if alert.is_resolved and alert.key in announced - mentioned)
        mentioned |= {alert.key for alert in ended}
        _leave(store, id_, notification, firing, ended, now)


def _latest(store: AlertStore, alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    return tuple(latest for alert in alerts if (latest := store.alert(alert.key)))


def _is_late(store: AlertStore, channel: str, now: datetime) -> bool:
    sql = "SELECT 1 FROM outbox WHERE channel = ? AND state = 'waiting' AND created_at < ? LIMIT 1"
    return store.connection.execute(sql, [channel, stamp(now - TOO_LATE)]).fetchone() is not None


def _messages(store: AlertStore, channel: str, condition: str) -> Iterator[tuple[int, Notification]]:
    sql = f"SELECT id, body FROM outbox WHERE channel = ? AND {condition} ORDER BY id"
    for id_, body in store.connection.execute(sql, [channel]).fetchall():
        yield id_, decode(Notification, body)


def _announced(store: AlertStore, channel: str) -> set[str]:
    """The keys of alerts of which a message has arrived, or may have."""
    sent = _messages(store, channel, "(state IN ('sent', 'sending') OR is_doubtful)")
    tellings = (notification for _, notification in sent if notification.reason in _TELLS)
    return {alert.key for telling in tellings for alert in (*telling.firing, *telling.resolved)}


def _wait_anew(store: AlertStore, channel: str, now: datetime) -> None:
    """So that what is left is not late again at once."""
    sql = "UPDATE outbox SET created_at = ? WHERE channel = ? AND state = 'waiting'"
    store.connection.execute(sql, [stamp(now), channel])


def _leave(
    store: AlertStore,
    id_: int,
    notification: Notification,
    firing: tuple[Alert, ...],
    ended: tuple[Alert, ...],
    now: datetime,
) -> None:
    """Cut a waiting message down to these alerts, or mark it as outdated where there are none."""
    if not firing and not ended:
        sql = "UPDATE outbox SET state = 'outdated', settled_at = ? WHERE id = ?"
        store.connection.execute(sql, [stamp(now), id_])
        return
    reason = notification.reason if firing else Reason.RESOLVED
    rest = replace(notification, reason=reason, firing=firing, resolved=ended)
    if rest != notification:
        store.connection.execute("UPDATE outbox SET body = ? WHERE id = ?", [encode(rest), id_])
