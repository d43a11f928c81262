"""A flow as an inline SVG Sankey: no script, no style sheet, the same bytes every time.

Colours and fonts are the page's. Every stop is a card with its name, so that no link covers text. The bar at its left
is as high as its value. Links to the next stops leave at its right; who leaves is a hatched stub, and the line at the
foot of the card is as long as the share of them. Of the first column only those who go on are drawn: the many without a
second step would dwarf all others. The numbers count everybody.

A link has its ``data-path``, [step, from, to] as JSON, and leads to those who took it where the page has an address.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from xml.etree import ElementTree as ET

from rich.cells import cell_len, set_cell_size

from usertrack.core.document import Flow, Stop
from usertrack.core.words import number
from usertrack.render import cells, safe
from usertrack.render.links import NOWHERE, Links
from usertrack.render.safe import visible

_CARD, _BETWEEN = 162, 82  # widths of a card and of the room for links
_BAR = 6  # the width of a bar, whose height is how many came
_HEIGHT = 250  # of all that is drawn in the fullest column
_LINES, _GAP = 38, 7  # the height that two lines of text need, and between cards
_TOP = 42  # the heads of columns
_GONE = 20  # the width of what goes no further
_FOOT = 3  # the height of the line that says how many left
_NAME = 21  # cells of a name
_REST_CLASS = "link others"


@dataclass
class _Card:
    """A stop with its place; ``sent`` and ``met`` are how much of its height outgoing and incoming links use so far."""

    stop: Stop
    x: float
    y: float
    height: float
    sent: float = 0
    met: float = 0

    @property
    def card(self) -> float:
        """The height of the card."""
        return max(self.height, _LINES)


def draw(flow: Flow, links: Links = NOWHERE) -> str:
    """``flow`` as one `<svg>` element; every text in it is escaped, and `visible`."""
    drawn = [[_drawn_amount(flow, at, place) for place in range(len(column))] for at, column in enumerate(flow.columns)]
    scale = _HEIGHT / max([1.0, *(sum(column) for column in drawn)])
    places = [_column(column, at, drawn[at], scale) for at, column in enumerate(flow.columns)]
    bottom = max((place.y + place.card for column in places for place in column), default=_LINES)
    height = ceil(bottom) + 1
    width = max(1, len(places)) * (_CARD + _BETWEEN) - _BETWEEN + _GONE
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width} {height}",
            "width": str(width),
            "height": str(height),
            "class": "chart flow",
        },
    )
    _text(root, "title", flow.label)
    # Every stop in words, for readers who do not see the drawing.
    columns = (", ".join(f"{stop.name} {_amount(stop, flow.unit)}" for stop in column) for column in flow.columns)
    _text(root, "desc", "; ".join(f"step {at}: {stops}" for at, stops in enumerate(columns, start=1)))
    paths = [
        _link(column + 1, places[column][source], places[column + 1][target], value, value * scale, flow.unit)
        for column, source, target, value in flow.links
    ]
    paths.sort(key=lambda path: path.get("class") != _REST_CLASS)  # the rest is below
    leading = [_leading(path, links) for path in paths]
    root.extend(leading)
    root.set("role", "img" if leading == paths else "group")  # of a picture, nobody hears the links
    for at, column in enumerate(places):
        total, first = (sum(stop.value for stop in flow.columns[column]) for column in (at, 0))
        x = at * (_CARD + _BETWEEN)
        share = f" · {cells.percent(total / first, 0)}" if at and first else ""
        _text(root, "text", f"Step {at + 1}", {"x": str(x), "y": "12", "class": "head"})
        _text(root, "text", f"{_with_unit(total, flow.unit)}{share}", {"x": str(x), "y": "28", "class": "amount"})
        for place in column:
            _stop(root, place, place.stop.left * scale if at else 0, flow.unit)
    return ET.tostring(root, encoding="unicode")


def _drawn_amount(flow: Flow, at: int, place: int) -> float:
    """The value that a stop is drawn with: in the first column those who go on, else everybody."""
    going = (value for column, source, _, value in flow.links if (column, source) == (at, place))
    return sum(going) if at == 0 else flow.columns[at][place].value


def _column(stops: Sequence[Stop], at: int, values: Sequence[float], scale: float) -> list[_Card]:
    places, y = [], float(_TOP)
    for stop, value in zip(stops, values, strict=True):
        places.append(_Card(stop, at * (_CARD + _BETWEEN), y, value * scale))
        y += places[-1].card + _GAP
    return places


def _link(step: int, source: _Card, target: _Card, value: float, width: float, unit: str) -> ET.Element:
    x, end = source.x + _CARD, target.x
    y, to = source.y + source.sent + width / 2, target.y + target.met + width / 2
    middle = (x + end) / 2
    source.sent += width
    target.met += width
    path = f"M{x:.1f} {y:.1f}C{middle:.1f} {y:.1f} {middle:.1f} {to:.1f} {end:.1f} {to:.1f}"
    kind = _REST_CLASS if source.stop.other or target.stop.other else "link"
    drawn = ET.Element("path", {"class": kind, "d": path, "stroke-width": f"{max(width, 0.75):.1f}"})
    drawn.set("data-path", json.dumps([step, visible(source.stop.name), visible(target.stop.name)]))
    _text(drawn, "title", f"{source.stop.name} → {target.stop.name}: {_with_unit(value, unit)}")
    return drawn


def _leading(path: ET.Element, links: Links) -> ET.Element:
    """``path``, in a link to those who took it where there is one; nobody follows one to all others."""
    step, source, target = json.loads(path.get("data-path", ""))
    address = "" if path.get("class") == _REST_CLASS else safe.url(links.path(step, source, target))
    if not address:
        return path
    link = ET.Element("a", {"href": address, "aria-label": path.findtext("title", "")})
    link.append(path)
    return link


def _stop(root: ET.Element, place: _Card, gone: float, unit: str) -> None:
    group = ET.SubElement(root, "g", {"class": "stop others" if place.stop.other else "stop"})
    _text(group, "title", f"{place.stop.name}: {_amount(place.stop, unit)}")
    if gone >= 1:
        # A hatched stub for those who leave; the lines are for readers who do not see colours.
        x, foot = place.x + _CARD, place.y + place.height
        top = foot - gone
        tip = f"L{x + _GONE:.1f} {foot - gone / 2:.1f}L{x + _GONE / 2:.1f} {foot:.1f}"
        outline = f"M{x:.1f} {top:.1f}h{_GONE / 2}{tip}H{x:.1f}z"
        ET.SubElement(group, "path", {"class": "gone", "d": outline})
        lines = [f"M{x:.1f} {top + at:.1f}l{_GONE / 2} {-min(5, at)}" for at in range(5, int(gone) + 1, 5)]
        if lines:
            ET.SubElement(group, "path", {"class": "hatch", "d": "".join(lines)})
    # a drawing in the drawing: it cuts off what is too wide
    box = {"x": f"{place.x:.1f}", "y": f"{place.y:.1f}", "width": str(_CARD), "height": f"{place.card:.1f}"}
    card = ET.SubElement(group, "svg", box)
    _box(card, "card", 0, _CARD, place.card)
    if place.stop.value:
        _box(card, "foot", place.card - _FOOT, _CARD * place.stop.left / place.stop.value, _FOOT)
    _box(card, "level", 0, _BAR, max(1.0, place.height))
    for line, (text, kind) in enumerate(((_short(place.stop.name), "name"), (_amount(place.stop, ""), "amount"))):
        y = min(place.card / 2, 3 * _LINES) - 4 + 15 * line
        _text(card, "text", text, {"x": str(_BAR + 7), "y": f"{y:.1f}", "class": kind})


def _box(card: ET.Element, kind: str, y: float, width: float, height: float) -> None:
    ET.SubElement(card, "rect", {"class": kind, "y": f"{y:.1f}", "width": f"{width:.1f}", "height": f"{height:.1f}"})


def _text(parent: ET.Element, tag: str, text: str, attributes: dict[str, str] | None = None) -> None:
    ET.SubElement(parent, tag, attributes or {}).text = visible(text)


def _short(name: str) -> str:
    """The name cut in its middle: pages differ at the begin and at the end of a name."""
    name = visible(name)
    if cell_len(name) <= _NAME:
        return name
    end = set_cell_size(name[::-1], _NAME // 2)[::-1].strip()
    return f"{set_cell_size(name, _NAME - _NAME // 2 - 1).strip()}…{end}"


def _with_unit(value: float, unit: str) -> str:
    return f"{number(value, 0)} {unit}".strip()


def _amount(stop: Stop, unit: str) -> str:
    left = f" · {cells.percent(stop.left / stop.value, 0)} left" if stop.left and stop.value else ""
    return _with_unit(stop.value, unit) + left
