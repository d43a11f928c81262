"""The `metric:` part of a query's header: its label, its kind, which way is better, good and excellent.

A metric's query answers for one window of `days` whole days, which ends at `{as_of}`, a midnight. It returns one row
with an empty `day` for the window, and for the sparkline one row per day. A `note` column is a sentence beside the
figure; `n_effective` of a rate is the number of independent observations that its n are worth.
"""

import operator
import re
from dataclasses import dataclass
from typing import Any

from usertrack.core.errors import UsageError, did_you_mean

KINDS = {
    "rate": ("hits", "n"),
    "mean": ("value", "sd", "n"),
    "count": ("value",),
    "estimate": ("value", "low", "high", "n"),
}
"""The kinds of metric, and the columns that a query of each must return."""

_KEYS = ("label", "kind", "unit", "better", "good", "excellent")
_BETTER = {"higher": True, "lower": False}
_BOUND = re.compile(r"(above|at least|below|at most)\s+(-?\d+(?:\.\d+)?)\s*(%?)")
_HOLDS = {"above": operator.gt, "at least": operator.ge, "below": operator.lt, "at most": operator.le}
_EXAMPLE = "write `metric: {label: Signups, kind: count, good: above 10, excellent: above 50}`"


@dataclass(frozen=True)
class Bound:
    """A threshold such as ``above 80 %``: its word, its number (a percentage as a share), and its text."""

    word: str
    value: float
    text: str

    @property
    def rises(self) -> bool:
        """Whether more is better."""
        return self.word in ("above", "at least")

    def holds(self, value: float) -> bool:
        return bool(_HOLDS[self.word](value, self.value))


@dataclass(frozen=True)
class Metric:
    """The metric of a query. ``unit`` is shown after the figure; a rate is in percent."""

    label: str
    kind: str
    unit: str = ""
    good: Bound | None = None
    excellent: Bound | None = None
    better: str = ""

    @property
    def rises(self) -> bool | None:
        """Whether more is better; None where the header says neither that nor what is good."""
        return self.good.rises if self.good else _BETTER.get(self.better)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the query must return; a sparkline needs ``day``, too."""
        return KINDS[self.kind]

    @property
    def percent(self) -> bool:
        return self.kind == "rate"

    def band(self, value: float | None) -> str:
        """``excellent``, ``good`` or ``below good``; empty without a value or without thresholds."""
        if value is None or self.good is None:
            return ""
        if self.excellent and self.excellent.holds(value):
            return "excellent"
        return "good" if self.good.holds(value) else "below good"


def read_metric(written: dict[Any, Any]) -> Metric:
    """The metric of a header; raises UsageError whose message begins with the wrong key and a colon."""
    for key, value in written.items():
        if key not in _KEYS:
            raise UsageError(f"{key}: a metric has no such key", did_you_mean(str(key), _KEYS))
        if not isinstance(value, str):
            raise UsageError(f"{key}: takes a text", _EXAMPLE)
    for key in ("label", "kind"):
        if not written.get(key):
            raise UsageError(f"metric: needs a {key}", _EXAMPLE)
    kind = written["kind"]
    if kind not in KINDS:
        raise UsageError(
            f"kind: no metric is of kind '{kind}'", did_you_mean(kind, KINDS, f"one of {', '.join(KINDS)}")
        )
    good, excellent = (_bound(key, written[key], kind) if key in written else None for key in ("good", "excellent"))
    if excellent and not (good and good.rises == excellent.rises and good.holds(excellent.value)):
        raise UsageError("excellent: lies beyond good, in the same direction", _EXAMPLE)
    better = written.get("better", "")
    if better and better not in _BETTER:
        raise UsageError(f"better: '{better}' is no direction", "write `better: higher` or `better: lower`")
    if better and good and good.rises != _BETTER[better]:
        raise UsageError(f"better: '{better}' is not what good says: {good.text}", "leave out one of them")
    return Metric(written["label"], kind, written.get("unit", ""), good, excellent, better)


def _bound(key: str, text: str, kind: str) -> Bound:
    match = _BOUND.fullmatch(text.strip())
    if not match:
        hint = "write `above 10`, `at least 5 %`, `below 7` or `at most 3`"
        raise UsageError(f"{key}: '{text}' is not a threshold", hint)
    word, number, percent = match.groups()
    if percent and kind != "rate":
        raise UsageError(f"{key}: '{text}' is in percent, and a {kind} is not", f"write `{word} {number}`")
    if kind == "rate" and not percent:
        raise UsageError(f"{key}: '{text}' is of no use to a rate, which is in percent", f"write `{word} {number} %`")
    return Bound(word, float(number) / (100 if percent else 1), text.strip())
