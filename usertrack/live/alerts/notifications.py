"""The part `notifications:` of patterns.yaml: who is told of which alerts, how often, and when not."""

from collections.abc import Collection, Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from usertrack.core.words import age_words
from usertrack.live.alerts.life import Alert
from usertrack.live.alerts.model import INFO, urgency

KINDS = ("slack", "webhook", "email", "pagerduty", "alertmanager")

RATIONED = ("slack", "email")
"""Channels that people read message by message: budgets are for them. The others limit on their own."""

PERSON, PATTERN = "person", "pattern"


@dataclass(frozen=True)
class Channel:
    """A receiver of messages. Its secret (address, token, password) comes from the settings of that kind.

    ``room`` is Slack's channel, with a bot token; ``sender``, ``recipients`` and ``server`` are e-mail's. It is told of
    alerts that are at least as urgent as ``severity``.
    """

    name: str
    kind: str
    tells_resolved: bool = True
    room: str = ""
    recipients: tuple[str, ...] = ()
    sender: str = ""
    server: str = ""
    severity: str = INFO

    @property
    def tells_acknowledged(self) -> bool:
        """Whether it can be told that somebody looks after an alert without a message more."""
        return self.kind in ("pagerduty", "webhook") or bool(self.room)


@dataclass(frozen=True)
class Budget:
    """At most ``messages`` within ``within``."""

    messages: int
    within: timedelta

    def __str__(self) -> str:
        return f"{self.messages} in {age_words(self.within)}"


@dataclass(frozen=True)
class QuietHours:
    """Every day from ``start`` to ``end``, and the whole of ``days`` (0 is Monday).

    Not for alerts that are at least as urgent as ``excepted``; "" for none.
    """

    start: time | None = None
    end: time | None = None
    days: frozenset[int] = frozenset()
    timezone: str = "UTC"
    excepted: str = ""

    def include(self, now: datetime) -> bool:
        local = now.astimezone(ZoneInfo(self.timezone))
        if local.weekday() in self.days:
            return True
        if self.start is None or self.end is None:
            return False
        clock = local.time()
        if self.start <= self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end

    def hold(self, severity: str, now: datetime) -> bool:
        """Whether alerts of this severity wait until the hours are over."""
        return self.include(now) and not (self.excepted and urgency(severity) <= urgency(self.excepted))


@dataclass(frozen=True)
class Notifications:
    """All of it, with the defaults of a file that says nothing."""

    channels: Mapping[str, Channel] = field(default_factory=dict)
    _: KW_ONLY
    channels_of: Mapping[str, Collection[str]] = field(default_factory=dict)
    """The channels of a pattern that names its own: its ``channels:``. Alerts of the others go to all."""

    budgets: Mapping[str, Budget] = field(
        default_factory=lambda: {
            PERSON: Budget(1, timedelta(minutes=10)),
            PATTERN: Budget(10, timedelta(hours=1)),
            "channel": Budget(20, timedelta(hours=1)),
        }
    )
    digest_every: timedelta = timedelta(minutes=20)
    """After the first of its alerts: most alerts last half an hour, and what is over is not in it."""

    quiet_hours: QuietHours = QuietHours()
    activity_url: str = ""
    """Template of the address of a person's page: ``{person}``, ``{email}``, ``{session}``."""

    call_url: str = ""
    advice: Mapping[str, str] = field(default_factory=dict)
    """What to do, by pattern: its ``help:``."""

    alerts_kept: timedelta = timedelta(days=90)
    messages_kept: timedelta = timedelta(days=30)

    @property
    def mail_servers(self) -> dict[str, str]:
        """The mail server of each channel that names one of its own."""
        return {name: channel.server for name, channel in self.channels.items() if channel.server}

    def tells(self, channel: Channel, alert: Alert) -> bool:
        """Whether alerts of this pattern and severity are for ``channel``."""
        channels = self.channels_of.get(alert.pattern)
        return urgency(alert.severity) <= urgency(channel.severity) and (channels is None or channel.name in channels)
