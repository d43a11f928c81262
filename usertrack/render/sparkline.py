"""A sparkline as an inline SVG: one line from 0 up, with gaps; its name says the range and the last value."""

from collections.abc import Iterator, Sequence
from math import isfinite

from usertrack.core.words import number, plural

_STEP, _HEIGHT = 4, 24


def draw(values: Sequence[float | None]) -> str:
    """``values`` as one `<svg>` element; colours and sizes are the page's."""
    known = [float(value) if value is not None and isfinite(value) else None for value in values]
    top = max((value for value in known if value is not None), default=0.0)
    width = max(1, len(known) - 1) * _STEP
    return (
        f'<svg class="spark" role="img" viewBox="0 0 {width} {_HEIGHT}" preserveAspectRatio="none"'
        f' aria-label="{_described(known)}"><path d="{_path(known, top)}"/></svg>'
    )


def _path(values: Sequence[float | None], top: float) -> str:
    pen, points = "M", []
    for at, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        y = _HEIGHT - 1 - (_HEIGHT - 2) * value / top if top > 0 else _HEIGHT - 1
        points.append(f"{pen}{at * _STEP} {y:.0f}")
        # a value between two gaps is a dot: a line of no length has round ends
        if pen == "M" and (at + 1 == len(values) or values[at + 1] is None):
            points.append("h0")
        pen = "L"
    return "".join(points)


def _described(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "no values"
    return ", ".join([plural(len(known), "value"), *_range(known)])


def _range(known: Sequence[float]) -> Iterator[str]:
    for word, value in (("least", min(known)), ("most", max(known)), ("last", known[-1])):
        yield f"{word} {number(value, 0 if value.is_integer() else 2)}"
