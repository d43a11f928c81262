"""Slack: the message of seed 004, with our reason. With a bot token it is edited when the alert is resolved.

Slack's limits: 50 blocks, 3 000 characters in one text, 150 in a header (docs: Block Kit, "Reference: blocks").
"""

import re
from datetime import datetime

import httpx

from usertrack.core.errors import ConnectionFailed, QueryError, SourceBusy, UsertrackError
from usertrack.core.json_types import JsonObject
from usertrack.core.words import number, people_words
from usertrack.delivery.slack import context, cut, header, refusal, section
from usertrack.live.alerts.cards import Card, CardLink, cards, title
from usertrack.live.alerts.channels.posting import JSON, delivery_to, json_bytes
from usertrack.live.alerts.notifications import Notifications
from usertrack.live.alerts.outbox import Message, Sender
from usertrack.live.alerts.router import Notification, Reason
from usertrack.render import safe
from usertrack.sources.retry import Retry

WHOLE = 8
"""People with all their facts in one message; those beyond have a line each, and beyond `LISTED` are counted."""

LISTED = 30
_MOST_BLOCKS = 36  # of people with all their facts; the lines of the others take 12 at most
_MOST_TRIGGERS = 6
_LINE = 300  # characters of a text before it is escaped, to at most five times as many


def payload(notification: Notification, settings: Notifications, now: datetime, mark: str = "") -> JsonObject:
    """The message. ``mark`` tells one that came twice from another one of the same words."""
    people = cards((*notification.firing, *notification.resolved), settings, now)
    is_digest = notification.reason is Reason.DIGEST
    heading = title(people, is_digest=is_digest)
    blocks: list[JsonObject] = [header(heading)]
    rest = list(people)
    while rest and len(people) - len(rest) < WHOLE:
        of_person = _blocks(rest[0])
        if len(blocks) + len(of_person) > _MOST_BLOCKS:
            break
        blocks += of_person
        rest.pop(0)
    if rest:
        lines = [_line(card) for card in rest[:LISTED]]
        more = len(rest) - len(lines)
        lines += [f"… and {people_words(more)}"] if more else []
        blocks += [section("\n".join(chunk)) for chunk in _chunks(lines)]
    if is_digest:
        blocks.append(context("Gathered: less urgent, or beyond the budgets of `notifications:`."))
    if mark:
        blocks.append(context(safe.slack(mark)))
    first = f"{heading}: {cut(people[0].who, _LINE)}" if people and not is_digest else heading
    return {"text": safe.slack(first), "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def _blocks(card: Card) -> list[JsonObject]:
    lines = [f"👤 *{_text(card.who)}*"]
    lines += [f"💳 {_text(card.tier)}"] if card.tier else []
    lines += [f"{_ICONS.get(label, '•')} {label}: {_text(value)}" for label, value in card.lines]
    for trigger in card.triggers[:_MOST_TRIGGERS]:
        state = f" _({_text(trigger.state)})_" if trigger.state else ""
        reason = f"~{_text(trigger.reason)}~" if trigger.state == "resolved" else _text(trigger.reason)
        lines.append(f"{'✅' if trigger.state == 'resolved' else '⚠️'} Trigger: {reason}{state}")
    more = len(card.triggers) - _MOST_TRIGGERS
    lines += [f"… and {number(more)} more"] if more > 0 else []
    blocks = [section(chunk) for chunk in map("\n".join, _chunks(lines))]
    if card.summary:
        facts = [f"• {_text(label)}: {_text(value)}" for label, value in card.summary]
        blocks += [section("\n".join(chunk)) for chunk in _chunks(["📊 *Activity Summary*", *facts])]
    if card.advice:
        blocks.append(context("\n".join(f"💡 {_text(text)}" for text in card.advice[:5])))
    if card.links:
        blocks.append({"type": "actions", "elements": [_button(link) for link in card.links]})
    return blocks


_ICONS = {"Current Page": "📍", "Time on Page": "⏱️"}


def _button(link: CardLink) -> JsonObject:
    return {"type": "button", "text": {"type": "plain_text", "text": link.label, "emoji": False}, "url": link.url}


def _line(card: Card) -> str:
    first = card.triggers[0]
    ended = "✅ " if card.is_resolved else ""
    return f"• {ended}*{_text(card.who, 100)}* {_text(first.reason, 100)}"


def _text(text: str, longest: int = _LINE) -> str:
    """Without effect in mrkdwn: what would begin or end emphasis becomes a character that looks like it."""
    return _EMPHASIS.sub(lambda match: _LOOKALIKES[match[0]], safe.slack(cut(text, longest)))


_EMPHASIS = re.compile(r"`|(?<!\w)[*_~]|[*_~](?!\w)")
_LOOKALIKES = {"*": "\u2217", "_": "\uff3f", "~": "\u223c", "`": "\u02cb"}


def _chunks(lines: list[str]) -> list[list[str]]:
    """Lines that fit into one section each."""
    chunks: list[list[str]] = [[]]
    for line in lines:
        if sum(map(len, chunks[-1])) + len(chunks[-1]) + len(line) > 2900:
            chunks.append([])
        chunks[-1].append(line)
    return chunks


class SlackWebhookSender(Sender):
    """Posts to an incoming webhook, whose messages cannot be edited."""

    def __init__(self, url: str, settings: Notifications) -> None:
        self._url = url
        self._settings = settings
        self._delivery = delivery_to("Slack", refusal)

    def send(self, message: Message, now: datetime) -> str:
        body = payload(message.notification, self._settings, now, _mark(message))
        answer = self._delivery.post_once(self._url, json_bytes(body), JSON)
        if answer.text.strip() != "ok":
            raise ConnectionFailed("the server does not answer like Slack", "is SLACK_WEBHOOK_URL that of Slack?")
        return ""


class BotSender(Sender):
    """Posts and edits with a bot token (scope chat:write)."""

    def __init__(self, token: str, room: str, api: str, settings: Notifications) -> None:
        self._room = room
        self._api = api.rstrip("/")
        self._settings = settings
        self._headers = {**JSON, "Authorization": f"Bearer {token}"}
        self._delivery = delivery_to("Slack", _plain_refusal)

    def send(self, message: Message, now: datetime) -> str:
        if message.notification.reason is Reason.ACKNOWLEDGED:  # there is nothing left to edit
            return ""
        body = payload(message.notification, self._settings, now, _mark(message))
        about = {"event_type": "usertrack_alert", "event_payload": {"id": message.uuid}}
        answer = self._call("chat.postMessage", {"channel": self._room, **body, "metadata": about})
        return f"{answer.get('channel') or self._room} {answer['ts']}"

    def edit(self, receipt: str, notification: Notification, now: datetime) -> bool:
        room, _, ts = receipt.partition(" ")
        body = payload(notification, self._settings, now)
        try:
            self._call("chat.update", {"channel": room, "ts": ts, **body})
        except QueryError:  # deleted meanwhile, or too old to be edited
            return False
        return True

    def _call(self, method: str, body: JsonObject) -> JsonObject:
        answer = self._delivery.post_once(f"{self._api}/{method}", json_bytes(body), self._headers)
        try:
            reply = answer.json()
        except ValueError:
            reply = None
        if not isinstance(reply, dict) or "ok" not in reply:
            raise Retry(SourceBusy("Slack's answer was cut off, or is not Slack's", "is slack.api right?"))
        if reply["ok"] is True:
            return reply
        raise _error(str(reply.get("error")))


_BUSY = {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
_CONTENT = {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text"}
_UNEDITABLE = {"message_not_found", "cant_update_message", "edit_window_closed", "invalid_metadata_format"}
_ROOM = {"channel_not_found", "not_in_channel", "is_archived", "restricted_action"}


def _error(word: str) -> UsertrackError | Retry:
    word = word if re.fullmatch(r"[a-z_]{1,60}", word) else "no reason given"
    if word in _BUSY:
        return Retry(SourceBusy(f"Slack is busy: {word}", "it is tried again"))
    if word in _CONTENT | _UNEDITABLE:
        return QueryError(f"Slack refused the message: {word}")
    if word in _ROOM:
        return ConnectionFailed(
            f"Slack does not take messages for this channel: {word}", "invite the bot, and name the channel by its id"
        )
    return ConnectionFailed(
        f"Slack does not accept the bot token: {word}", "set SLACK_BOT_TOKEN to one with chat:write"
    )


def _plain_refusal(response: httpx.Response) -> UsertrackError:
    return ConnectionFailed(f"Slack answered HTTP {response.status_code}", "check slack.api and SLACK_BOT_TOKEN")


def _mark(message: Message) -> str:
    return f"Perhaps sent before · {message.uuid[:8]}" if message.may_be_there else ""
