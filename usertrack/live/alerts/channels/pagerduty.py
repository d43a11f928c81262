"""PagerDuty, Events API v2: an alert is an event whose dedup_key is the alert's key, so that none is there twice."""

import hashlib
from collections.abc import Iterator
from datetime import datetime

import httpx

from usertrack.core.errors import ConnectionFailed, QueryError, UsertrackError
from usertrack.core.json_types import JsonObject
from usertrack.delivery.post import status_of
from usertrack.live.alerts.cards import cards
from usertrack.live.alerts.channels.posting import JSON, delivery_to, json_bytes
from usertrack.live.alerts.life import Alert
from usertrack.live.alerts.notifications import Notifications
from usertrack.live.alerts.outbox import Message, Sender
from usertrack.live.alerts.router import Notification, Reason

_SUMMARY, _KEY = 1024, 255  # characters that PagerDuty takes


def events(notification: Notification, settings: Notifications, now: datetime) -> Iterator[JsonObject]:
    """The events of ``notification``, without the routing key."""
    for alert in notification.firing:
        if notification.reason is Reason.ACKNOWLEDGED:
            yield {"event_action": "acknowledge", "dedup_key": dedup_key(alert)}
        else:
            yield _trigger(alert, settings, now)
    for alert in notification.resolved:
        yield {"event_action": "resolve", "dedup_key": dedup_key(alert)}


def dedup_key(alert: Alert) -> str:
    """The alert's key; its hash where that is too long."""
    return alert.key if len(alert.key) <= _KEY else hashlib.sha256(alert.key.encode(errors="replace")).hexdigest()


def _trigger(alert: Alert, settings: Notifications, now: datetime) -> JsonObject:
    (card,) = cards([alert], settings, now)
    return {
        "event_action": "trigger",
        "dedup_key": dedup_key(alert),
        "client": "usertrack",
        "links": [{"href": link.url, "text": link.label} for link in card.links],
        "payload": {
            "summary": f"{card.who}: {card.triggers[0].reason}"[:_SUMMARY],
            "source": f"usertrack/{alert.pattern}",
            "severity": alert.severity if alert.severity in ("critical", "error", "warning", "info") else "warning",
            "timestamp": alert.started_at.isoformat(),
            "group": alert.labels.get("route", ""),
            "class": alert.pattern,
            "custom_details": {**alert.facts, "labels": dict(alert.labels)},
        },
    }


class PagerDutySender(Sender):
    """One request an event: a message of several alerts is repeated as a whole, which PagerDuty's dedup_key allows."""

    def __init__(self, url: str, routing_key: str, settings: Notifications) -> None:
        self._url = url
        self._routing_key = routing_key
        self._settings = settings
        self._delivery = delivery_to("PagerDuty", self._refusal)

    def send(self, message: Message, now: datetime) -> str:
        for event in events(message.notification, self._settings, now):
            self._delivery.post_once(self._url, json_bytes({"routing_key": self._routing_key, **event}), JSON)
        return ""

    def _refusal(self, response: httpx.Response) -> UsertrackError:
        status = status_of(response).replace(self._routing_key, "[secret]")
        if response.status_code == 400 and "routing_key" not in response.text:
            return QueryError(f"PagerDuty refused the event: {status}")
        return ConnectionFailed(f"PagerDuty takes no events: {status}", "is PAGERDUTY_ROUTING_KEY right?")
