"""Bars and sparklines of block characters."""

import math
from collections.abc import Sequence
from itertools import groupby

_EIGHTHS = " ▏▎▍▌▋▊▉"
_LEVELS = "▁▂▃▄▅▆▇█"


def bar(value: float, full: float, width: int) -> str:
    """A bar of ``width`` cells at ``value == full``, in eighths of a cell; any value above 0 is visible."""
    if not full > 0 or not value > 0:
        return ""
    eighths = max(1, round(min(value / full, 1) * width * 8))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def spark(values: Sequence[float | None], width: int = 0) -> str:
    """A character per value, 0 at the bottom. More than ``width`` values: the largest of neighbours. A gap is blank."""
    known = [float(value) if value is not None and math.isfinite(value) else None for value in values]
    if width and len(known) > width:
        known = _squeezed(known, width)
    top = _largest(known) or 0.0
    return "".join(" " if value is None else _level(value, top) for value in known)


def _squeezed(values: Sequence[float | None], width: int) -> list[float | None]:
    """``values`` as only ``width`` values; each stretch between gaps gets its share of the width."""
    runs = [list(run) for _, run in groupby(values, key=lambda value: value is None)]
    blanks = sum(max(1, len(run) * width // len(values)) for run in runs if run[0] is None)
    total = sum(len(run) for run in runs if run[0] is not None)
    if total < 1 or width - blanks < len(runs):
        return _resampled(values, width)
    squeezed: list[float | None] = []
    seen = 0
    for run in runs:
        if run[0] is None:
            squeezed += [None] * max(1, len(run) * width // len(values))
            continue
        room = (seen + len(run)) * (width - blanks) // total - seen * (width - blanks) // total
        seen += len(run)
        squeezed += _resampled(run, room)
    return squeezed


def _resampled(values: Sequence[float | None], width: int) -> list[float | None]:
    """The largest value of each of ``width`` parts; all values where there are fewer."""
    if len(values) <= width:
        return list(values)
    return [_largest(values[len(values) * n // width : len(values) * (n + 1) // width]) for n in range(width)]


def _largest(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _level(value: float, top: float) -> str:
    """The block character of ``value``; the lowest one is for 0 alone."""
    return _LEVELS[min(7, max(1, round(value / top * 7)))] if value > 0 and top > 0 else _LEVELS[0]
