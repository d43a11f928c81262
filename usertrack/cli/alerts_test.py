"""`usertrack alerts test`: an invented alert, sent through the real channels."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from usertrack.cli import diagnostics
from usertrack.cli.common import Common, settings_of
from usertrack.core.errors import CheckFailed, UsageError, UsertrackError, did_you_mean
from usertrack.core.words import plural
from usertrack.live.alerts.channels.senders import senders
from usertrack.live.alerts.life import Alert
from usertrack.live.alerts.model import SignalState
from usertrack.live.alerts.outbox import Message
from usertrack.live.alerts.router import Notification, Reason
from usertrack.live.signals.read import read_patterns
from usertrack.sources.retry import Retry
from usertrack.workspace.files import patterns_path


def send_test(common: Common, names: list[str]) -> None:
    """Send it to the channels with these names, or to all; raises CheckFailed when one did not take it."""
    settings = settings_of(common)
    path = patterns_path(settings)
    notifications = read_patterns(path).notifications
    if not notifications.channels:
        raise UsageError(f"{path} names no channels", "add `notifications: {channels: {slack: slack}}`")
    for name in names:
        if name not in notifications.channels:
            raise UsageError(f"there is no channel '{name}'", did_you_mean(name, notifications.channels))
    now = datetime.now(UTC)
    failed = []
    for name, sender in senders(notifications, settings).items():
        if names and name not in names:
            continue
        notification = Notification(name, Reason.NEW, now, "test", (_alert(now),))
        try:
            sender.send(Message(str(uuid4()), notification), now)
        except (UsertrackError, Retry) as problem:
            failed.append(name)
            diagnostics.error(problem.final if isinstance(problem, Retry) else problem)
        else:
            diagnostics.note(f"{name} took it")
    if failed:
        raise CheckFailed(f"{plural(len(failed), 'channel')} did not take it: {', '.join(failed)}")


def _alert(now: datetime) -> Alert:
    facts = {
        "name": "Test Person",
        "email": "test@usertrack.example",
        "tier": "trial",
        "page": "/dashboard/analytics",
        "seconds_on_page": 383,
        "events": 45,
        "errors": 2,
        "last_active_at": (now - timedelta(minutes=2)).isoformat(),
    }
    return Alert(
        key=f"test:test:{now.isoformat()}",
        pattern="test",
        person="test",
        session="",
        severity="info",
        because="this is a test of `usertrack alerts test`: nobody needs help",
        facts=facts,
        labels={"pattern": "test", "severity": "info", "person": "test"},
        events=(),
        signal=SignalState.FIRING,
        started_at=now,
        updated_at=now,
        fired_at=now,
    )
