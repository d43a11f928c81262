"""What waited too long for a channel that was away: one digest of what still matters, in place of every message."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from usertrack.alerts.codec import decode, encode
from usertrack.alerts.notifications import RATIONED, Notifications
from usertrack.alerts.router import Notification, Reason, Router
from usertrack.alerts.store import Store, stamp

TOO_LATE = timedelta(hours=1)
_TELLS = (Reason.NEW, Reason.REPEAT, Reason.DIGEST)


def condense(store: Store, router: Router, settings: Notifications, now: datetime) -> None:
    """For each channel that people read, once a message waits too long: its alerts go into the digest, due now.

    So do those of the messages after it. That an alert is over, of which the channel was never told, is not told
    either. Called within a transaction.
    """
    for name, channel in settings.channels.items():
        if channel.kind in RATIONED and _is_late(store, name, now):
            told, late = _told(store, name), dict[str, None]()
            for id_, notification in _messages(store, name, "state = 'waiting'"):
                if notification.reason in _TELLS:
                    late |= dict.fromkeys(alert.key for alert in notification.firing)
                if notification.reason is not Reason.ACKNOWLEDGED:
                    _leave_ends(store, id_, notification, told, now)
            _wait_anew(store, name, now)
            router.put_off(name, late, now)


def _is_late(store: Store, channel: str, now: datetime) -> bool:
    sql = "SELECT 1 FROM outbox WHERE channel = ? AND state = 'waiting' AND created_at < ? LIMIT 1"
    return store.connection.execute(sql, [channel, stamp(now - TOO_LATE)]).fetchone() is not None


def _messages(store: Store, channel: str, condition: str) -> Iterator[tuple[int, Notification]]:
    sql = f"SELECT id, body FROM outbox WHERE channel = ? AND {condition} ORDER BY id"
    for id_, body in store.connection.execute(sql, [channel]).fetchall():
        yield id_, decode(Notification, body)


def _told(store: Store, channel: str) -> set[str]:
    """The keys of alerts of which a message has arrived, or may have."""
    sent = _messages(store, channel, "(state IN ('sent', 'sending') OR is_doubtful)")
    tellings = (notification for _, notification in sent if notification.reason in _TELLS)
    return {alert.key for telling in tellings for alert in (*telling.firing, *telling.resolved)}


def _wait_anew(store: Store, channel: str, now: datetime) -> None:
    """So that what is left is not late again at once."""
    sql = "UPDATE outbox SET created_at = ? WHERE channel = ? AND state = 'waiting'"
    store.connection.execute(sql, [stamp(now), channel])


def _leave_ends(store: Store, id_: int, notification: Notification, told: set[str], now: datetime) -> None:
    """Of a message, leave that alerts are over of which the channel was told; nothing of it, if it has none."""
    ended = tuple(alert for alert in notification.resolved if alert.key in told)
    if not ended:
        sql = "UPDATE outbox SET state = 'outdated', settled_at = ? WHERE id = ?"
        store.connection.execute(sql, [stamp(now), id_])
        return
    rest = replace(notification, reason=Reason.RESOLVED, firing=(), resolved=ended)
    if rest != notification:
        store.connection.execute("UPDATE outbox SET body = ? WHERE id = ?", [encode(rest), id_])
