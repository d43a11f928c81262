"""Reasons that are alike become one: numbers are ranges, pages are listed, and the people behind them are counted."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from usertrack.core.words import number

_QUOTED = re.compile("(“[^”]*”)")  # an error's own words: its numbers are codes
_VARIES = re.compile(r"(?<![\w/.:=–-])\d+(?:\.\d+)?(?![\w:])|(?<!\S)/[^\s,;)]*")  # a number, or the path of a page
_NAMED = 3


@dataclass(frozen=True)
class Alike:
    """``people`` in their order, and the reason of all of them: ``signed up 7 to 14 d ago``."""

    people: tuple[str, ...]
    why: str

    @property
    def who(self) -> str:
        """The first few people, and how many more there are."""
        more = len(self.people) - _NAMED
        names = ", ".join(self.people[: _NAMED if more > 1 else _NAMED + 1])
        return f"{names} and {number(more)} more" if more > 1 else names


def alike(reasons: Iterable[tuple[str, str]]) -> list[Alike]:
    """``reasons`` are (person, reason): those that differ in numbers and pages only are one, where the first is."""
    groups: dict[str, list[tuple[str, list[str]]]] = {}
    for person, reason in reasons:
        pattern, values = _pattern(reason)
        groups.setdefault(pattern, []).append((person, values))
    return [
        Alike(
            tuple(person for person, _ in members),
            _filled(pattern, [_together(column) for column in zip(*(values for _, values in members), strict=True)]),
        )
        for pattern, members in groups.items()
    ]


_PLACE = "\0"


def _pattern(reason: str) -> tuple[str, list[str]]:
    """``reason`` with a place for each part that varies, and these parts."""
    values: list[str] = []

    def place(match: re.Match[str]) -> str:
        values.append(match[0])
        return _PLACE + ("/" if match[0].startswith("/") else "")

    parts = _QUOTED.split(reason.replace(_PLACE, "␀"))
    return "".join(part if at % 2 else _VARIES.sub(place, part) for at, part in enumerate(parts)), values


def _together(values: Sequence[str]) -> str:
    """``7 to 14``; ``/a, /b, /c and 2 more``, the most frequent first."""
    if not values[0].startswith("/"):
        ordered = sorted(set(values), key=float)
        return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"
    pages = [page for page, _ in sorted(Counter(values).items(), key=lambda page: (-page[1], page[0]))]
    more = f" and {number(len(pages) - _NAMED)} more" if len(pages) > _NAMED else ""
    return ", ".join(pages[:_NAMED]) + more


def _filled(pattern: str, parts: Iterable[str]) -> str:
    first, *rest = pattern.replace(f"{_PLACE}/", _PLACE).split(_PLACE)
    return first + "".join(part + after for part, after in zip(parts, rest, strict=True))
