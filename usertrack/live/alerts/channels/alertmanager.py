"""An Alertmanager of yours (API v2): our alerts among all others, each there once by its labels."""

from datetime import UTC, datetime, timedelta

from usertrack.core.json_types import JsonObject
from usertrack.live.alerts.cards import links
from usertrack.live.alerts.channels.posting import JSON, delivery_to, json_bytes
from usertrack.live.alerts.life import Alert
from usertrack.live.alerts.notifications import Notifications
from usertrack.live.alerts.outbox import Message, Sender
from usertrack.live.alerts.router import Notification
from usertrack.render import safe

_STAYS = timedelta(days=30)  # an alert without an end would be over after Alertmanager's resolve_timeout


def alerts(notification: Notification, settings: Notifications) -> list[JsonObject]:
    return [_alert(alert, settings) for alert in (*notification.firing, *notification.resolved)]


def _alert(alert: Alert, settings: Notifications) -> JsonObject:
    starts_at = alert.fired_at or alert.started_at
    ends_at = alert.resolved_at or alert.updated_at + _STAYS
    url = next((link.url for link in links(alert, alert.facts, settings)), "")
    facts = {name: safe.visible(str(value)) for name, value in alert.facts.items() if value is not None}
    return {
        "labels": {"alertname": alert.pattern, **{name: value for name, value in alert.labels.items() if value}},
        "annotations": {**facts, "summary": safe.visible(alert.because)},
        "startsAt": starts_at.astimezone(UTC).isoformat(),
        "endsAt": ends_at.astimezone(UTC).isoformat(),
        **({"generatorURL": url} if url else {}),
    }


class AlertmanagerSender(Sender):
    def __init__(self, url: str, settings: Notifications) -> None:
        self._url = f"{url.rstrip('/')}/api/v2/alerts"
        self._settings = settings
        self._delivery = delivery_to("Alertmanager")

    def send(self, message: Message, now: datetime) -> str:
        self._delivery.post_once(self._url, json_bytes(alerts(message.notification, self._settings)), JSON)
        return ""
