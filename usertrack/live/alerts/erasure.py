"""Finds and erases what alerts hold on a person: state, histories, messages sent and waiting, digests.

Slack, PagerDuty and mailboxes keep what they were sent; that is theirs.
"""

import re
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from usertrack.core.errors import SourceBusy
from usertrack.core.formats import delete_copies
from usertrack.core.traces import pattern, without
from usertrack.live.alerts.codec import decode, encode, jsonable
from usertrack.live.alerts.router import Digest, Notification, Waiting
from usertrack.live.alerts.store import AlertStore, stamp


@dataclass(frozen=True)
class Held:
    """Counts of the alerts, messages and other records that name a person."""

    alerts: int
    messages: int
    others: int


@dataclass(frozen=True)
class PersonInAlerts:
    """``ids`` are person ids and distinct_ids; ``email`` "" where there is none."""

    ids: frozenset[str]
    email: str = ""

    def is_in(self, text: str) -> bool:
        """Whether an id or the e-mail stands in ``text``, which may be JSON."""
        return bool(self._needle and self._needle.search(text))

    @property
    def _needle(self) -> "re.Pattern[str] | None":
        spelled = [encode(id_)[1:-1] for id_ in self.ids if id_]
        own = [rf"(?<![\w-]){re.escape(spelling)}(?![\w-])" for spelling in sorted({*self.ids, *spelled} - {""})]
        both = [*own, *([pattern(self.email)[4:]] if self.email else [])]
        return re.compile("(?i)" + "|".join(both)) if both else None


def _with_own_ids(store: AlertStore, person: PersonInAlerts) -> PersonInAlerts:
    """``person`` with the ids under which alerts have the e-mail, which PostHog may have forgotten."""
    email = person.email.casefold()
    alerts = (alert for alert in store.alerts() if email and alert.person)
    own = {alert.person for alert in alerts if str(alert.facts.get("email") or "").strip().casefold() == email}
    return PersonInAlerts(person.ids | own, person.email)


def held(store: AlertStore, person: PersonInAlerts) -> Held:
    """Count what the file has of ``person`` now."""
    person = _with_own_ids(store, person)
    store.connection.create_function("names", 1, person.is_in, deterministic=True)

    def count(table: str, *columns: str) -> int:
        condition = " OR ".join(f"names({column})" for column in columns)
        return int(store.connection.execute(f"SELECT count(*) FROM {table} WHERE {condition}").fetchone()[0])

    others = count("changes", "key", "who", "comment") + count("routing", "name", "body")
    return Held(count("alerts", "key", "body"), count("outbox", "grouped", "body", "error"), others)


def erase(store: AlertStore, person: PersonInAlerts) -> None:
    """Delete everything about ``person``, and write the file anew. Raises SourceBusy while another process reads it."""
    person = _with_own_ids(store, person)
    needle = person.is_in
    with store.transaction() as connection:
        keys = {key for key, body in connection.execute("SELECT key, body FROM alerts") if needle(key) or needle(body)}
        for key in keys:
            connection.execute("DELETE FROM alerts WHERE key = ?", [key])
            connection.execute("DELETE FROM changes WHERE key = ?", [key])
        for id_, key, who, comment in connection.execute("SELECT id, key, who, comment FROM changes").fetchall():
            if needle(key):
                connection.execute("DELETE FROM changes WHERE id = ?", [id_])
            elif needle(who) or needle(comment):
                texts = [_without(person, who), _without(person, comment), id_]
                connection.execute("UPDATE changes SET who = ?, comment = ? WHERE id = ?", texts)
        _erase_messages(connection, person, keys)
        _erase_routing(connection, person, keys)
    store.forget_version()  # for a desk on the same store
    compact(store)


def _erase_messages(connection: sqlite3.Connection, person: PersonInAlerts, keys: Collection[str]) -> None:
    for id_, grouped, body in connection.execute("SELECT id, grouped, body FROM outbox").fetchall():
        if not (person.is_in(body) or person.is_in(grouped)):
            continue
        notification = decode(Notification, body)
        rest = replace(
            notification,
            firing=tuple(alert for alert in notification.firing if alert.key not in keys),
            resolved=tuple(alert for alert in notification.resolved if alert.key not in keys),
        )
        if person.is_in(grouped) or not (rest.firing or rest.resolved) or person.is_in(encode(rest)):
            connection.execute("DELETE FROM outbox WHERE id = ?", [id_])
        else:
            connection.execute("UPDATE outbox SET body = ? WHERE id = ?", [encode(rest), id_])


def _erase_routing(connection: sqlite3.Connection, person: PersonInAlerts, keys: Collection[str]) -> None:
    rows = connection.execute("SELECT kind, name, body FROM routing").fetchall()
    for kind, name, body in rows:
        rest = _without_keys(kind, body, keys) if person.is_in(body) else body
        if person.is_in(name) or person.is_in(rest):
            connection.execute("DELETE FROM routing WHERE kind = ? AND name = ?", [kind, name])
        elif rest != body:
            connection.execute("UPDATE routing SET body = ? WHERE kind = ? AND name = ?", [rest, kind, name])


def _without_keys(kind: str, body: str, keys: Collection[str]) -> str:
    if kind == "waiting":
        waiting = decode(Waiting, body)
        return encode(replace(waiting, keys=waiting.keys - frozenset(keys)))
    if kind == "digest":
        digest = decode(Digest, body)
        return encode(replace(digest, keys=tuple(key for key in digest.keys if key not in keys)))
    return body


def _without(person: PersonInAlerts, text: str) -> str:
    text = without(person.email, text) if person.email else text
    return "" if person.is_in(text) else text


def alerts_about(store: AlertStore, person: PersonInAlerts) -> list[dict[str, Any]]:
    """Every alert that names ``person``, with its life, as JSON."""
    about = [alert for alert in store.alerts() if person.is_in(alert.key) or person.is_in(encode(alert))]
    return [{**jsonable(alert), "changes": jsonable(store.changes(alert.key))} for alert in about]


@dataclass(frozen=True)
class Expired:
    """Counts of records that are older than what is kept."""

    alerts: int
    messages: int


def old(store: AlertStore, alerts_before: datetime, messages_before: datetime) -> Expired:
    queries = (("alerts", _OLD_ALERTS, alerts_before), ("outbox", _OLD_MESSAGES, messages_before))
    counts = (
        store.connection.execute(f"SELECT count(*) FROM {table} WHERE {condition}", [stamp(before)]).fetchone()[0]
        for table, condition, before in queries
    )
    return Expired(*counts)


_OLD_ALERTS = "NOT is_open AND NOT is_routed AND updated_at < ?"
_OLD_MESSAGES = "created_at < ?"  # also what could never be sent: nobody acts on it after so long


def expire(store: AlertStore, alerts_before: datetime, messages_before: datetime) -> Expired:
    """Delete alerts resolved before, and messages made before."""
    counts = old(store, alerts_before, messages_before)
    with store.transaction() as connection:
        connection.execute(
            f"DELETE FROM changes WHERE key IN (SELECT key FROM alerts WHERE {_OLD_ALERTS})", [stamp(alerts_before)]
        )
        connection.execute(f"DELETE FROM alerts WHERE {_OLD_ALERTS}", [stamp(alerts_before)])
        connection.execute(f"DELETE FROM outbox WHERE {_OLD_MESSAGES}", [stamp(messages_before)])
    return counts


def expire_by(store: AlertStore, alerts_kept: timedelta, messages_kept: timedelta, now: datetime) -> Expired:
    """The same with the ages of `notifications:`."""
    return expire(store, now - alerts_kept, now - messages_kept)


def compact(store: AlertStore) -> None:
    """Write the file anew, so that neither it nor its log has a byte of what was deleted."""
    delete_copies(store.path)
    try:
        store.connection.execute("VACUUM")
        busy, _, _ = store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        raise SourceBusy(f"{store.path} is held by another process", "try again: erased is erased") from error
    if busy:
        raise SourceBusy(f"{store.path} is held by another process", "try again: erased is erased")
