"""Reads the part `notifications:` of patterns.yaml. An error names the file, the line and what to write."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import time, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.words import parse_age
from usertrack.core.yaml_file import YamlFile
from usertrack.live.alerts.matchers import Matcher, parse_matcher
from usertrack.live.alerts.notifications import (
    KINDS,
    Budget,
    Channel,
    Inhibition,
    Notifications,
    QuietHours,
    Route,
    Timing,
    usual_routes,
)

SECTION = "notifications"
_TIMES = ("group_wait", "group_interval", "repeat_interval")
_TIMING = {"group_by", *_TIMES}
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
_KEYS = {"channels", "routes", "inhibit", "budgets", "digest", "quiet_hours", *_LINKS} | _RETENTION | _TIMING

T = TypeVar("T")


def read_notifications(
    file: YamlFile, inhibits: Mapping[str, Sequence[str]] | None = None, advice: Mapping[str, str] | None = None
) -> Notifications:
    """The part `notifications:` of ``file``, or the defaults where it has none; raises UsageError with file and line.

    ``inhibits`` and ``advice`` are what each pattern says in its own ``inhibits:`` and ``help:``.
    """
    return replace(_Reader(file).notifications().inhibiting(inhibits or {}), advice=advice or {})


class _Reader:
    def __init__(self, file: YamlFile) -> None:
        self._file = file
        value = file.document.get(SECTION)
        self._section: dict[str, Any] = {} if value is None else file.mapping(value, SECTION)

    def notifications(self) -> Notifications:
        section = self._section
        self._file.known(section, _KEYS, SECTION)
        channels = self._channels()
        timing = self._timing(section, Timing(), SECTION)
        defaults = Notifications()
        return replace(
            defaults,
            channels=channels,
            routes=self._routes(channels, timing),
            timing=timing,
            inhibitions=tuple(self._inhibitions()),
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

    def _channel(self, name: str, value: Any) -> Channel:
        at = (SECTION, "channels", name)
        if isinstance(value, str):
            value = {"type": value}
        value = self._file.mapping(value, *at)
        kind = value.get("type")
        if kind not in KINDS:
            hint = did_you_mean(str(kind), KINDS, f"known: {', '.join(KINDS)}")
            raise self._wrong(f"the channel '{name}' has no `type:` that there is", *at, "type", hint=hint)
        self._file.known(value, {"type", "send_resolved", *_OWN[kind]}, *at)
        room, sender = self._text(value, "channel", *at), self._text(value, "from", *at)
        recipients = tuple(self._texts(value, "to", *at))
        if kind == "email":
            self._require_addresses([sender, *(recipients or ("",))], *at)
        tells = value.get("send_resolved", bool(room) if kind == "slack" else kind != "email")
        if not isinstance(tells, bool):
            raise self._wrong("'send_resolved' is true or false", *at, "send_resolved")
        return Channel(name, kind, tells, room, recipients, sender, self._text(value, "server", *at))

    def _require_addresses(self, addresses: Sequence[str], *at: Any) -> None:
        for address in addresses:
            if not re.fullmatch(r"[^\s@<>,;]+@[^\s@<>,;]+", address, re.ASCII):
                hint = "write `to: [support@acme.example]` and `from: usertrack@acme.example`"
                raise self._wrong(f"'{address}' is not an e-mail address", *at, hint=hint)

    def _routes(self, channels: Mapping[str, Channel], timing: Timing) -> tuple[Route, ...]:
        at = (SECTION, "routes")
        if "routes" not in self._section:
            return usual_routes(tuple(channels), timing) if channels else ()
        routes = self._list(self._section["routes"], *at)
        return tuple(self._route(number, value, channels, timing) for number, value in enumerate(routes))

    def _route(self, number: int, value: Any, channels: Mapping[str, Channel], timing: Timing) -> Route:
        at = (SECTION, "routes", number)
        value = self._file.mapping(value, *at)
        self._file.known(value, {"name", "match", "channels", "continue", *_TIMING}, *at)
        names = self._texts(value, "channels", *at)
        for name in names:
            if name not in channels:
                raise self._wrong(f"there is no channel '{name}'", *at, "channels", hint=did_you_mean(name, channels))
        goes_on = value.get("continue", False)
        if not isinstance(goes_on, bool):
            raise self._wrong("'continue' is true or false", *at, "continue")
        matchers = self._matchers(value, "match", *at)
        name = self._text(value, "name", *at) or " ".join(map(str, matchers)) or "all"
        return Route(name, matchers, tuple(names), self._timing(value, timing, *at), goes_on)

    def _timing(self, value: Mapping[str, Any], usual: Timing, *at: Any) -> Timing:
        times = {name: self._age(value, name, getattr(usual, name), *at) for name in _TIMES}
        group_by = tuple(self._texts(value, "group_by", *at)) if "group_by" in value else usual.group_by
        return Timing(group_by, **times)

    def _inhibitions(self) -> list[Inhibition]:
        at = (SECTION, "inhibit")
        rules = self._list(self._section.get("inhibit", []), *at)
        return [self._inhibition(number, value) for number, value in enumerate(rules)]

    def _inhibition(self, number: int, value: Any) -> Inhibition:
        at = (SECTION, "inhibit", number)
        value = self._file.mapping(value, *at)
        self._file.known(value, {"source", "target", "equal"}, *at)
        source, target = self._matchers(value, "source", *at), self._matchers(value, "target", *at)
        if not source or not target:
            raise self._wrong("an inhibition needs `source:` and `target:`", *at, hint="such as source: pattern=errors")
        return Inhibition(source, target, tuple(self._texts(value, "equal", *at)))

    def _budgets(self, usual: Mapping[str, Budget]) -> dict[str, Budget]:
        if "budgets" not in self._section:
            return dict(usual)
        at = (SECTION, "budgets")
        value = self._file.mapping(self._section["budgets"], *at)
        self._file.known(value, set(usual), *at)
        budgets = {name: self._budget(text, *at, name) for name, text in value.items()}
        return {name: budget for name in usual if (budget := budgets.get(name, usual[name]))}

    def _budget(self, text: Any, *at: Any) -> Budget | None:
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
        return QuietHours(start, end, frozenset(days), zone, self._matchers(value, "except", *at))

    def _time(self, value: Mapping[str, Any], name: str, *at: Any) -> time | None:
        if name not in value:
            return None
        text = value[name]
        if isinstance(text, int) and not isinstance(text, bool) and 0 <= text < 24 * 60:  # YAML reads 20:00 as 1200
            return time(text // 60, text % 60)
        try:
            return time.fromisoformat(str(text))
        except ValueError:
            raise self._wrong(f"'{text}' is not a time of day", *at, name, hint='write "20:00"') from None

    def _day(self, day: str, *at: Any) -> int:
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

    def _matchers(self, value: Mapping[str, Any], name: str, *at: Any) -> tuple[Matcher, ...]:
        return tuple(self._parsed(parse_matcher, text, *at, name) for text in self._texts(value, name, *at))

    def _age(self, value: Mapping[str, Any], name: str, usual: timedelta, *at: Any) -> timedelta:
        if name not in value:
            return usual
        return timedelta(0) if value[name] in (0, "0s") else self._parsed(parse_age, str(value[name]), *at, name)

    def _parsed(self, parse: Callable[[str], T], text: str, *at: Any) -> T:
        try:
            return parse(text)
        except UsageError as error:
            raise self._wrong(error.message, *at, hint=error.hint) from None

    def _text(self, value: Mapping[str, Any], name: str, *at: Any) -> str:
        text = value.get(name, "")
        if not isinstance(text, str):
            raise self._wrong(f"'{name}' is a text", *at, name, hint="put it in quotes")
        return text

    def _texts(self, value: Mapping[str, Any], name: str, *at: Any) -> list[str]:
        """A text is a list of one."""
        texts = value.get(name, [])
        texts = [texts] if isinstance(texts, str) else self._list(texts, *at, name)
        for text in texts:
            if not isinstance(text, str):
                raise self._wrong(f"'{name}' takes texts", *at, name, hint="put them in quotes")
        return texts

    def _list(self, value: Any, *at: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self._wrong(f"'{at[-1]}' takes a list", *at)
        return value

    def _wrong(self, message: str, *at: Any, hint: str = "") -> UsageError:
        return self._file.wrong(message, *at, hint=hint)
