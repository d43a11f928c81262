"""A matcher says which alerts are meant, by their labels, in Alertmanager's words: `tier=~paid|enterprise`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from usertrack.core.errors import UsageError

_SHAPE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)
_HINT = "write pattern=stuck, tier!=trial, route=~/checkout/.* or person!~ops-.*"


@dataclass(frozen=True)
class Matcher:
    """``operator`` is one of ``=``, ``!=``, ``=~`` and ``!~``; a label that an alert lacks is ""."""

    label: str
    operator: str
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.label, "")
        equal = self._pattern.fullmatch(value) is not None if "~" in self.operator else value == self.value
        return equal != self.operator.startswith("!")

    @cached_property
    def _pattern(self) -> "re.Pattern[str]":
        return re.compile(self.value)

    def __str__(self) -> str:
        return f"{self.label}{self.operator}{self.value}"


def parse_matcher(text: str) -> Matcher:
    """The matcher written as ``text``; quotes around its value are left out. Raises UsageError."""
    shape = _SHAPE.fullmatch(text)
    if not shape:
        raise UsageError(f"'{text}' does not say which alerts are meant", _HINT)
    label, operator, value = shape.groups()
    matcher = Matcher(label, operator, value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value)
    if "~" in operator:
        try:
            re.compile(matcher.value)
        except re.error as error:
            raise UsageError(f"'{text}' is not a regular expression: {error.msg}", _HINT) from None
    return matcher


def all_match(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    return all(matcher.matches(labels) for matcher in matchers)
