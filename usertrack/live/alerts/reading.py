"""Reads the part `notifications:` of patterns.yaml. An error names the file, the line and what to write."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.json_types import JsonObject
from usertrack.core.words import parse_age
from usertrack.core.yaml_file import YamlFile
from usertrack.live.alerts.model import INFO, SEVERITIES
from usertrack.live.alerts.notifications import (
    KINDS,
    Budget,
    Channel,
    Notifications,
    QuietHours,
)

SECTION = "notifications"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_OWN = {
    "slack": {"channel"},
    "email": {"to", "from", "server"},
    "webhook": set[str](),
    "pagerduty": set[str](),
    "alertmanager": set[str](),
}
_LINKS = ("activity_url", "call_url")
_RETENTION = {"alerts_kept", "messages_kept"}
_KEYS = {"channels", "budgets", "digest", "quiet_hours", *_LINKS} | _RETENTION
GONE = {
    "routes": "name them in `channels:` of a pattern, or give a channel `severity: critical`",
    "inhibit": "alerts of one person are one message; inhibit_rules of your Alertmanager, as a channel, do more",
    "group_by": "alerts of one person are one message; your Alertmanager, as a channel, groups by labels",
    "group_wait": "leave it out: what one person meets within 3 seconds is one message",
    "group_interval": "leave it out: messages about one person are 5 minutes apart, and `budgets:` bound them",
    "repeat_interval": "leave it out: an alert is told once, and again after a snooze; your Alertmanager repeats",
    "inhibits": "leave it out: alerts of one person are one message; inhibit_rules of your Alertmanager do more",
}
"""Settings of the time when we grouped and repeated as Alertmanager does, and what to write."""

T = TypeVar("T")


def read_notifications(file: YamlFile, advice: Mapping[str, str] | None = None) -> Notifications:
    """Return the part `notifications:` of ``file``, or the defaults where it has none.

    ``advice`` is what each pattern says in its own ``help:``. Raises UsageError with file and line.
    """
    return replace(_Reader(file).notifications(), advice=advice or {})


def refuse_gone(file: YamlFile, value: Mapping[str, object], *at: object) -> None:
    """Raise UsageError, with what to write instead, if ``value`` has a setting that is no more."""
    for name in value:
        if name in GONE:
            raise file.wrong(f"there is no setting '{name}' any more", *at, name, hint=GONE[name])


class _Reader:
    def __init__(self, file: YamlFile) -> None:
        self._file = file
        value = file.document.get(SECTION)
        self._section: JsonObject = {} if value is None else file.mapping(value, SECTION)

    def notifications(self) -> Notifications:
        section = self._section
        refuse_gone(self._file, section, SECTION)
        self._file.known(section, _KEYS, SECTION)
        channels = self._channels()
        defaults = Notifications()
        return replace(
            defaults,
            channels=channels,
            channels_of=self._channels_of(channels),
            budgets=self._budgets(defaults.budgets),
            digest_every=self._age(section, "digest", defaults.digest_every, SECTION),
            quiet_hours=self._quiet_hours(),
            activity_url=self._link("activity_url"),
            call_url=self._link("call_url"),
            alerts_kept=self._age(section, "alerts_kept", defaults.alerts_kept, SECTION),
            messages_kept=self._age(section, "messages_kept", defaults.messages_kept, SECTION),
        )

    def _channels(self) -> dict[str, Channel]:
        if "channels" not in self._section:
            return {}
        channels = self._file.mapping(self._section["channels"], SECTION, "channels")
        return {name: self._channel(name, value) for name, value in channels.items()}

    def _channel(self, name: str, value: object) -> Channel:
        at = (SECTION, "channels", name)
        if isinstance(value, str):
            value = {"type": value}
        value = self._file.mapping(value, *at)
        kind = value.get("type")
        if kind not in KINDS:
            hint = did_you_mean(str(kind), KINDS, f"known: {', '.join(KINDS)}")
            raise self._wrong(f"the channel '{name}' has no `type:` that there is", *at, "type", hint=hint)
        self._file.known(value, {"type", "send_resolved", "severity", *_OWN[kind]}, *at)
        room, sender = self._text(value, "channel", *at), self._text(value, "from", *at)
        recipients = tuple(self._texts(value, "to", *at))
        if kind == "email":
            self._require_addresses([sender, *(recipients or ("",))], *at)
        tells = value.get("send_resolved", bool(room) if kind == "slack" else kind != "email")
        if not isinstance(tells, bool):
            raise self._wrong("'send_resolved' is true or false", *at, "send_resolved")
        severity = self._severity(value, "severity", *at) or INFO
        return Channel(name, kind, tells, room, recipients, sender, self._text(value, "server", *at), severity)

    def _channels_of(self, channels: Mapping[str, Channel]) -> dict[str, tuple[str, ...]]:
        """Return the channels of each pattern that names its own; none of them is told to nobody."""
        patterns = self._file.document.get("patterns")
        of_patterns = {}
        for pattern, value in patterns.items() if isinstance(patterns, dict) else ():
            if isinstance(value, dict) and "channels" in value:
                at = ("patterns", pattern)
                of_patterns[pattern] = tuple(self._texts(value, "channels", *at))
                for name in of_patterns[pattern]:
                    if name not in channels:
                        hint = did_you_mean(name, channels, f"name it in `{SECTION}:`")
                        raise self._wrong(f"there is no channel '{name}'", *at, "channels", hint=hint)
        return of_patterns

    def _severity(self, value: Mapping[str, object], name: str, *at: object) -> str:
        severity = self._text(value, name, *at)
        if severity and severity not in SEVERITIES:
            hint = did_you_mean(severity, SEVERITIES, f"known: {', '.join(SEVERITIES)}")
            raise self._wrong(f"'{severity}' is no severity", *at, name, hint=hint)
        return severity

    def _require_addresses(self, addresses: Sequence[str], *at: object) -> None:
        for address in addresses:
            if not re.fullmatch(r"[^\s@<>,;]+@[^\s@<>,;]+", address, re.ASCII):
                hint = "write `to: [support@acme.example]` and `from: usertrack@acme.example`"
                raise self._wrong(f"'{address}' is not an e-mail address", *at, hint=hint)

    def _budgets(self, usual: Mapping[str, Budget]) -> dict[str, Budget]:
        if "budgets" not in self._section:
            return dict(usual)
        at = (SECTION, "budgets")
        value = self._file.mapping(self._section["budgets"], *at)
        self._file.known(value, set(usual), *at)
        budgets = {name: self._budget(text, *at, name) for name, text in value.items()}
        return {name: budget for name in usual if (budget := budgets.get(name, usual[name]))}

    def _budget(self, text: object, *at: object) -> Budget | None:
        if text in ("off", False):  # YAML reads off as false
            return None
        shape = re.fullmatch(r"([0-9]{1,6}) in (.+)", str(text).strip(), re.ASCII)
        if not shape:
            raise self._wrong(f"'{text}' is no budget", *at, hint="write `1 in 10m`, or off")
        return Budget(int(shape[1]), self._parsed(parse_age, shape[2], *at))

    def _quiet_hours(self) -> QuietHours:
        if "quiet_hours" not in self._section:
            return QuietHours()
        at = (SECTION, "quiet_hours")
        value = self._file.mapping(self._section["quiet_hours"], *at)
        self._file.known(value, {"from", "to", "days", "timezone", "except"}, *at)
        start, end = (self._time(value, name, *at) for name in ("from", "to"))
        if (start is None) != (end is None):
            raise self._wrong("quiet hours have `from:` and `to:`", *at)
        days = [self._day(day, *at) for day in self._texts(value, "days", *at)]
        zone = self._text(value, "timezone", *at) or "UTC"
        try:
            ZoneInfo(zone)
        except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
            raise self._wrong(f"there is no timezone '{zone}'", *at, "timezone", hint="such as Europe/Berlin") from None
        return QuietHours(start, end, frozenset(days), zone, self._severity(value, "except", *at))

    def _time(self, value: Mapping[str, object], name: str, *at: object) -> time | None:
        if name not in value:
            return None
        text = value[name]
        if isinstance(text, int) and not isinstance(text, bool) and 0 <= text < 24 * 60:  # YAML reads 20:00 as 1200
            return time(text // 60, text % 60)
        try:
            return time.fromisoformat(str(text))
        except ValueError:
            raise self._wrong(f"'{text}' is not a time of day", *at, name, hint='write "20:00"') from None

    def _day(self, day: str, *at: object) -> int:
        if day[:3].casefold() not in _DAYS:
            raise self._wrong(f"'{day}' is not a day", *at, "days", hint=f"known: {', '.join(_DAYS)}")
        return _DAYS.index(day[:3].casefold())

    def _link(self, name: str) -> str:
        url = self._text(self._section, name, SECTION)
        if url and not url.startswith(("https://", "http://")):
            raise self._wrong(
                f"'{name}' begins with https://", SECTION, name, hint="such as https://meet.example/{person}"
            )
        unknown = set(re.findall(r"{(.*?)}", url)) - {"person", "email", "session"}
        if unknown:
            hint = "known: {person}, {email}, {session}"
            raise self._wrong(f"'{name}' has no value for {{{unknown.pop()}}}", SECTION, name, hint=hint)
        return url

    # Values

    def _age(self, value: Mapping[str, object], name: str, usual: timedelta, *at: object) -> timedelta:
        if name not in value:
            return usual
        return timedelta(0) if value[name] in (0, "0s") else self._parsed(parse_age, str(value[name]), *at, name)

    def _parsed(self, parse: Callable[[str], T], text: str, *at: object) -> T:
        try:
            return parse(text)
        except UsageError as error:
            raise self._wrong(error.message, *at, hint=error.hint) from None

    def _text(self, value: Mapping[str, object], name: str, *at: object) -> str:
        text = value.get(name, "")
        if not isinstance(text, str):
            raise self._wrong(f"'{name}' is a text", *at, name, hint="put it in quotes")
        return text

    def _texts(self, value: Mapping[str, object], name: str, *at: object) -> list[str]:
        """A text is a list of one."""
        texts = value.get(name, [])
        texts = [texts] if isinstance(texts, str) else self._list(texts, *at, name)
        known = [text for text in texts if isinstance(text, str)]
        if len(known) < len(texts):
            raise self._wrong(f"'{name}' takes texts", *at, name, hint="put them in quotes")
        return known

    def _list(self, value: object, *at: object) -> list[object]:
        if not isinstance(value, list):
            raise self._wrong(f"'{at[-1]}' takes a list", *at)
        return value

    def _wrong(self, message: str, *at: object, hint: str = "") -> UsageError:
        return self._file.wrong(message, *at, hint=hint)
