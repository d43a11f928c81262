"""The alerts of a workspace, for pages."""

from datetime import UTC, datetime

from usertrack.live.alerts.life import Alert
from usertrack.live.alerts.notifications import Notifications
from usertrack.live.alerts.store import AlertStore
from usertrack.live.alerts.watch_lock import deaf_since, is_watched
from usertrack.live.signals.read import read_patterns
from usertrack.workspace.files import patterns_path
from usertrack.workspace.settings import Settings
from usertrack.workspace.state import state_folder


class AlertBoard:
    """The open alerts of the workspace, read again when somebody changes them. For one thread."""

    def __init__(self, settings: Settings) -> None:
        self._folder = state_folder(settings, datetime.now(UTC))
        self._store = AlertStore(self._folder)
        self._alerts: list[Alert] = []

    def alerts(self) -> list[Alert]:
        """Return the firing alerts, in no order; the same list as long as nothing changes."""
        if self._store.changed_elsewhere():
            self._alerts = [alert for alert in self._store.alerts("is_open") if alert.is_firing]
        return self._alerts

    def is_watched(self) -> bool:
        """Whether `alerts watch` runs."""
        return is_watched(self._folder)

    def deaf_since(self) -> datetime | None:
        """Since when it cannot read events, if so."""
        return deaf_since(self._folder)

    def close(self) -> None:
        self._store.close()


def notifications(settings: Settings) -> Notifications:
    """The part `notifications:` of patterns.yaml."""
    return read_patterns(patterns_path(settings)).notifications
