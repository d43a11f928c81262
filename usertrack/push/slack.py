"""The target `slack`: one message in a channel, through an incoming webhook. Texts from sources have no effect in it.

Slack's limits: 50 blocks, 3 000 characters in one text, 150 in a header (docs: Block Kit, "Reference: blocks").
"""

import json
from typing import Any

from usertrack.core.errors import ConnectionFailed, UsageError
from usertrack.core.notify import Notify
from usertrack.core.period import in_zone
from usertrack.core.words import number
from usertrack.delivery.post import Delivery, masked, require_address
from usertrack.delivery.slack import HEADER, context, cut, header, refusal, section
from usertrack.engine.runner import Runner
from usertrack.push.audience import AudienceMember, PushAudience
from usertrack.push.order import PushOrder, PushOutcome, Request
from usertrack.render import safe

LISTED, MOST_LISTED = 10, 40
"""People in the message without ``--limit``, and the most that fit beside the other blocks."""

_NAME, _REASON = 120, 400  # characters before they are escaped, to at most five times as many


def check(order: PushOrder) -> None:
    if _url(order) or not order.dry_run:
        require_address(_url(order), "Slack", _hint(order))
    if order.link is not None and not order.link.startswith(("https://", "http://")):
        raise UsageError("--link takes an address that begins with https://", "such as that of your weekly report")


def push(audience: PushAudience, order: PushOrder, runner: Runner, notify: Notify) -> PushOutcome:
    """Post the digest; nothing for an empty segment. Raises a UsertrackError when Slack refuses it."""
    if not audience.total:
        return PushOutcome()
    message = digest(audience, *_link(order))
    headers = {"Content-Type": "application/json; charset=utf-8"}
    count = min(len(audience.people), MOST_LISTED)
    if order.dry_run:
        return PushOutcome(count, requests=(Request("POST", masked(_url(order)), headers, message),))
    url = require_address(_url(order), "Slack", _hint(order))
    content = safe.utf8(json.dumps(message, ensure_ascii=False))
    answer = Delivery("Slack", refusal, notify, order.pause).post(url, content, headers)
    if answer.text.strip() != "ok":
        raise ConnectionFailed("the server accepted the message, but does not answer like Slack", _hint(order))
    return PushOutcome(count)


def digest(audience: PushAudience, link: str = "", label: str = "") -> dict[str, object]:
    """The message: how many people to act on, who comes first and why. ``text`` is for notifications."""
    segment, total = audience.segment, audience.total
    people = audience.people[:MOST_LISTED]
    title = f"{cut(segment.name, HEADER - 30)} · {_people(total)}"  # 30 characters are for the count
    blocks: list[dict[str, Any]] = [
        header(safe.visible(title)),
        context(_about(audience)),
        *(section(_line(number, person)) for number, person in enumerate(people, start=1)),
    ]
    if audience.facts_of_today:
        facts = ", ".join(audience.facts_of_today)
        blocks.append(context(safe.slack(f"Today's values, not those of that day: {facts}")))
    rest = f"{number(total - len(people))} more · " if total > len(people) else ""
    lists = " lists the whole segment" if audience.filter else ""
    blocks.append(context(f"{rest}`{safe.slack(audience.command)}`{lists}"))
    if link:
        blocks.append(section(f"<{safe.slack(link).replace('|', '%7C')}|{label}>"))
    return {"text": safe.slack(title), "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def _link(order: PushOrder) -> tuple[str, str]:
    """(address, label) of the link for more: that of --link, else the project in PostHog."""
    settings = order.settings
    if order.link:
        return order.link, "Open the report"
    if settings.uses_demo or not settings.has_posthog or not settings["posthog.host"].startswith("https://"):
        return "", ""  # the embedded server has no pages
    return f"{settings['posthog.host'].rstrip('/')}/project/{settings['posthog.project_id']}/persons", "Open PostHog"


def _about(audience: PushAudience) -> str:
    local = in_zone(audience.as_of, audience.timezone)
    parts = [f"*{safe.slack(audience.segment.action)}*"] if audience.segment.action else []
    parts.append(f"{local.day} {local:%b %Y, %H:%M} {audience.timezone}")
    if audience.members_elsewhere:
        parts.append(f"{number(audience.members)} in the segment")
    if audience.filter:
        parts.append(safe.slack(f"filter: {cut(audience.filter, _REASON)}"))
    if audience.moved and audience.since:
        since = in_zone(audience.since, audience.timezone)
        parts.append(f"+{audience.moved[0]} −{audience.moved[1]} since {since.day} {since:%b %Y}")
    return " · ".join(parts)


def _line(number: int, person: AudienceMember) -> str:
    urgent = "" if person.priority is None else f" · priority {person.priority:.1f}"
    name, reason = cut(person.email or person.key, _NAME), cut(person.reason or "", _REASON)
    return f"*{number}. {safe.slack(name)}*{urgent}\n{safe.slack(reason)}"


def _people(count: int) -> str:
    return number(count) + (" person" if count == 1 else " people")


def _hint(order: PushOrder) -> str:
    place = "give it to --url" if order.url else "set SLACK_WEBHOOK_URL"
    return f"make one in Slack (Apps › Incoming Webhooks) and {place}"


def _url(order: PushOrder) -> str | None:
    url: str | None = order.url or order.settings["slack.webhook_url"]
    return url
