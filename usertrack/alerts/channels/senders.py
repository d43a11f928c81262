"""The senders of the channels in patterns.yaml, each with its secret from the settings."""

from collections.abc import Callable, Mapping

from usertrack.alerts.channels.alertmanager import AlertmanagerSender
from usertrack.alerts.channels.email import MailSender
from usertrack.alerts.channels.pagerduty import PagerDutySender
from usertrack.alerts.channels.slack import BotSender
from usertrack.alerts.channels.slack import WebhookSender as SlackWebhookSender
from usertrack.alerts.channels.webhook import WebhookSender
from usertrack.alerts.notifications import Channel, Notifications
from usertrack.alerts.outbox import Sender
from usertrack.core.errors import UsageError
from usertrack.delivery.post import require_address
from usertrack.workspace.setting_specs import SETTINGS
from usertrack.workspace.settings import Settings


def senders(notifications: Notifications, settings: Settings) -> dict[str, Sender]:
    """A sender for each channel; raises UsageError for one whose secret or server is missing."""
    return {name: _KINDS[each.kind](each, notifications, settings) for name, each in notifications.channels.items()}


def _slack(channel: Channel, notifications: Notifications, settings: Settings) -> Sender:
    if channel.room:
        token, api = _require(channel, settings, "slack.bot_token"), _address(channel, settings, "slack.api")
        return BotSender(token, channel.room, api, notifications)
    return SlackWebhookSender(_address(channel, settings, "slack.webhook_url"), notifications)


def _webhook(channel: Channel, notifications: Notifications, settings: Settings) -> Sender:
    return WebhookSender(_address(channel, settings, "webhook.url"), notifications)


def _email(channel: Channel, notifications: Notifications, settings: Settings) -> Sender:
    server = channel.server or _require(channel, settings, "smtp.server")
    user = settings["smtp.user"] or ""
    if user:
        _require(channel, settings, "smtp.password")
    return MailSender(channel, server, user, lambda: str(settings["smtp.password"]), notifications)


def _pagerduty(channel: Channel, notifications: Notifications, settings: Settings) -> Sender:
    key = _require(channel, settings, "pagerduty.routing_key")
    return PagerDutySender(_address(channel, settings, "pagerduty.url"), key, notifications)


def _alertmanager(channel: Channel, notifications: Notifications, settings: Settings) -> Sender:
    return AlertmanagerSender(_address(channel, settings, "alertmanager.url"), notifications)


_KINDS: Mapping[str, Callable[[Channel, Notifications, Settings], Sender]] = {
    "slack": _slack,
    "webhook": _webhook,
    "email": _email,
    "pagerduty": _pagerduty,
    "alertmanager": _alertmanager,
}


def _require(channel: Channel, settings: Settings, name: str) -> str:
    if not settings.is_set(name):
        raise UsageError(f"the channel '{channel.name}' needs {name}", f"set {SETTINGS[name].env}")
    return str(settings[name])


def _address(channel: Channel, settings: Settings, name: str) -> str:
    url = _require(channel, settings, name)
    return require_address(url, f"the channel '{channel.name}'", f"set {SETTINGS[name].env}")
