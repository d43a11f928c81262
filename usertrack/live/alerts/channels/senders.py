"""The senders of the channels in patterns.yaml, each with its secret from the settings."""

from functools import partial

from usertrack.core.errors import UsageError
from usertrack.delivery.post import require_address
from usertrack.live.alerts.channels.alertmanager import AlertmanagerSender
from usertrack.live.alerts.channels.email import MailSender
from usertrack.live.alerts.channels.pagerduty import PagerDutySender
from usertrack.live.alerts.channels.slack import BotSender, SlackWebhookSender
from usertrack.live.alerts.channels.webhook import WebhookSender
from usertrack.live.alerts.notifications import Channel, Notifications
from usertrack.live.alerts.outbox import Sender
from usertrack.workspace.destinations import require_allowed
from usertrack.workspace.setting_specs import SETTINGS
from usertrack.workspace.settings import Settings


def senders(notifications: Notifications, settings: Settings) -> dict[str, Sender]:
    """A sender for each channel; raises UsageError for one whose secret or server is missing."""
    return {name: _sender(channel, notifications, settings) for name, channel in notifications.channels.items()}


def _sender(channel: Channel, notifications: Notifications, settings: Settings) -> Sender:
    require, address = partial(_require, channel, settings), partial(_address, channel, settings)
    match channel.kind:
        case "slack" if channel.room:
            return BotSender(require("slack.bot_token"), channel.room, address("slack.api"), notifications)
        case "slack":
            return SlackWebhookSender(address("slack.webhook_url"), notifications)
        case "webhook":
            return WebhookSender(address("webhook.url"), notifications)
        case "pagerduty":
            key = require("pagerduty.routing_key")
            return PagerDutySender(address("pagerduty.url"), key, notifications)
        case "alertmanager":
            return AlertmanagerSender(address("alertmanager.url"), notifications)
    server = channel.server or require("smtp.server")
    user = settings["smtp.user"] or ""
    if user and channel.server:
        require_allowed(settings, "smtp.password", mail_servers={channel.name: channel.server})
    elif user:
        require("smtp.password")
    return MailSender(channel, server, user, lambda: str(settings["smtp.password"]), notifications)


def _require(channel: Channel, settings: Settings, name: str) -> str:
    if not settings.is_set(name):
        raise UsageError(f"the channel '{channel.name}' needs {name}", f"set {SETTINGS[name].env}")
    require_allowed(settings, name)
    return str(settings[name])


def _address(channel: Channel, settings: Settings, name: str) -> str:
    url = _require(channel, settings, name)
    return require_address(url, f"the channel '{channel.name}'", f"set {SETTINGS[name].env}")
