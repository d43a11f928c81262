"""The content of a message about a person who needs help, for every channel: reason, facts, and what to do."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from usertrack.core.words import age_words, number, people_words
from usertrack.live.alerts.life import Alert
from usertrack.live.alerts.notifications import Notifications
from usertrack.render import safe

_TIERS = {
    "free_trial": "Free Trial User",
    "trial": "Free Trial User",
    "paid": "Paid User",
    "enterprise": "Enterprise User",
}
_IN_PLACE = frozenset(
    {"name", "email", "tier", "page", "seconds_on_page", "events", "errors", "last_active_at", "person", "people"}
    | {"session", "tab", "route", "fingerprint", "quiet_minutes", "quiet_days"}
)
"""Facts that a message has elsewhere, or that are no news to people."""

_MOST_FACTS, _LONGEST = 8, 200


@dataclass(frozen=True)
class Trigger:
    """Why the alert is there. ``state`` is "" while it fires."""

    reason: str
    severity: str
    state: str = ""


@dataclass(frozen=True)
class CardLink:
    label: str
    url: str


@dataclass(frozen=True)
class Card:
    """One person's part of a message, or that of an incident. All texts are raw: the channel makes them harmless."""

    who: str
    tier: str
    lines: tuple[tuple[str, str], ...]
    """(label, value): current page, time on page."""

    triggers: tuple[Trigger, ...]
    summary: tuple[tuple[str, str], ...]
    """(label, value): totals, last active, and facts of the rule."""

    links: tuple[CardLink, ...]
    advice: tuple[str, ...] = ()
    """What to do, once for each pattern that fires."""

    is_resolved: bool = False


def cards(alerts: Iterable[Alert], settings: Notifications, now: datetime) -> list[Card]:
    """A card for each person, in the order of ``alerts``; that of an incident stands alone."""
    people: dict[str, list[Alert]] = {}
    for alert in alerts:
        people.setdefault(alert.person or alert.key, []).append(alert)
    return [_card(together, settings, now) for together in people.values()]


def _card(alerts: Sequence[Alert], settings: Notifications, now: datetime) -> Card:
    facts: dict[str, object] = {}
    for alert in sorted(alerts, key=lambda alert: alert.updated_at):
        facts |= {name: value for name, value in alert.facts.items() if value is not None}
    lines = [("Current Page", _text(facts.get("page"))), ("Time on Page", duration(facts.get("seconds_on_page")))]
    totals = [("Total Events", _text(facts.get("events"))), ("Errors", _text(facts.get("errors")))]
    own = [(_label(name), _text(value)) for name, value in facts.items() if name not in _IN_PLACE]
    last = ("Last Active", _ago(facts.get("last_active_at"), now))
    return Card(
        who=_who(alerts[0], facts),
        tier=tier_words(facts.get("tier")),
        lines=tuple((label, value) for label, value in lines if value),
        triggers=tuple(Trigger(alert.because or alert.pattern, alert.severity, _state(alert)) for alert in alerts),
        summary=tuple((label, value) for label, value in (*totals, last, *own[:_MOST_FACTS]) if value),
        links=links(alerts[0], facts, settings),
        advice=tuple(dict.fromkeys(text for alert in alerts if (text := _advice(alert, settings)))),
        is_resolved=all(alert.is_resolved for alert in alerts),
    )


def _who(alert: Alert, facts: Mapping[str, object]) -> str:
    if not alert.person:
        people = facts.get("people")
        return people_words(people) if isinstance(people, int) else "Many people"
    name, email = _text(facts.get("name")), _text(facts.get("email"))
    return f"{name} ({email})" if name and email else name or email or alert.person


def _advice(alert: Alert, settings: Notifications) -> str:
    return "" if alert.is_resolved else settings.advice.get(alert.pattern, "")


def _state(alert: Alert) -> str:
    if alert.is_resolved:
        return "resolved"
    return f"acknowledged by {alert.acknowledged_by}" if alert.acknowledged_at else ""


def title(cards_of_message: Sequence[Card], *, is_digest: bool = False) -> str:
    """The headline, such as `User Needs Support`."""
    people = len(cards_of_message)
    if is_digest:
        return "1 more User Needs Support" if people == 1 else f"{number(people)} more Users Need Support"
    if all(card.is_resolved for card in cards_of_message):
        return "Resolved" if people == 1 else f"Resolved for {people_words(people)}"
    return "User Needs Support" if people == 1 else f"{number(people)} Users Need Support"


def tier_words(tier: object) -> str:
    """`Free Trial User` for free_trial; another tier in its own words."""
    text = _text(tier)
    return _TIERS.get(text.casefold(), f"{text} user" if text else "")


def duration(seconds: object) -> str:
    """``6m 23s``; "" for what is no number."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < 1e9:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes}m" if hours else f"{minutes}m {rest}s" if minutes else f"{rest}s"


def _ago(moment: object, now: datetime) -> str:
    try:
        since = now - datetime.fromisoformat(str(moment)).astimezone(UTC)
    except (ValueError, OverflowError):
        return ""
    return "just now" if since < timedelta(seconds=5) else f"{age_words(since)} ago"


def _text(value: object) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, (dict, list)):
        return {True: "yes", False: "no"}.get(value, "") if isinstance(value, bool) else ""
    text = number(value) if isinstance(value, int) else f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()[:60]


def links(alert: Alert, facts: Mapping[str, object], settings: Notifications) -> tuple[CardLink, ...]:
    """Links of the templates."""
    templates = (("View activity", settings.activity_url), (CALL, settings.call_url))
    urls = [(label, link_url(template, alert.person, alert.session, facts)) for label, template in templates]
    return tuple(CardLink(label, url) for label, url in urls if url)


CALL = "Start video call"


def link_url(template: str, person: str, session: str, facts: Mapping[str, object]) -> str:
    """``template`` with its values, each quoted so that it stays one part of the address; "" for what is no address."""
    values = {"person": person, "session": session, "email": str(facts.get("email") or "")}
    url = template if person else ""
    for name, value in values.items():
        url = url.replace("{" + name + "}", quote(value, safe="", errors="replace"))
    return url if safe.url(url).startswith(("https://", "http://")) and len(url) <= 3000 else ""
