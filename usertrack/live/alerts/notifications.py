"""The part `notifications:` of patterns.yaml: who is told of which alerts, how soon, how often, and when not."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from usertrack.core.words import age_words
from usertrack.live.alerts.matchers import Matcher, all_match

KINDS = ("slack", "webhook", "email", "pagerduty", "alertmanager")

RATIONED = ("slack", "email")
"""Channels that people read message by message: budgets are for them. The others group and limit on their own."""

PERSON, PATTERN = "person", "pattern"

_GATHERED, _APART, _AGAIN = timedelta(minutes=20), timedelta(minutes=40), timedelta(days=7)


@dataclass(frozen=True)
class Channel:
    """A receiver of messages. Its secret (address, token, password) comes from the settings of that kind.

    ``room`` is Slack's channel, with a bot token; ``sender``, ``recipients`` and ``server`` are e-mail's.
    """

    name: str
    kind: str
    tells_resolved: bool = True
    room: str = ""
    recipients: tuple[str, ...] = ()
    sender: str = ""
    server: str = ""

    @property
    def tells_acknowledged(self) -> bool:
        """Whether it can be told that somebody looks after an alert without a message more."""
        return self.kind in ("pagerduty", "webhook") or bool(self.room)


@dataclass(frozen=True)
class Timing:
    """The rules by which alerts meet in one message. ``group_by`` are labels; with ("...",) an alert is a group."""

    group_by: tuple[str, ...] = (PERSON,)
    group_wait: timedelta = timedelta(seconds=30)
    group_interval: timedelta = timedelta(minutes=5)
    repeat_interval: timedelta = timedelta(hours=4)


@dataclass(frozen=True)
class Route:
    """The channels of the alerts that match. The first route that matches is taken, and the next with ``goes_on``."""

    name: str
    matchers: tuple[Matcher, ...]
    channels: tuple[str, ...]
    timing: Timing = Timing()
    goes_on: bool = False


@dataclass(frozen=True)
class Inhibition:
    """While an alert fires that is a ``source``, nobody is told of a ``target`` that has the same ``equal`` labels."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()


@dataclass(frozen=True)
class Budget:
    """At most ``messages`` within ``within``."""

    messages: int
    within: timedelta

    def __str__(self) -> str:
        return f"{self.messages} in {age_words(self.within)}"


@dataclass(frozen=True)
class QuietHours:
    """Every day from ``start`` to ``end``, and the whole of ``days`` (0 is Monday); not for alerts of ``excepted``."""

    start: time | None = None
    end: time | None = None
    days: frozenset[int] = frozenset()
    timezone: str = "UTC"
    excepted: tuple[Matcher, ...] = ()

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

    def mute(self, labels: Mapping[str, str], now: datetime) -> bool:
        return self.include(now) and not (self.excepted and all_match(self.excepted, labels))


@dataclass(frozen=True)
class Silence:
    """Nobody is told of the alerts that match, from ``starts_at`` to ``ends_at`` (UTC)."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    who: str = ""
    comment: str = ""

    def mutes(self, labels: Mapping[str, str], now: datetime) -> bool:
        return self.starts_at <= now < self.ends_at and all_match(self.matchers, labels)


@dataclass(frozen=True)
class Notifications:
    """All of it, with the defaults of a file that says nothing."""

    channels: Mapping[str, Channel] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    _: KW_ONLY
    timing: Timing = Timing()
    """Of alerts whose route says nothing else."""

    inhibitions: tuple[Inhibition, ...] = ()
    budgets: Mapping[str, Budget] = field(
        default_factory=lambda: {
            PERSON: Budget(1, timedelta(minutes=10)),
            PATTERN: Budget(10, timedelta(hours=1)),
            "channel": Budget(20, timedelta(hours=1)),
        }
    )
    digest_every: timedelta = timedelta(minutes=30)
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

    def routes_of(self, labels: Mapping[str, str]) -> list[Route]:
        """The routes that alerts with these labels take."""
        taken = []
        for route in self.routes:
            if all_match(route.matchers, labels):
                taken.append(route)
                if not route.goes_on:
                    break
        return taken

    def inhibiting(self, inhibits: Mapping[str, Sequence[str]]) -> "Notifications":
        """The same with each pattern's ``inhibits:``: an alert of one mutes those of the others, of the same person."""
        added = tuple(
            Inhibition((Matcher(PATTERN, "=", source),), (Matcher(PATTERN, "=", target),), (PERSON,))
            for source, targets in inhibits.items()
            for target in targets
        )
        return replace(self, inhibitions=(*self.inhibitions, *added))


def usual_routes(channels: Sequence[str], timing: Timing) -> tuple[Route, ...]:
    """The routes of a file that names none: the urgent at once, the rest every 40 minutes at most."""
    names = tuple(channels)
    repeat = max(timing.repeat_interval, _AGAIN)
    worth_knowing = Timing((PATTERN,), group_wait=_GATHERED, group_interval=_APART, repeat_interval=repeat)
    return (
        Route("worth knowing", (Matcher("severity", "=", "info"),), names, worth_knowing),
        Route("urgent", (), names, timing),
    )
