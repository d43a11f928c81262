"""A flow as an inline SVG Sankey: no script, no style sheet, no address, the same bytes every time.

Colours and fonts are the page's. A column's places stand below each other in the order they are given, as high as what
gets there; what goes on leaves from their top, what does not ends beside their foot.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from usertrack.document import Flow, Stop
from usertrack.measures import number
from usertrack.render import cells
from usertrack.render.safe import visible

_COLUMN, _STOP = 176, 10  # widths of a column with its names, and of a place
_HEIGHT = 300  # of all that is in the fullest column
_SLOT, _GAP = 28, 8  # the room that two lines of text need, and between places
_TOP = 8
_GONE = 24  # the width of what goes no further
_NAME = 24  # characters


@dataclass
class _Place:
    """Where a stop is drawn; ``sent`` and ``met`` are how much of its height links have taken so far."""

    stop: Stop
    x: float
    y: float
    height: float
    sent: float = 0
    met: float = 0


def draw(flow: Flow) -> str:
    """``flow`` as one `<svg>` element; every text in it is escaped, and `visible`."""
    scale = _HEIGHT / max([1.0, *(sum(stop.value for stop in column) for column in flow.columns)])
    places = [_column(column, at, scale) for at, column in enumerate(flow.columns)]
    bottom = max((place.y + max(place.height, _SLOT) for column in places for place in column), default=_SLOT)
    width = max(1, len(places)) * _COLUMN
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width} {bottom + _TOP:.0f}",
            "class": "chart flow",
            "role": "img",
            "aria-label": visible(f"{flow.label}. {_described(flow)}"),
        },
    )
    for column, source, target, value in flow.links:
        _link(root, places[column][source], places[column + 1][target], value, value * scale, flow.unit)
    for place in (place for column in places for place in column):
        _stop(root, place, scale, flow.unit)
    return ET.tostring(root, encoding="unicode")


def _column(stops: Sequence[Stop], at: int, scale: float) -> list[_Place]:
    found, y = [], float(_TOP)
    for stop in stops:
        height = max(1.0, stop.value * scale)
        found.append(_Place(stop, at * _COLUMN, y, height))
        y += max(height, _SLOT) + _GAP
    return found


def _link(root: ET.Element, source: _Place, target: _Place, value: float, width: float, unit: str) -> None:
    x, end = source.x + _STOP, target.x
    y, to = source.y + source.sent + width / 2, target.y + target.met + width / 2
    middle = (x + end) / 2
    source.sent += width
    target.met += width
    path = f"M{x:.1f} {y:.1f}C{middle:.1f} {y:.1f} {middle:.1f} {to:.1f} {end:.1f} {to:.1f}"
    kind = "link others" if source.stop.other or target.stop.other else "link"
    drawn = ET.SubElement(root, "path", {"class": kind, "d": path, "stroke-width": f"{max(width, 0.75):.1f}"})
    _text(drawn, "title", f"{source.stop.name} → {target.stop.name}: {_said(value, unit)}")


def _stop(root: ET.Element, place: _Place, scale: float, unit: str) -> None:
    group = ET.SubElement(root, "g")
    stop, gone = place.stop, place.stop.left * scale
    _text(group, "title", f"{stop.name}: {_amount(stop, unit)}")
    if gone >= 1:
        x, foot = place.x + _STOP, place.y + place.height
        path = f"M{x:.1f} {foot - gone:.1f}q{_GONE / 2} 0 {_GONE} {gone:.1f}h-{_GONE}z"
        ET.SubElement(group, "path", {"class": "gone", "d": path})
    box = {"x": f"{place.x:.1f}", "y": f"{place.y:.1f}", "width": str(_STOP), "height": f"{place.height:.1f}"}
    ET.SubElement(group, "rect", {"class": "stop others" if stop.other else "stop", **box})
    for line, (text, kind) in enumerate(((_short(stop.name), "name"), (_amount(stop, ""), "amount"))):
        y = place.y + max(place.height, _SLOT) / 2 - 2 + 13 * line
        _text(group, "text", text, {"x": f"{place.x + _STOP + 5:.1f}", "y": f"{y:.1f}", "class": kind})


def _text(parent: ET.Element, tag: str, text: str, attributes: dict[str, str] | None = None) -> None:
    ET.SubElement(parent, tag, attributes or {}).text = visible(text)


def _short(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME // 2 - 1]}…{name[-(_NAME // 2) :]}"


def _said(value: float, unit: str) -> str:
    return f"{number(value, 0)} {unit}".strip()


def _amount(stop: Stop, unit: str) -> str:
    left = f" · {cells.percent(stop.left / stop.value, 0)} left" if stop.left and stop.value else ""
    return _said(stop.value, unit) + left


def _described(flow: Flow) -> str:
    """Every place in words, for those who do not see the drawing."""
    columns = (", ".join(f"{stop.name} {_amount(stop, flow.unit)}" for stop in column) for column in flow.columns)
    return "; ".join(f"step {at}: {said}" for at, said in enumerate(columns, start=1))
