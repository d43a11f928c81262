"""Reads patterns.yaml: nothing in it is ignored, and every error names its line."""

import hashlib
import json
import re
import string
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import TypeVar, get_args

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.json_types import JsonObject
from usertrack.core.words import parse_age
from usertrack.core.yaml_file import YamlFile
from usertrack.live.alerts.notifications import Notifications
from usertrack.live.alerts.reading import GONE, read_notifications, refuse_gone
from usertrack.live.signals.occurrence import PROPERTIES
from usertrack.live.signals.patterns import (
    ANY,
    CUSTOM,
    Combined,
    Condition,
    Count,
    EventMatch,
    IncidentRule,
    Kind,
    NoneOf,
    Pattern,
    Patterns,
    Per,
    Sequence,
    SessionCondition,
    Severity,
    ShareCondition,
    Step,
    TimeOnRoute,
    Unfinished,
    is_gated,
)

T = TypeVar("T", bound=str)

_PARTS = {"name", "when", "per", "where", "segment", "for", "keep_firing_for", "cooldown", "severity", "channels"} | {
    *("because", "help", "incident"),
}
_CONDITIONS: dict[str, set[str]] = {
    "count": {"more_than", "fewer_than", "within"},
    "none": {"within", "at_most"},
    "time_on_route": {"more_than", "at_least"},
    "sequence": {"within"},
    "share": {"of", "more_than", "within", "at_least"},
    "session": set(),
    "unfinished": {"until", "within"},
    "all": set(),
    "any": set(),
}
_OF_PEOPLE = ("person", "session", "tab")
LONGEST = 90 * 86_400  # seconds: beyond it, nobody is remembered


def read_patterns(path: Path) -> Patterns:
    """The patterns in ``path``; raises UsageError with file and line where something in it is wrong."""
    reader = _Reader(path)
    patterns = reader.patterns()
    if mistakes := reader.mistakes():
        raise mistakes[0]
    return patterns


def pattern_problems(path: Path) -> list[UsageError]:
    """All that is wrong in ``path``, by line; empty where nothing is."""
    try:
        reader = _Reader(path)
    except UsageError as error:
        return [error]
    reader.patterns()
    return reader.mistakes()


class _Reader(YamlFile):
    """Goes on after a mistake, with something in its place, to name them all: nobody may use what it has read then."""

    needs = "`patterns:`"
    hint = "`usertrack init` writes a whole one into a new folder"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._mistakes: dict[str, UsageError] = {}  # by message, which begins with file and line
        self._with_unknown_keys: set[int] = set()  # mappings, by their id: what they lack has another name in them

    def mistakes(self) -> list[UsageError]:
        begin = len(f"{self.path}:")
        return sorted(self._mistakes.values(), key=lambda error: int(error.message[begin:].partition(":")[0]))

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Note an error raised within as a mistake, and go on."""
        try:
            yield
        except UsageError as error:
            self._mistakes.setdefault(error.message, error)

    def known(self, value: Mapping[str, object], known: set[str], *keys: object) -> None:
        for name in value:
            with self._noting():
                super().known({name: None}, known, *keys)
            if name not in known:
                self._with_unknown_keys.add(id(value))

    def patterns(self) -> Patterns:
        self.known(self.document, {"events", "facts", "patterns", "notifications"})
        self.kinds: dict[str, Kind] = {}
        patterns: list[Pattern] = []
        listed: JsonObject = {}
        facts: dict[str, tuple[str, int]] = {}
        notifications = Notifications()
        with self._noting():
            events = self.mapping(self.document["events"], "events") if self.document.get("events") else {}
            for name, value in events.items():
                self.kinds[name] = Kind(name, ())
                with self._noting():
                    self.kinds[name] = self._kind_of(name, value)
        with self._noting():
            listed = self.mapping(self.document.get("patterns"), "patterns")
            for name, value in listed.items():
                with self._noting():
                    patterns.append(self._pattern(name, value))
        advice = {pattern.id: pattern.help for pattern in patterns if pattern.help}
        with self._noting():
            facts = self._facts()
        with self._noting():
            notifications = read_notifications(self, advice)
        return Patterns(self.path, self.kinds, tuple(patterns), facts, notifications)

    def _facts(self) -> dict[str, tuple[str, int]]:
        facts = self.mapping(self.document["facts"], "facts") if self.document.get("facts") else {}
        for name, sql in facts.items():
            with self._noting():
                if not isinstance(sql, str):
                    hint = "such as `tier: subscription`"
                    raise self.wrong("a fact is SQL over the profile", "facts", name, hint=hint)
        return {name: (sql, self.line("facts", name)) for name, sql in facts.items()}

    def _kind_of(self, name: str, value: object) -> Kind:
        if name in (ANY, CUSTOM):
            raise self.wrong(f"'{name}' is known already", "events", name, hint="choose another name")
        items = value if isinstance(value, list) else [value]
        return Kind(name, tuple(self._match(item, "events", name) for item in items))

    def _match(self, item: object, *at: object) -> EventMatch:
        if isinstance(item, str) and item:
            return EventMatch(item)
        if isinstance(item, dict) and isinstance(item.get("event"), str):
            properties = {name: str(value) for name, value in item.items() if name != "event"}
            self.known(properties, set(PROPERTIES), *at)
            return EventMatch(item["event"], frozenset(properties.items()))
        hint = "write `$rageclick`, or `{event: $autocapture, event_type: submit}`"
        where = f" in '{at[-1]}'" if isinstance(at[-1], str) else ""
        keys = f", not {', '.join(map(repr, item))}" if isinstance(item, dict) and "event" not in item else ""
        raise self.wrong(f"an event{where} is a name, or `event:` with properties{keys}", *at, hint=hint)

    def _kind(self, value: object, *at: object) -> Kind:
        """A kind of `events:`, an event's own name, or a list of these."""
        items = value if isinstance(value, list) and value else [value]
        matches: list[EventMatch] = []
        for item in items:
            known = self.kinds.get(item) if isinstance(item, str) else None
            matches += known.matches if known else [self._match(item, *at)]
        text = " or ".join(str(item.get("event")) if isinstance(item, dict) else str(item) for item in items)
        return Kind(text, tuple(matches))

    def _pattern(self, name: str, value: object) -> Pattern:
        at = ("patterns", name)
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            hint = "small letters, digits and _, a letter first"
            with self._noting():
                raise self.wrong(f"'{name}' is no id of a pattern", *at, hint=hint)
        value = self.mapping(value, *at)
        with self._noting():
            refuse_gone(self, value, *at)
        self.known(value, _PARTS | GONE.keys(), *at)
        per = self._one_of(value, "per", get_args(Per), "person", *at)
        when = self._when(name, value, per, *at)
        severity = self._one_of(value, "severity", get_args(Severity), "warning", *at)
        because = self._text(value, "because", *at)
        with self._noting():
            self._check_places(because, *at, "because")
        looks_for: JsonObject = {
            key: value[key] for key in ("when", "per", "where", "segment", "for", "incident") if key in value
        }
        looks_for["events"] = self.document.get("events")
        return Pattern(
            id=name,
            name=self._text(value, "name", *at) or name,
            when=when,
            per=per,
            where=self._text(value, "where", *at),
            segment=self._text(value, "segment", *at),
            hold=self._seconds(value, "for", *at, may_be_zero=True),
            keep_firing_for=self._seconds(value, "keep_firing_for", *at, may_be_zero=True),
            cooldown=self._seconds(value, "cooldown", *at, may_be_zero=True),
            severity=severity,
            because=because,
            help=self._text(value, "help", *at),
            incident=self._incident(value, *at),
            digest=hashlib.sha256(json.dumps(looks_for, default=str).encode()).hexdigest()[:16],
            lines={part: self.line(*at, part) for part in value},
        )

    def _when(self, name: str, value: JsonObject, per: Per, *at: object) -> Condition:
        with self._noting():
            if "when" not in value:
                raise self.wrong(f"pattern '{name}' has no condition", *at, hint=_EXAMPLE)
            when = self._condition(value["when"], *at, "when")
            if per not in _OF_PEOPLE and not is_gated(when):
                hint = "its condition needs no event, which alone has a route, a form or an error"
                raise self.wrong("'per' is person, session or tab here", *at, "per", hint=hint)
            return when
        return _NO_CONDITION

    def _incident(self, value: JsonObject, *at: object) -> IncidentRule | None:
        if "incident" not in value:
            return None
        with self._noting():
            incident = self.mapping(value["incident"], *at, "incident")
            self.known(incident, {"people", "within"}, *at, "incident")
            people = self._number(incident, "people", *at, "incident")
            return IncidentRule(int(people), self._seconds(incident, "within", *at, "incident"))
        return None

    def _condition(self, value: object, *at: object) -> Condition:
        if isinstance(value, list):
            value = {"all": value}
        value = self.mapping(value, *at)
        types = [name for name in _CONDITIONS if name in value and (name != "any" or not isinstance(value[name], str))]
        if len(types) != 1:
            known = ", ".join(_CONDITIONS)
            raise self.wrong(
                f"a condition is one of {known}, not {', '.join(types) or 'none of them'}", *at, hint=_EXAMPLE
            )
        (type_,) = types
        self.known(value, {type_, *_CONDITIONS[type_]}, *at)
        if type_ in ("all", "any"):
            return self._combined(value, type_, *at)
        condition: Condition = getattr(self, f"_{type_}")(value, *at)
        return condition

    def _combined(self, value: JsonObject, word: str, *at: object) -> Condition:
        parts = value[word]
        if not isinstance(parts, list) or not parts:
            raise self.wrong(f"'{word}' takes a list of conditions", *at, word)
        # a list that stands for `all` has no key of its own
        under = (word,) if self.line(*at, word) != self.line(*at) or not isinstance(parts, list) else ()
        read = [_NO_CONDITION] * len(parts)
        for number, part in enumerate(parts):
            with self._noting():
                read[number] = self._condition(part, *at, *under, number)
        return read[0] if len(read) == 1 else Combined(word == "all", tuple(read))

    def _count(self, value: JsonObject, *at: object) -> Condition:
        if ("more_than" in value) == ("fewer_than" in value):
            raise self.wrong("'count' takes more_than or fewer_than", *at, "count", hint=_EXAMPLE)
        bound = "more_than" if "more_than" in value else "fewer_than"
        number = int(self._number(value, bound, *at, least=0 if bound == "more_than" else 1))
        kind = self._kind(value["count"], *at, "count")
        return Count(kind, self._seconds(value, "within", *at), **{bound: number})

    def _none(self, value: JsonObject, *at: object) -> Condition:
        within = self._seconds(value, "within", *at)
        at_most = self._seconds(value, "at_most", *at) if "at_most" in value else inf
        if at_most <= within and "within" in value:
            raise self.wrong("'at_most' is longer than 'within'", *at, "at_most")
        return NoneOf(self._kind(value["none"], *at, "none"), within, at_most)

    def _time_on_route(self, value: JsonObject, *at: object) -> Condition:
        mode = self._one_of(value, "time_on_route", ("visible", "open"), "visible", *at)
        usual = value.get("more_than") == "p95"
        longer = None if usual else self._seconds(value, "more_than", *at)
        return TimeOnRoute(mode == "visible", longer, self._seconds(value, "at_least", *at, may_be_zero=True))

    def _sequence(self, value: JsonObject, *at: object) -> Condition:
        items = value["sequence"]
        if not isinstance(items, list) or not 2 <= len(items) <= 20:
            raise self.wrong("'sequence' takes a list of 2 to 20 steps", *at, "sequence")
        steps = []
        for number, item in enumerate(items):
            name, _, letter = item.rpartition(" ") if isinstance(item, str) else ("", "", "")
            is_placed = bool(name) and re.fullmatch("[A-Z]", letter)
            steps.append(
                Step(self._kind(name if is_placed else item, *at, "sequence", number), letter if is_placed else "")
            )
        return Sequence(tuple(steps), self._seconds(value, "within", *at))

    def _share(self, value: JsonObject, *at: object) -> Condition:
        bound = str(value.get("more_than", ""))
        usual = re.fullmatch(r"(own|route) p95", bound)
        percent = re.fullmatch(r"(\d+(?:\.\d+)?) ?%", bound)
        if not usual and not (percent and float(percent[1]) < 100):
            raise self.wrong("'more_than' takes a share", *at, "more_than", hint="write 20%, own p95 or route p95")
        return ShareCondition(
            self._kind(value["share"], *at, "share"),
            self._kind(value.get("of", ANY), *at, "of"),
            self._seconds(value, "within", *at),
            int(self._number(value, "at_least", *at, least=1)) if "at_least" in value else 10,
            float(percent[1]) / 100 if percent else None,
            {"own": "own", "route": "route"}[usual[1]] if usual else "",  # type: ignore[arg-type]
        )

    def _session(self, value: JsonObject, *at: object) -> Condition:
        return SessionCondition(self._one_of(value, "session", ("first", "open"), "first", *at))

    def _unfinished(self, value: JsonObject, *at: object) -> Condition:
        if "until" not in value:
            raise self.wrong("'unfinished' needs 'until': what ends it", *at, "unfinished")
        kinds = (self._kind(value["unfinished"], *at, "unfinished"), self._kind(value["until"], *at, "until"))
        return Unfinished(*kinds, self._seconds(value, "within", *at))

    def _seconds(self, value: JsonObject, key: str, *at: object, may_be_zero: bool = False) -> float:
        text = str(value.get(key, "0s" if may_be_zero else ""))
        if (may_be_zero and text in ("0", "0s")) or self._is_misnamed(value, key):
            return 0.0
        with self._noting():
            try:
                seconds = parse_age(text).total_seconds()
            except UsageError as error:
                hint = "write 30s, 5m, 2h or 14d"
                raise self.wrong(f"'{key}' takes a duration, not '{text}'", *at, key, hint=hint) from error
            if seconds > LONGEST:
                hint = "a segment looks back further"
                raise self.wrong(f"'{key}' is longer than 90 days", *at, key, hint=hint)
            return seconds
        return 0.0

    def _number(self, value: JsonObject, key: str, *at: object, least: int = 1) -> float:
        number = value.get(key)
        if isinstance(number, int) and not isinstance(number, bool) and least <= number <= 10_000:
            return number
        if not self._is_misnamed(value, key):
            with self._noting():
                raise self.wrong(f"'{key}' takes a whole number from {least} to 10000", *at, key)
        return least

    def _is_misnamed(self, value: JsonObject, key: str) -> bool:
        """Whether ``key`` is likely there under a name that nobody knows, which is noted already."""
        return key not in value and id(value) in self._with_unknown_keys

    def _one_of(self, value: JsonObject, key: str, known: tuple[T, ...], default: T, *at: object) -> T:
        word = value.get(key, default)
        if word not in known:
            with self._noting():
                raise self.wrong(f"'{key}' is one of {', '.join(known)}", *at, key, hint=did_you_mean(str(word), known))
            return known[0]
        return known[known.index(word)]

    def _text(self, value: JsonObject, key: str, *at: object) -> str:
        text = value.get(key, "")
        if isinstance(text, str):
            return text.strip()
        with self._noting():
            raise self.wrong(f"'{key}' takes a text", *at, key, hint="put it in quotes")
        return ""

    def _check_places(self, text: str, *at: object) -> None:
        try:
            places = [(name, spec or conversion) for _, name, spec, conversion in string.Formatter().parse(text)]
        except ValueError as error:
            raise self.wrong(
                "'because' has a brace without its pair", *at, hint="write {{ for one that is text"
            ) from error
        for name, extra in places:
            if name is not None and (extra or not re.fullmatch(r"\w+", name)):
                raise self.wrong("'because' takes plain {facts}", *at, hint="such as {count}, without ':' or '!'")


_NO_CONDITION: Condition = SessionCondition("open")  # in the place of a wrong one
_EXAMPLE = "write `when: {count: $exception, more_than: 3, within: 5m}`"
