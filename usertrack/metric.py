"""The `metric:` part of a query's header: what its figure is called, how it is computed from rows, what is good.

A metric's query is bound once for each window: `{as_of}` is the midnight at which the window ends, `days` its length.
"""

import operator
import re
from dataclasses import dataclass
from typing import Any

from usertrack.errors import UsageError, did_you_mean

KINDS = {
    "rate": ("hits", "n"),
    "mean": ("value", "sd", "n"),
    "count": ("value",),
    "estimate": ("value", "low", "high", "n"),
}
"""The columns that a query of each kind returns, beside ``day``."""

DAY = "day"
"""The column that is NULL in the row of the whole window, and a date in those of the sparkline."""

_BOUND = re.compile(r"(above|at least|below|at most)\s+(-?\d+(?:\.\d+)?)\s*(%?)")
_HOLDS = {"above": operator.gt, "at least": operator.ge, "below": operator.lt, "at most": operator.le}
_SIGNS = {"above": ">", "at least": "≥", "below": "<", "at most": "≤"}


@dataclass(frozen=True)
class Bound:
    """``above 80 %``: the word and the number, a percentage as a share."""

    word: str
    value: float

    @property
    def rises(self) -> bool:
        """Whether larger values are better."""
        return self.word in ("above", "at least")

    @property
    def sign(self) -> str:
        return _SIGNS[self.word]

    def holds(self, value: float) -> bool:
        return bool(_HOLDS[self.word](value, self.value))


@dataclass(frozen=True)
class Metric:
    """``unit`` stands behind the figure. ``says`` is a sentence with ``{columns}`` of the window's row."""

    label: str
    kind: str
    unit: str = ""
    good: Bound | None = None
    excellent: Bound | None = None
    says: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """What the query must return; ``day`` may be missing, and then there is no sparkline."""
        return KINDS[self.kind]

    @property
    def percent(self) -> bool:
        return self.kind == "rate" or self.unit == "percent"

    def band(self, value: float | None) -> str:
        """``excellent``, ``good`` or ``below good``; nothing where there is no value or no band."""
        if value is None or self.good is None:
            return ""
        if self.excellent is not None and self.excellent.holds(value):
            return "excellent"
        return "good" if self.good.holds(value) else "below good"


def read_metric(written: Any) -> Metric:
    """The metric of a header; raises UsageError whose message begins with the key that is wrong."""
    if not isinstance(written, dict):
        raise UsageError("metric: takes a mapping", _EXAMPLE)
    known = ("label", "kind", "unit", "good", "excellent", "says")
    for key, value in written.items():
        if key not in known:
            raise UsageError(f"{key}: unknown key of a metric", did_you_mean(str(key), known))
        if not isinstance(value, str):
            raise UsageError(f"{key}: takes a text", _EXAMPLE)
    for key in ("label", "kind"):
        if not written.get(key):
            raise UsageError(f"metric: has no {key}", _EXAMPLE)
    if written["kind"] not in KINDS:
        raise UsageError(
            f"kind: '{written['kind']}' is no kind of metric", did_you_mean(written["kind"], KINDS, ", ".join(KINDS))
        )
    good, excellent = (_bound(key, written[key]) if key in written else None for key in ("good", "excellent"))
    if excellent and (not good or good.rises != excellent.rises or good.holds(excellent.value) is False):
        raise UsageError(
            "excellent: must lie beyond good, in the same direction", "good: above 10, excellent: above 50"
        )
    return Metric(written["label"], written["kind"], written.get("unit", ""), good, excellent, written.get("says", ""))


_EXAMPLE = "write `metric: {label: Signups, kind: count, good: above 10, excellent: above 50}`"


def _bound(key: str, text: str) -> Bound:
    match = _BOUND.fullmatch(text.strip())
    if not match:
        raise UsageError(
            f"{key}: '{text}' is no threshold", "write `above 10`, `at least 5 %`, `below 7` or `at most 3`"
        )
    word, number, percent = match.groups()
    return Bound(word, float(number) / (100 if percent else 1))
