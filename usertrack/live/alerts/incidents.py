"""An incident stands for the alerts of its people: what many meet at once is told once, and not of each of them."""

from usertrack.live.alerts.life import Alert
from usertrack.live.alerts.model import CRITICAL

_WHAT = ("fingerprint", "form")


class Incidents:
    """The open ones."""

    def __init__(self) -> None:
        self._open: dict[str, Alert] = {}

    def update(self, alert: Alert) -> None:
        if not alert.person:
            self._open.pop(alert.key, None)
            if alert.is_firing:
                self._open[alert.key] = alert

    def of(self, alert: Alert) -> str:
        """The key of the incident that stands for ``alert``; "" where none does."""
        return next((key for key, incident in self._open.items() if stands_for(incident, alert)), "")


def stands_for(incident: Alert, alert: Alert) -> bool:
    """Whether ``alert`` is of the incident's pattern and about the same, or about the same error and not critical."""
    if not alert.person:
        return False
    same = {name for name in _WHAT if incident.labels.get(name, "") == alert.labels.get(name, "")}
    if alert.pattern == incident.pattern:
        return len(same) == len(_WHAT)
    return bool(incident.labels.get("fingerprint")) and "fingerprint" in same and alert.severity != CRITICAL
