"""Short ids of alerts, for people to type: the key of an alert is as long as a line."""

import hashlib
from collections.abc import Iterable

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.live.alerts.life import Alert

_LENGTH = 6


def short_id(key: str) -> str:
    """Six hexadecimal digits of the key's hash."""
    return _digits(key)[:_LENGTH]


def short_ids(keys: Iterable[str]) -> dict[str, str]:
    """The same by key, for alerts that are seen together: as long as it takes to tell them apart."""
    digits = {key: _digits(key) for key in keys}
    length = _LENGTH
    while len({digest[:length] for digest in digits.values()}) < len(digits):
        length += 1
    return {key: digest[:length] for key, digest in digits.items()}


def _digits(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


def alert_of(text: str, alerts: Iterable[Alert]) -> Alert:
    """The alert with this key or id, of which six digits do; else the only open one of who has this e-mail or id.

    An open one comes before those that are over. Raises UsageError where there is none, or several.
    """
    alerts = list(alerts)
    text = text.strip()
    named = _with_id(text, alerts) or _of_person(text, alerts)
    if not named:
        emails = {str(alert.facts.get("email") or "").casefold() for alert in alerts} - {""}
        known = [*(short_id(alert.key) for alert in alerts), *emails]
        hint = did_you_mean(text, known, "`usertrack alerts list --all` shows the ids")
        raise UsageError(f"there is no alert '{text}'", hint)
    if len(named) > 1:
        ids = short_ids(alert.key for alert in named)
        listed = ", ".join(f"{ids[alert.key]} ({alert.pattern})" for alert in named)
        raise UsageError(f"'{text}' is {len(named)} alerts", f"name one: {listed}")
    return named[0]


def _with_id(text: str, alerts: list[Alert]) -> list[Alert]:
    if exact := [alert for alert in alerts if alert.key == text]:
        return exact
    named = [alert for alert in alerts if len(text) >= _LENGTH and _digits(alert.key).startswith(text.casefold())]
    return [alert for alert in named if not alert.is_resolved] or named


def _of_person(text: str, alerts: list[Alert]) -> list[Alert]:
    person = text.casefold()
    still_open = [alert for alert in alerts if not alert.is_resolved]
    return [alert for alert in still_open if person in (str(alert.facts.get("email") or "").casefold(), alert.person)]
