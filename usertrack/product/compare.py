"""Figures of a period beside those of the one before it: shares move by points, all else by a share of what it was."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from usertrack.core.document import Field, Listing
from usertrack.core.table import Column, Row, Table
from usertrack.core.words import growth, number, signed


@dataclass(frozen=True)
class Measure:
    """``unit``: a whole number, a mean, a share 0…1, or seconds. None is not known."""

    label: str
    value: float | None
    unit: Literal["count", "mean", "share", "seconds"] = "count"

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
    """How much more, as a share of what it was; None where that is nothing or not known."""
    return None if now is None or not before else now / before - 1


def listing(now: Mapping[str, Measure], before: Mapping[str, Measure]) -> Listing:
    """A line per figure: what it is, what it was, and how it moved."""
    rows: list[Row] = [
        (figure.label, figure.text, before[name].text, figure.change_from(before[name].value))
        for name, figure in now.items()
    ]
    fields = {
        "measure": Field(" "),
        "now": Field("Now", align="right"),
        "before": Field("Before", align="right"),
        "change": Field("Change", align="right"),
    }
    return Listing(Table(tuple(map(Column, fields)), rows), "", fields)


def values(figures: Mapping[str, Measure]) -> dict[str, float | None]:
    return {name: figure.value for name, figure in figures.items()}


def changes(now: Mapping[str, Measure], before: Mapping[str, Measure]) -> dict[str, float | None]:
    return {name: change(figure.value, before[name].value) for name, figure in now.items()}
