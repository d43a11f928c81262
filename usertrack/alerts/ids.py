"""Short ids of alerts, for people to type: the key of an alert is as long as a line."""

import hashlib
from collections.abc import Iterable

from usertrack.alerts.life import Alert
from usertrack.core.errors import UsageError, did_you_mean

_LENGTH = 6


def short_id(key: str) -> str:
    """Six hexadecimal digits of the key's hash."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()[:_LENGTH]


def alert_of(text: str, alerts: Iterable[Alert]) -> Alert:
    """The alert with this short id or key, else the only open one of the person with this e-mail or id.

    Raises UsageError where there is none, or several.
    """
    alerts = list(alerts)
    text = text.strip()
    named = [alert for alert in alerts if text in (short_id(alert.key), alert.key)]
    if not named:
        person = text.casefold()
        of_person = {str(alert.facts.get("email") or "").casefold(): alert for alert in alerts}
        named = [
            alert
            for alert in alerts
            if not alert.is_resolved and person in (str(alert.facts.get("email") or "").casefold(), alert.person)
        ]
        if not named:
            known = [short_id(alert.key) for alert in alerts] + [email for email in of_person if email]
            hint = did_you_mean(text, known, "`usertrack alerts list --all` shows the ids")
            raise UsageError(f"there is no alert '{text}'", hint)
    if len(named) > 1:
        ids = ", ".join(f"{short_id(alert.key)} ({alert.pattern})" for alert in named)
        raise UsageError(f"'{text}' has {len(named)} open alerts", f"name one: {ids}")
    return named[0]
