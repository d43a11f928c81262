"""Measures of a period beside the period before: shares change by points, everything else by a percentage."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Change, Field, Listing
from usertrack.core.words import growth, number, signed


@dataclass(frozen=True)
class Measure:
    """A number with its label. ``unit``: a whole number, a mean, a share 0…1, or seconds. None is not known.

    ``better``: the direction of a change for the better, if there is one.
    """

    label: str
    value: float | None
    unit: Literal["count", "mean", "share", "seconds"] = "count"
    better: Literal["", "higher", "lower"] = ""

    @property
    def text(self) -> str | None:
        if self.value is None:
            return None
        if self.unit == "share":
            return f"{self.value:.1%}".replace("%", " %")
        if self.unit == "seconds":
            return duration_text(self.value)
        return number(self.value, 1) if self.unit == "mean" else number(int(self.value))

    def change_from(self, before: float | None) -> str | None:
        if self.value is None or before is None:
            return None
        if self.unit == "share":
            return f"{signed(100 * (self.value - before), 1)} points"
        return growth(self.value, before) if before else None

    def judged_change(self, before: float | None) -> Change | None:
        """The change with whether it is for the better."""
        text = self.change_from(before)
        if text is None or self.value is None or before is None:
            return None
        same = not self.better or self.value == before
        return Change(text, None if same else (self.value > before) == (self.better == "higher"))


def duration_text(seconds: float | None) -> str | None:
    """``38 s``, ``2 min 35 s``, ``1 h 4 min``."""
    if seconds is None:
        return None
    total = round(seconds)
    minutes, hours = total // 60, total // 3600
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {total % 60} s" if minutes else f"{total} s"


def change(now: float | None, before: float | None) -> float | None:
    """The change as a share of ``before``; None where that is 0 or not known."""
    return None if now is None or not before else now / before - 1


_COMPARISON: Columns[tuple[Measure, Measure]] = Columns(
    Attribute("measure", "VARCHAR", lambda pair: pair[0].label, Field(" ")),
    Attribute("now", "VARCHAR", lambda pair: pair[0].text, Field("Now", align="right")),
    Attribute("before", "VARCHAR", lambda pair: pair[1].text, Field("Before", align="right")),
    Attribute(
        "change",
        "VARCHAR",
        lambda pair: pair[0].change_from(pair[1].value),
        Field("Change", "change", align="right"),
        lambda pair: pair[0].judged_change(pair[1].value),
    ),
)


def listing(now: Mapping[str, Measure], before: Mapping[str, Measure]) -> Listing:
    """A line per measure: its value, the value before, and the change."""
    return _COMPARISON.listing((measure, before[name]) for name, measure in now.items())


def values(measures: Mapping[str, Measure]) -> dict[str, float | None]:
    return {name: measure.value for name, measure in measures.items()}


def changes(now: Mapping[str, Measure], before: Mapping[str, Measure]) -> dict[str, float | None]:
    return {name: change(measure.value, before[name].value) for name, measure in now.items()}
