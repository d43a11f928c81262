"""The outbox brings each message to its channel, in order, at least once, however often this process is killed.

A message is marked before it is sent and settled after. One that was marked by a process which is gone, or got no
answer, may have arrived; it is sent again under the same id, by which each channel recognises it.

A channel that cannot be reached is tried again after 5 s, then after twice as long, at most 5 minutes, or when it asks
for it. One that refuses us (a revoked webhook, a wrong token) is told, keeps its messages and is tried again every 15
minutes. A message that is refused for what it says is set aside, and holds up no other. Each channel is sent to by a
thread of its own, so that one which hangs holds up no other either; critical alerts go first.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from usertrack.core.errors import ConnectionFailed, UsageError, UsertrackError
from usertrack.delivery.post import NoAnswer
from usertrack.live.alerts.codec import decode, encode
from usertrack.live.alerts.life import Alert
from usertrack.live.alerts.router import Notification, Reason
from usertrack.live.alerts.store import AlertStore, moment, stamp
from usertrack.sources.retry import Retry

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=5)
REFUSED_PAUSE = timedelta(minutes=15)
_AT_ONCE, _TURN = 50, 5.0  # messages to a channel in one turn, and seconds for them: the engine waits meanwhile
_PATIENCE = 1.0  # seconds without an answer of any channel: most take a tenth of that, and one that hangs takes 30
_RECLAIM = "UPDATE outbox SET state = 'waiting', is_doubtful = 1 WHERE state = 'sending'"
_AGAIN = "UPDATE outbox SET state = 'waiting', attempts = attempts + 1, is_doubtful = max(is_doubtful, ?) WHERE id = ?"
_TELLS = (Reason.NEW, Reason.DIGEST)


@dataclass(frozen=True)
class Message:
    """A notification on its way. ``may_be_there``: it was sent before, and nobody knows whether it arrived."""

    uuid: str
    notification: Notification
    may_be_there: bool = False


class Sender(Protocol):
    """Speaks to one channel.

    Raises `Retry` where another attempt may help, ConnectionFailed or UsageError where the channel does not let us in,
    and another UsertrackError for a message that it does not take.
    """

    def send(self, message: Message, now: datetime) -> str:
        """Send it. Returns what the channel calls it, if it can be edited by that, else ""."""
        ...

    def edit(self, receipt: str, notification: Notification, now: datetime) -> bool:
        """Put ``notification`` in the place of what was sent; False where the channel cannot, as most."""
        return False


@dataclass(frozen=True)
class ChannelState:
    """The health of a channel. ``failing_since`` None: well. ``hint`` says what to do."""

    name: str
    waiting: int
    failing_since: datetime | None = None
    retry_at: datetime | None = None
    failures: int = 0
    error: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Delivered:
    """The result of one delivery: messages that arrived, messages refused with the reason, and channels that fail."""

    sent: int
    refused: tuple[str, ...] = ()
    failing: tuple[ChannelState, ...] = ()


@dataclass(frozen=True)
class _Edit:
    id: int
    receipt: str
    body: str
    current: Notification


@dataclass(frozen=True)
class _Sent:
    """The channel's name of a message, and of earlier ones that were edited: new body, id, body before."""

    receipt: str
    edited: Sequence[tuple[str, int, str]]


@dataclass(frozen=True)
class _Attempt:
    id: int
    future: "Future[_Sent]" = field(default_factory=Future)


@dataclass
class _Turn:
    now: datetime
    sent: int = 0
    refused: list[str] = field(default_factory=list)
    failing: dict[str, ChannelState] = field(default_factory=dict)


class Outbox:
    """``senders`` by the names of channels; messages of a channel that is no more stay."""

    def __init__(self, store: AlertStore, senders: Mapping[str, Sender]) -> None:
        self._store = store
        self._senders = senders
        self._on_the_way: dict[str, _Attempt] = {}
        with store.transaction() as connection:  # those of a process that is gone
            connection.execute(_RECLAIM)

    def deliver(self, now: datetime) -> Delivered:
        """Attempt each message whose time has come; after a failure, that channel waits.

        Each channel is sent to by a thread of its own. One that does not answer is looked at again in the next turn.
        """
        turn = _Turn(now)
        ends = time.monotonic() + _TURN
        queues = {name: self._waiting(name) for name in self._senders}
        for name in self._senders:
            self._go_on(name, queues[name], turn)
        while self._on_the_way and (left := ends - time.monotonic()) > 0:
            if not wait(self._futures(), min(_PATIENCE, left), FIRST_COMPLETED).done:
                break  # the next turn goes on with whoever does not answer
            for name in [name for name, attempt in self._on_the_way.items() if attempt.future.done()]:
                self._go_on(name, queues.get(name, []), turn)
        return Delivered(turn.sent, tuple(turn.refused), tuple(turn.failing.values()))

    def close(self) -> None:
        """Settle what still arrives within a turn; the rest may have arrived, and is sent again under its id."""
        wait(self._futures(), _TURN)
        for name in [name for name, attempt in self._on_the_way.items() if attempt.future.done()]:
            self._finish(name, _Turn(datetime.now(UTC)))

    def _futures(self) -> list["Future[_Sent]"]:
        return [attempt.future for attempt in self._on_the_way.values()]

    def _go_on(self, name: str, queue: list[int], turn: "_Turn") -> None:
        """Settle what a channel's thread has done, and give it the next message."""
        attempt = self._on_the_way.get(name)
        if attempt and not (attempt.future.done() and self._finish(name, turn)):
            return
        state = channel_state(self._store, name)
        if state.retry_at and state.retry_at > turn.now:
            turn.failing[name] = state
            return
        while queue:
            if self._begin(name, queue.pop(0), turn.now):
                return
        self._recover(name)  # nothing is left that it does not take

    def _begin(self, name: str, id_: int, now: datetime) -> bool:
        """Let the channel's thread send a message; False where somebody erased it."""
        with self._store.transaction() as connection:
            row = connection.execute("SELECT * FROM outbox WHERE id = ? AND state = 'waiting'", [id_]).fetchone()
            if row is None:
                return False
            connection.execute("UPDATE outbox SET state = 'sending' WHERE id = ?", [id_])
        notification = decode(Notification, row["body"])
        message = Message(row["uuid"], notification, may_be_there=bool(row["is_doubtful"]))
        attempt = _Attempt(id_)
        work = (attempt.future, self._senders[name], message, self._outdated(notification), now)
        threading.Thread(target=_work, args=work, name=f"channel {name}", daemon=True).start()
        self._on_the_way[name] = attempt
        return True

    def _finish(self, name: str, turn: "_Turn") -> bool:
        """Settle the message that the channel's thread is through with; whether it may have the next one."""
        attempt, state = self._on_the_way.pop(name), channel_state(self._store, name)
        try:
            sent = attempt.future.result()
        except Retry as retry:
            failed = self._fail(state, retry.final, _pause(state, retry.wait), turn.now, attempt.id)
        except (ConnectionFailed, UsageError) as error:
            failed = self._fail(state, error, REFUSED_PAUSE, turn.now, attempt.id)
        except UsertrackError as error:
            turn.refused.append(f"{name}: {error.message}")
            self._settle(attempt.id, "refused", turn.now, error=error.message)
            return True
        except Exception as error:  # a fault of ours in one channel is none of the others
            fault = UsertrackError(f"usertrack itself failed ({type(error).__name__})", "please report it")
            failed = self._fail(state, fault, REFUSED_PAUSE, turn.now, attempt.id)
        else:
            with self._store.transaction() as connection:
                # a body that was changed meanwhile has lost somebody who was erased
                connection.executemany("UPDATE outbox SET body = ? WHERE id = ? AND body = ?", sent.edited)
            self._settle(attempt.id, "sent", turn.now, sent.receipt)
            turn.sent += 1
            return True
        turn.failing[name] = failed
        return False

    def _waiting(self, name: str) -> list[int]:
        """The next messages of a channel: those of critical alerts, then in their order."""
        sql = (
            "SELECT id FROM outbox WHERE channel = ? AND state = 'waiting' ORDER BY NOT EXISTS (SELECT 1 FROM"
            " json_each(body, '$.firing') WHERE value ->> '$.severity' = 'critical'), id LIMIT ?"
        )
        return [id_ for (id_,) in self._store.connection.execute(sql, [name, _AT_ONCE])]

    def _outdated(self, notification: Notification) -> list["_Edit"]:
        """Earlier messages that tell of alerts which are resolved, or looked after, now; as they should be."""
        latest = {alert.key: alert for alert in (*notification.resolved, *_attended(notification))}
        sql = "SELECT id, receipt, body FROM outbox WHERE channel = ? AND grouped IN (?, '') AND receipt <> ''"
        place = [notification.channel, notification.person]
        rows = self._store.connection.execute(sql, place).fetchall() if latest else ()
        edits = []
        for row in rows:
            earlier = decode(Notification, row["body"])
            current = _current(earlier, latest)
            if current != earlier:
                edits.append(_Edit(row["id"], row["receipt"], row["body"], current))
        return edits

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


def _work(future: "Future[_Sent]", sender: Sender, message: Message, outdated: Sequence[_Edit], now: datetime) -> None:
    """Bring earlier messages up to date and send this one. Runs in the channel's thread, without the store."""
    try:
        edited = [
            (encode(edit.current), edit.id, edit.body)
            for edit in outdated
            if sender.edit(edit.receipt, edit.current, now)
        ]
        is_told = edited and message.notification.reason not in _TELLS
        future.set_result(_Sent("" if is_told else sender.send(message, now), edited))
    except BaseException as error:
        future.set_exception(error)


def channel_state(store: AlertStore, name: str) -> ChannelState:
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
