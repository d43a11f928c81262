"""Patterns with their thresholds moved: how many messages would there be, if they were stricter, or less so?"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from usertrack.live.alerts.model import Signal
from usertrack.live.signals.audience import Audience
from usertrack.live.signals.patterns import (
    Combined,
    Condition,
    Count,
    NoneOf,
    Pattern,
    Patterns,
    ShareCondition,
    TimeOnRoute,
)

FACTORS = (0.5, 1.0, 1.5, 2.0, 3.0)  # of all thresholds, for `alerts simulate --curve`
_SIGN = "@"  # no id of a pattern has it


def variants(patterns: Patterns) -> Patterns:
    """Return ``patterns`` and a copy of each per factor, with its thresholds multiplied and the factor in its id."""
    moved = [_moved(pattern, factor) for factor in FACTORS if factor != 1 for pattern in patterns.patterns]
    return replace(patterns, patterns=(*patterns.patterns, *moved))


class VariantAudience:
    """A variant is about the people of the pattern itself."""

    def __init__(self, audience: Audience, patterns: Patterns) -> None:
        self._audience = audience
        self._originals = {pattern.id: pattern for pattern in patterns.patterns}

    def includes(self, pattern: Pattern, person: str) -> bool | None:
        return self._audience.includes(self._originals[pattern.id.partition(_SIGN)[0]], person)

    def facts(self, person: str) -> Mapping[str, Any]:
        return self._audience.facts(person)


def factor_of(signal: Signal) -> float:
    return float(signal.pattern.partition(_SIGN)[2] or 1)


def name_of(signal: Signal) -> Signal:
    """The signal as if the pattern itself had given it."""
    pattern = signal.pattern.partition(_SIGN)[0]
    return replace(signal, pattern=pattern, labels={**signal.labels, "pattern": pattern})


def _moved(pattern: Pattern, factor: float) -> Pattern:
    return replace(pattern, id=f"{pattern.id}{_SIGN}{factor}", when=_stricter(pattern.when, factor))


def _stricter(condition: Condition, factor: float) -> Condition:
    """``condition`` with a threshold of ``factor`` times what it is; one without a threshold as it is."""
    match condition:
        case Combined():
            return replace(condition, parts=tuple(_stricter(part, factor) for part in condition.parts))
        case Count(more_than=int(bound)):
            return replace(condition, more_than=max(0, round((bound + 1) * factor) - 1))
        case Count(fewer_than=int(bound)):
            return replace(condition, fewer_than=max(1, round(bound / factor)))
        case NoneOf():
            return replace(condition, within=condition.within * factor)
        case TimeOnRoute():
            longer = condition.more_than * factor if condition.more_than is not None else None
            return replace(condition, more_than=longer, at_least=condition.at_least * factor)
        case ShareCondition(more_than=float(bound)):
            return replace(condition, more_than=min(0.99, bound * factor))
    return condition
