"""The outbox brings each message to its channel, in order, at least once, however often this process is killed.

A message is marked before it is sent and settled after. One that was marked by a process which is gone, or got no
answer, may have arrived; it is sent again under the same id, by which each channel recognises it.

A channel that cannot be reached is tried again after 5 s, then after twice as long, at most 5 minutes, or when it asks
for it. One that refuses us (a revoked webhook, a wrong token) is told, keeps its messages and is tried again every 15
minutes. A message that is refused for what it says is set aside, and holds up no other.
"""

import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from usertrack.alerts.codec import decode, encode
from usertrack.alerts.life import Alert
from usertrack.alerts.router import Notification, Reason
from usertrack.alerts.store import Store, moment, stamp
from usertrack.core.errors import ConnectionFailed, UsageError, UsertrackError
from usertrack.delivery.post import NoAnswer
from usertrack.sources.retry import Retry

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=5)
REFUSED_PAUSE = timedelta(minutes=15)
_AT_ONCE, _TURN = 50, 5.0  # messages to a channel in one turn, and seconds for them: the engine waits meanwhile
_RECLAIM = "UPDATE outbox SET state = 'waiting', is_doubtful = 1 WHERE state = 'sending'"
_AGAIN = "UPDATE outbox SET state = 'waiting', attempts = attempts + 1, is_doubtful = max(is_doubtful, ?) WHERE id = ?"
_TELLS = (Reason.NEW, Reason.REPEAT, Reason.DIGEST)


@dataclass(frozen=True)
class Message:
    """A notification on its way. ``may_be_there``: it was sent before, and nobody knows whether it arrived."""

    uuid: str
    notification: Notification
    may_be_there: bool = False


class Sender(Protocol):
    """Speaks to one channel. Raises `Retry` where another attempt may help, ConnectionFailed or UsageError where the
    channel does not let us in, and another UsertrackError for a message that it does not take."""

    def send(self, message: Message, now: datetime) -> str:
        """Send it. Returns what the channel calls it, if it can be edited by that, else ""."""
        ...

    def edit(self, receipt: str, notification: Notification, now: datetime) -> bool:
        """Put ``notification`` in the place of what was sent; False where the channel cannot, as most."""
        return False


@dataclass(frozen=True)
class ChannelState:
    """How a channel does. ``failing_since`` None: well. ``hint`` says what to do."""

    name: str
    waiting: int
    failing_since: datetime | None = None
    retry_at: datetime | None = None
    failures: int = 0
    error: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Delivered:
    """What one turn did: how many messages arrived, which were refused and why, and which channels fail."""

    sent: int
    refused: tuple[str, ...] = ()
    failing: tuple[ChannelState, ...] = ()


class Outbox:
    """``senders`` by the names of channels; messages of a channel that is no more stay."""

    def __init__(self, store: Store, senders: Mapping[str, Sender]) -> None:
        self._store = store
        self._senders = senders
        with store.transaction() as connection:  # those of a process that is gone
            connection.execute(_RECLAIM)

    def deliver(self, now: datetime) -> Delivered:
        """One attempt for each message whose time has come; after a failure, that channel waits."""
        sent, refused, failing = 0, [], []
        for name, sender in self._senders.items():
            state = channel_state(self._store, name)
            if state.retry_at and state.retry_at > now:
                failing.append(state)
                continue
            began, failed = time.monotonic(), None
            for id_ in self._waiting(name):
                try:
                    sent += self._send(id_, sender, now)
                except Retry as retry:
                    failed = self._fail(state, retry.final, _pause(state, retry.wait), now, id_)
                except (ConnectionFailed, UsageError) as error:
                    failed = self._fail(state, error, REFUSED_PAUSE, now, id_)
                except UsertrackError as error:
                    refused.append(f"{name}: {error.message}")
                    self._settle(id_, "refused", now, error=error.message)
                except sqlite3.Error:
                    raise
                except Exception as error:  # a fault of ours in one channel is none of the others
                    fault = UsertrackError(f"usertrack itself failed ({type(error).__name__})", "please report it")
                    failed = self._fail(state, fault, REFUSED_PAUSE, now, id_)
                if failed or time.monotonic() - began > _TURN:
                    break
            if failed:
                failing.append(failed)
            else:
                self._recover(name)
        return Delivered(sent, tuple(refused), tuple(failing))

    def _waiting(self, name: str) -> list[int]:
        sql = "SELECT id FROM outbox WHERE channel = ? AND state = 'waiting' ORDER BY id LIMIT ?"
        return [id_ for (id_,) in self._store.connection.execute(sql, [name, _AT_ONCE])]

    def _send(self, id_: int, sender: Sender, now: datetime) -> bool:
        with self._store.transaction() as connection:
            row = connection.execute("SELECT * FROM outbox WHERE id = ? AND state = 'waiting'", [id_]).fetchone()
            if row is None:  # erased meanwhile
                return False
            connection.execute("UPDATE outbox SET state = 'sending' WHERE id = ?", [id_])
        notification = decode(Notification, row["body"])
        edited = self._edit(sender, notification, now)
        receipt = ""
        if notification.reason in _TELLS or not edited:
            receipt = sender.send(Message(row["uuid"], notification, may_be_there=bool(row["is_doubtful"])), now)
        self._settle(id_, "sent", now, receipt)
        return True

    def _edit(self, sender: Sender, notification: Notification, now: datetime) -> bool:
        """Bring earlier messages up to date that tell of alerts which are resolved, or looked after, now."""
        latest = {alert.key: alert for alert in (*notification.resolved, *_attended(notification))}
        edited = False
        for row in self._editable(notification) if latest else ():
            earlier = decode(Notification, row["body"])
            current = _current(earlier, latest)
            if current != earlier and sender.edit(row["receipt"], current, now):
                edited = True
                with self._store.transaction() as connection:
                    connection.execute("UPDATE outbox SET body = ? WHERE id = ?", [encode(current), row["id"]])
        return edited

    def _editable(self, notification: Notification) -> Sequence[Mapping[str, str]]:
        sql = "SELECT id, receipt, body FROM outbox WHERE channel = ? AND grouped IN (?, '') AND receipt <> ''"
        rows: Sequence[Mapping[str, str]] = self._store.connection.execute(
            sql, [notification.channel, notification.group]
        ).fetchall()
        return rows

    def _settle(self, id_: int, state: str, now: datetime, receipt: str = "", error: str = "") -> None:
        sql = (
            "UPDATE outbox SET state = ?, settled_at = ?, receipt = ?, error = ?, attempts = attempts + 1 WHERE id = ?"
        )
        with self._store.transaction() as connection:
            connection.execute(sql, [state, stamp(now), receipt, error, id_])

    def _fail(
        self, state: ChannelState, error: UsertrackError, pause: timedelta, now: datetime, id_: int
    ) -> ChannelState:
        since = state.failing_since or now
        failed = replace(
            state,
            failing_since=since,
            retry_at=now + pause,
            failures=state.failures + 1,
            error=error.message,
            hint=error.hint,
        )
        row = (failed.name, stamp(now + pause), stamp(since), failed.failures, failed.error, failed.hint)
        with self._store.transaction() as connection:
            connection.execute(_AGAIN, [isinstance(error, NoAnswer), id_])
            connection.execute("INSERT OR REPLACE INTO channels VALUES (?, ?, ?, ?, ?, ?)", row)
        return failed

    def _recover(self, name: str) -> None:
        if channel_state(self._store, name).failing_since:
            with self._store.transaction() as connection:
                connection.execute("DELETE FROM channels WHERE name = ?", [name])


def channel_state(store: Store, name: str) -> ChannelState:
    sql = "SELECT count(*) FROM outbox WHERE channel = ? AND state IN ('waiting', 'sending')"
    (waiting,) = store.connection.execute(sql, [name]).fetchone()
    row = store.connection.execute("SELECT * FROM channels WHERE name = ?", [name]).fetchone()
    if row is None:
        return ChannelState(name, waiting)
    since, retry_at = moment(row["failing_since"]), moment(row["retry_at"])
    return ChannelState(name, waiting, since, retry_at, row["failures"], row["error"], row["hint"])


def _pause(state: ChannelState, asked: float | None) -> timedelta:
    if asked is not None:
        return timedelta(seconds=min(asked, 86_400))
    return min(FIRST_PAUSE * (1 << min(state.failures, 10)), LONGEST_PAUSE)


def _attended(notification: Notification) -> tuple[Alert, ...]:
    return notification.firing if notification.reason is Reason.ACKNOWLEDGED else ()


def _current(earlier: Notification, latest: Mapping[str, Alert]) -> Notification:
    """``earlier`` with alerts as they are now; one that is resolved stays resolved."""
    alerts = [latest.get(alert.key, alert) for alert in earlier.firing]
    ended = tuple(alert for alert in alerts if alert.is_resolved)
    return replace(
        earlier,
        firing=tuple(alert for alert in alerts if not alert.is_resolved),
        resolved=(*earlier.resolved, *ended),
    )
