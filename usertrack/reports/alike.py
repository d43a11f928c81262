"""Reasons that differ in ages only become one: ages are a range, and the people behind them are counted."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from usertrack.core.words import number

_QUOTED = re.compile("(“[^”]*”)")  # an error's own words
_DAYS = re.compile(r"(?<![\w/.:=–-])[0-9]+(?= d\b)")  # one mail fits people of any age, but not of any count
_NAMED = 3  # people that a line names; the others are counted


@dataclass(frozen=True)
class Alike:
    """``people`` in their order, and the reason of all of them: ``signed up 7 to 14 d ago``."""

    people: tuple[str, ...]
    why: str

    @property
    def who(self) -> str:
        """The first few people, and how many more there are."""
        return names_of(self.people, _NAMED)


def names_of(people: Sequence[str], most: int) -> str:
    """``a@x, b@x and 7 more``: the first ``most`` people, or all of them where only one is left."""
    more = len(people) - most
    names = ", ".join(people[: most if more > 1 else most + 1])
    return f"{names} and {number(more)} more" if more > 1 else names


def alike(reasons: Iterable[tuple[str, str]]) -> list[Alike]:
    """``reasons`` are (person, reason): those that differ in ages only are one, where the first is."""
    groups: dict[str, list[tuple[str, list[str]]]] = {}
    for person, reason in reasons:
        pattern, ages = _pattern(reason)
        groups.setdefault(pattern, []).append((person, ages))
    return [
        Alike(
            tuple(person for person, _ in members),
            _filled(pattern, [_range(column) for column in zip(*(ages for _, ages in members), strict=True)]),
        )
        for pattern, members in groups.items()
    ]


_PLACE = "\0"


def _pattern(reason: str) -> tuple[str, list[str]]:
    """``reason`` with a place for each age in days, and these ages."""
    ages: list[str] = []

    def place(match: re.Match[str]) -> str:
        ages.append(match[0])
        return _PLACE

    parts = _QUOTED.split(reason.replace(_PLACE, "␀"))
    return "".join(part if at % 2 else _DAYS.sub(place, part) for at, part in enumerate(parts)), ages


def _range(ages: Sequence[str]) -> str:
    """``7 to 14``."""
    ordered = sorted(set(ages), key=int)
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"


def _filled(pattern: str, ages: Iterable[str]) -> str:
    first, *rest = pattern.split(_PLACE)
    return first + "".join(age + after for age, after in zip(ages, rest, strict=True))
