"""A server of yours: one JSON document a message. The same message has the same Idempotency-Key each time it comes."""

from datetime import datetime

from usertrack.core.json_types import JsonObject
from usertrack.live.alerts.cards import links
from usertrack.live.alerts.channels.posting import JSON, delivery_to, json_bytes
from usertrack.live.alerts.life import Alert
from usertrack.live.alerts.notifications import Notifications
from usertrack.live.alerts.outbox import Message, Sender
from usertrack.render import text

VERSION = 1
"""Of the documents: adding a field keeps the version, changing one makes a new version."""


def document(message: Message, settings: Notifications) -> JsonObject:
    notification = message.notification
    body: JsonObject = text.plain(
        {
            "version": VERSION,
            "type": "usertrack.alerts",
            "id": message.uuid,
            "channel": notification.channel,
            "group": {"person": notification.person} if notification.person else {},
            "reason": notification.reason.value,
            "at": notification.at,
            "alerts": [_alert(alert, settings) for alert in (*notification.firing, *notification.resolved)],
        }
    )
    return body


def _alert(alert: Alert, settings: Notifications) -> JsonObject:
    return {
        "key": alert.key,
        "state": "resolved" if alert.is_resolved else "firing",
        "pattern": alert.pattern,
        "person": alert.person,
        "session": alert.session,
        "severity": alert.severity,
        "because": alert.because,
        "facts": dict(alert.facts),
        "labels": dict(alert.labels),
        "events": list(alert.events),
        "started_at": alert.started_at,
        "resolved_at": alert.resolved_at,
        "help": settings.advice.get(alert.pattern, ""),
        "acknowledged_by": alert.acknowledged_by,
        "links": {link.label: link.url for link in links(alert, alert.facts, settings)},
    }


class WebhookSender(Sender):
    def __init__(self, url: str, settings: Notifications) -> None:
        self._url = url
        self._settings = settings
        self._delivery = delivery_to("the webhook")

    def send(self, message: Message, now: datetime) -> str:
        headers = {**JSON, "Idempotency-Key": message.uuid}
        self._delivery.post_once(self._url, json_bytes(document(message, self._settings)), headers)
        return ""
