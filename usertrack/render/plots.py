"""Heatmaps and trends as lines for a terminal of a given width, legible without colour."""

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from itertools import count, pairwise, zip_longest
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from usertrack.core.document import Chart, Heatmap
from usertrack.core.words import number
from usertrack.render import figures, palette
from usertrack.render.cells import Cell
from usertrack.render.safe import visible

_SHADES = " ░▒▓█"
# Each has its own text colour, so that a number is legible whatever the terminal's colours are.
_TINTS = ("", "#1d2129 on #d6eeef", "#1d2129 on #9fd6d8", "#1d2129 on #5fb9bd", "#ffffff on #0b5f63")
_LEFT, _AXIS = 13, 20  # cells that plotille takes beside the drawing: for numbers, and with the rest of the last date
_WIDEST = 96  # columns: a chart of one row for a point gains nothing beyond
_ROUND = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)  # steps that read well between the numbers of an axis
_READ = 16  # with more columns than this nobody reads single numbers


def heatmap(block: Heatmap, width: int) -> list[Text]:
    """Numbers on shades where they fit, else shades of one or two characters with a legend.

    Where these do not fit either, the numbers of as many columns as fit.
    """
    cells = figures.grid(block)
    names, heads = [visible(name) for name in block.rows], [visible(name) for name in block.columns]
    corner = visible(block.corner)
    left = min(max(map(cell_len, [*names, corner]), default=0), max(4, width // 3))
    short = figures.without_decimals(block, cells)
    for texts, above in ((cells, [heads]), (short, _stacked(heads))):
        content = max((cell_len(cell.text) for row in texts for cell in row), default=1)
        room = max(content, *(cell_len(head) for line in above for head in (line or [""]))) + 2
        if len(heads) <= _READ and left + room * len(heads) <= width:
            return _numbers(corner, above, names, texts, left, room)
    fit, columns = max(1, width - left - 1), (width - left) // room
    if len(heads) - block.base > fit and columns > 0:
        above, rows = [line[:columns] for line in above], [row[:columns] for row in short]
        return [*_numbers(corner, above, names, rows, left, room), *_cut(len(heads) - columns)]
    visible_cells = [row[block.base :][:fit] for row in cells]
    values = [row[block.base :] for row in block.values]
    varying = heads[block.base :]
    room = max(1, min(2, fit // max(1, len(varying))))
    head = Text(set_cell_size(corner, left) + _sparse(varying[:fit], room), "dim")
    lines = _lines(names, visible_cells, left + 1, room, _shade)
    return [head, *lines, *_legend(values, visible_cells), *_cut(len(varying) - fit)]


def _numbers(
    corner: str, above: Sequence[list[str]], names: Sequence[str], cells: list[list[Cell]], left: int, room: int
) -> list[Text]:
    top = [set_cell_size(corner * (not at), left) + _numbered(line, room) for at, line in enumerate(above)]
    return [*(Text(line, "dim") for line in top), *_lines(names, cells, left, room, _number)]


def _cut(left_out: int) -> Iterator[Text]:
    if left_out > 0:
        yield Text(f"too narrow for {number(left_out)} more columns · `-f csv` has all", "dim")


def _lines(
    names: Sequence[str], cells: list[list[Cell]], left: int, room: int, draw: Callable[[Cell, int], Text]
) -> Iterator[Text]:
    for name, row in zip(names, cells, strict=True):
        yield Text.assemble(set_cell_size(name, left), *(draw(cell, room) for cell in row))


def _stacked(heads: Sequence[str]) -> list[list[str]]:
    """Labels with one word per line, so that a column is as narrow as its longest word."""
    return [list(line) for line in zip_longest(*(head.split() for head in heads), fillvalue="")]


def _numbered(heads: Sequence[str], room: int) -> str:
    return "".join(" " * (room - 1 - cell_len(head)) + head + " " for head in heads)


def _sparse(heads: Sequence[str], room: int) -> str:
    """Labels over narrow columns: only as many as do not touch."""
    line = " "
    for at, head in enumerate(heads):
        start = 1 + at * room
        if not line.strip() or len(line) < start:
            line = line.ljust(start) + head
    return line[: 1 + room * len(heads)]


def _number(cell: Cell, room: int) -> Text:
    text = Text(" " * (room - 1 - cell_len(cell.text)) + cell.text + " ")
    text.stylize(_TINTS[_level(cell)] if cell.known else "dim")
    return text


def _shade(cell: Cell, room: int) -> Text:
    return Text(_SHADES[_level(cell)] * room if cell.known else "·".ljust(room), palette.DATA if cell.known else "dim")


def _level(cell: Cell) -> int:
    """The shade: 0 for nothing, else 1 to 4 by quarters of the largest value."""
    return min(4, int((cell.bar or 0.0) * 4) + 1) if cell.bar else 0


def _legend(values: Sequence[Sequence[float | None]], cells: list[list[Cell]]) -> Iterator[Text]:
    """For each shade its smallest and largest number."""
    spans: dict[int, list[tuple[float, str]]] = {}
    for row, numbers in zip(cells, values, strict=True):
        for cell, value in zip(row, numbers, strict=False):  # of columns that do not fit there is no cell
            if value is not None and cell.known:
                spans.setdefault(_level(cell), []).append((value, cell.text))
    parts = []
    for level, numbers_of_shade in sorted(spans.items()):
        low, high = min(numbers_of_shade)[1], max(numbers_of_shade)[1]
        parts.append(f"{_SHADES[level] * 2 if level else 'blank'} {low if low == high else f'{low} to {high}'}")
    if parts:
        yield Text("  ".join(parts), "dim")


def trend(block: Chart, width: int) -> list[Text]:
    """A panel per series, drawn by plotille, all on one scale from 0."""
    lines = []
    height = 8 if len(block.series) == 1 else 5
    for name, values in block.series.items():
        if len(block.series) > 1:
            lines.append(Text(visible(name), "bold"))
        lines += [Text(line, palette.DATA) for line in _panel(block, values, min(width, _WIDEST) - _AXIS, height)]
    return lines


def _panel(block: Chart, values: Sequence[float | None], width: int, height: int) -> list[str]:
    import plotille

    known = [value for series in block.series.values() for value in series if value is not None]
    # Positions of values on the x axis: days by date, labels one by one.
    days = [datetime.combine(day, time.min) for day in block.x if isinstance(day, date)]
    places: Sequence[Any] = days or range(len(block.x))
    if not known or len(places) < 2:
        return ["not enough days to draw"]
    counts = block.unit != "percent" and all(float(value).is_integer() for value in known)
    low, step = _scale(min(0.0, *known), max(*known, 0.0), height, only_integers=counts)
    figure: Any = plotille.Figure()
    figure.width, figure.height = max(10, width), height
    figure.with_colors = figure.origin = False
    # plotille does not draw a point at the very end of an axis
    figure.set_x_limits(min_=places[0], max_=places[-1] + (places[-1] - places[0]) / (2 * figure.width))
    figure.set_y_limits(min_=low, max_=low + height * step)
    highest = low + (height - 1 / 4) * step
    figure.y_ticks_fkt = lambda value, _: _tick(value, step, block.unit)
    labels = [visible(label) for label in block.x if isinstance(label, str)]
    figure.x_ticks_fkt = lambda at, after: "" if labels else _day(at, at - (after - at), places[0])
    for piece in _pieces(places, values):
        at, heights = zip(*piece, strict=True)
        figure.plot(at, [min(value, highest) for value in heights])
    drawn = figure.show().split("\n")[1:]  # without the names of the axes
    lines = [line.removesuffix("-> (X)").replace("\u2800", " ").rstrip() for line in drawn]
    return [*lines[:-2], *_axis(labels, figure.width)] if labels else lines


def _scale(low: float, high: float, rows: int, *, only_integers: bool) -> tuple[float, float]:
    """Start and step of an axis of ``rows`` from ``low`` to ``high``: the smallest round step, or a whole one."""
    power: float = 10 ** math.floor(math.log10((high - low) / rows or 1))
    steps = [power * ten * width for ten in (1, 10) for width in _ROUND]
    if only_integers:
        steps = [1, *(step for step in steps if step > 1 and step.is_integer())]
    step = next(step for step in steps if math.ceil(-low / step) + math.ceil(high / step) <= rows)
    return -math.ceil(-low / step) * step, step


def _tick(value: float, step: float, unit: str) -> str:
    """``value`` with as many decimals as ``step`` has."""
    scale = 100 if unit == "percent" else 1
    digits = len(f"{step * scale:.6f}".rstrip("0").partition(".")[2])
    text = f"{value * scale:.{digits}f} %" if unit == "percent" else number(value, digits)
    return text.rjust(10)


def _day(at: Any, before: Any, first: Any) -> str:
    """The label of a tick; empty where the tick ``before`` is on the same day."""
    return "" if before >= first and at.date() == before.date() else f"{at.day} {at:%b}"


def _axis(labels: Sequence[str], width: int) -> list[str]:
    """Ticks at the values, and their labels below: as many as do not touch, always with the last one."""
    last, room = len(labels) - 1, width + _AXIS - _LEFT
    ticks = [int(at / last * width / (1 + 1 / (2 * width))) for at in range(len(labels))]
    begins = [max(0, min(tick, room - cell_len(label))) for tick, label in zip(ticks, labels, strict=True)]
    line, names = "-" * width, ""
    choices = (range(last % every, last + 1, every) for every in count(1))
    for at in next(positions for positions in choices if _do_not_touch(positions, labels, begins)):
        line = f"{line[: ticks[at]]}|{line[ticks[at] + 1 :]}"
        names = set_cell_size(names, begins[at]) + labels[at]
    return [f"{'-' * (_LEFT - 2)}|-{line}", f"{' ' * (_LEFT - 2)}| {names}"]


def _do_not_touch(positions: range, labels: Sequence[str], begins: Sequence[int]) -> bool:
    return all(begins[at] + cell_len(labels[at]) + 1 < begins[after] for at, after in pairwise(positions))


def _pieces(places: Sequence[Any], values: Sequence[float | None]) -> Iterator[list[tuple[Any, float]]]:
    """The stretches of values without a gap."""
    piece: list[tuple[Any, float]] = []
    for day, value in zip(places, values, strict=True):
        if value is None and piece:
            yield piece
            piece = []
        elif value is not None:
            piece.append((day, value))
    if piece:
        yield piece
