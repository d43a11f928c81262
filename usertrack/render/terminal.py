"""Documents on a terminal, or as plain text in a pipe or file. Except for code, no line is wider than the console.

A listing takes the first layout that fits: a table; one without its spare columns; one with the growing column under
each row; one in which words break; one record after another. Everything is `rich.text.Text`, which has no markup, made
of `visible` texts.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from math import ceil

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from usertrack.core.document import (
    Block,
    Chart,
    Code,
    Document,
    Facts,
    Flow,
    Heatmap,
    Listing,
    Paragraph,
    Section,
    Spark,
)
from usertrack.core.table import Row
from usertrack.render import cells, charts, figures, palette, plots
from usertrack.render.cells import Cell, Clock, View
from usertrack.render.safe import visible

_MARGIN, _INDENT, _GAP = 1, 2, 2
_BAR = 12  # cells of a full bar, where there is room
_TEXT, _FIRM, _GROWING = 12, 30, 24  # the narrowest a text, a text beside a growing column, and that one may get
_EASY = 32  # what a growing column gets before spare columns do
_WORD = 40  # the longest word that is kept in one piece
_LINES = 8  # of a value beside its name, then …
_TELLING = 34  # what a column of few lines gets beside spare columns, if its texts need it
_STYLES = {"": "", "bold": "bold", "dim": "dim", "warning": f"bold {palette.COLOURS['warning']}"}


def render(document: Document, console: Console, limit: int | None = None) -> None:
    """Print ``document``, except its notes. ``limit`` is the user's, if there is one."""
    screen = _Printer(console, Clock(document.timezone, document.as_of), limit)
    if document.title:
        _title(screen, document.title, document.subtitle)
    for block in document.blocks:
        _block(screen, block)


class _Printer:
    """Prints blocks on a console, with a blank line between them."""

    def __init__(self, console: Console, clock: Clock, limit: int | None) -> None:
        self.console, self.clock, self.limit = console, clock, limit
        self.width = console.width
        self.started = False

    def line(self, line: Text, indent: int = 0) -> None:
        line.rstrip()
        self.console.print(Text(" " * indent).append_text(line), soft_wrap=True)
        self.started = True

    def blank(self) -> None:
        if self.started:
            self.console.print()

    def wrap(self, text: Text, width: int) -> list[Text]:
        if text.cell_len <= width:
            return [text]
        return list(text.wrap(self.console, max(1, width), overflow="fold"))

    def wrapped(self, text: Text, indent: int) -> None:
        for part in self.wrap(text, self.width - indent):
            self.line(part, indent)

    def row(self, parts: Iterable[tuple[list[Text], int, bool]], indent: int = _INDENT) -> None:
        """Print cells side by side; each is (its lines, its width, whether it is right-aligned)."""
        side = list(parts)
        for at in range(max(len(lines) for lines, _, _ in side)):
            line = Text()
            for lines, width, right in side:
                part = lines[at] if at < len(lines) else Text()
                pad = " " * max(0, width - part.cell_len)
                line.append(pad if right else "").append_text(part).append(("" if right else pad) + " " * _GAP)
            self.line(line, indent)


def _cut(lines: list[Text], width: int, most: int) -> list[Text]:
    """The first ``most`` of ``lines``, with … at their end where there are more."""
    if len(lines) <= most:
        return lines
    last = lines[most - 1].copy()
    last.truncate(max(1, width - 1))
    return [*lines[: most - 1], last.append("…")]


def _block(screen: _Printer, block: Block) -> None:  # noqa: C901
    match block:
        case Paragraph():
            screen.blank()
            screen.wrapped(Text(visible(block.text), style=_STYLES[block.style]), _MARGIN)
        case Section():
            _heading(screen, block.heading)
            for inner in block.blocks:
                _block(screen, inner)
            if source_line := cells.few_origins(block):
                screen.wrapped(Text(source_line, "dim"), _MARGIN)
        case Code():
            screen.blank()
            for line in block.text.rstrip().expandtabs(4).split("\n"):
                screen.line(Text(visible(line)), _INDENT)
        case Spark():
            # label, chart and caption on one line where they fit, else on several
            screen.blank()
            label, caption = Text(visible(block.label)), Text(visible(block.caption), style="dim")
            chart = Text(charts.spark(block.values, screen.width - 2 * _INDENT), style=palette.DATA)
            lines = [label]
            for part in (chart, caption):
                if lines[-1].cell_len + _GAP + part.cell_len + _MARGIN <= screen.width:
                    lines[-1] = Text.assemble(lines[-1], " " * _GAP, part)
                else:
                    lines.append(part)
            for at, part in enumerate(lines):
                screen.wrapped(part, _INDENT if at else _MARGIN)
        case Facts():
            screen.blank()
            _pairs(screen, [(visible(name), Cell(cells.fact(value, screen.clock))) for name, value in block.pairs])
        case Heatmap():
            heatmap, more = cells.heatmap(block, screen.limit)
            lines = [*plots.heatmap(heatmap, screen.width - _INDENT), *([Text(more, "dim")] if more else [])]
            _figure(screen, block.heading, lines, block.caption)
        case Chart() if block.kind == "trend":
            unit = f", {block.unit}" if block.unit not in ("", "percent") else ""
            _figure(screen, block.label + unit, plots.trend(block, screen.width - _INDENT), block.caption)
        case Chart():
            _listing(screen, figures.as_listing(block))
        case Listing():
            _listing(screen, block)
        case Flow():
            pass


def _title(screen: _Printer, title: str, subtitle: str) -> None:
    head, tail = Text.assemble((visible(title), "bold")), Text(visible(subtitle))
    if subtitle and head.cell_len + tail.cell_len + len(" · ") + _MARGIN <= screen.width:
        return screen.line(Text.assemble(head, " · ", tail), _MARGIN)
    screen.wrapped(head, _MARGIN)
    if subtitle:
        screen.wrapped(tail, _MARGIN)
    return None


def _heading(screen: _Printer, heading: str) -> None:
    if heading:
        screen.blank()
        screen.wrapped(Text(visible(heading), style="bold"), _MARGIN)


def _figure(screen: _Printer, heading: str, lines: list[Text], caption: str) -> None:
    _heading(screen, heading)
    screen.blank()
    for line in lines:
        screen.wrapped(line, _INDENT)
    if caption:
        screen.wrapped(Text(visible(caption), style="dim"), _MARGIN)


def _pairs(screen: _Printer, pairs: list[tuple[str, Cell]]) -> None:
    """Name and value side by side, values wrapped under themselves."""
    widest = min(max((cell_len(name) for name, _ in pairs), default=0), max(8, screen.width // 3))
    room = screen.width - _INDENT - widest - _GAP
    for name, cell in pairs:
        value = _ink(cell, room)
        if cell.bar is not None:
            width = min(_BAR, max(4, room - value.cell_len - 2))
            value.append("  ").append(charts.bar(cell.bar, 1, width), palette.DATA)
        lines = _cut(screen.wrap(value, room), room, _LINES)
        screen.row([(screen.wrap(Text(name, "dim"), widest), widest, False), (lines, 0, False)])


def _ink(cell: Cell, width: int = 0) -> Text:
    if cell.spark:
        return Text(charts.spark(cell.spark, width), style=palette.DATA)
    return Text(cell.text, style=palette.COLOURS.get(cell.tone, "") if cell.known else "dim")


def _listing(screen: _Printer, block: Listing) -> None:
    _heading(screen, block.heading)
    screen.blank()
    rows, left_out = cells.rows(block, screen.limit)
    head = list(islice(rows, cells.SAMPLE))
    left_out_columns: list[str] = []
    if head:
        left_out_columns = _draw(screen, cells.views(block), head, chain(head, rows))
    else:
        screen.line(Text("none", style="dim"), _INDENT)
    narrow = f"too narrow for {', '.join(left_out_columns)}" if left_out_columns else ""
    if last := " · ".join(part for part in (cells.rest(block, left_out), narrow) if part):
        screen.wrapped(Text(last, style="dim"), _MARGIN)


def _draw(screen: _Printer, views: list[View], head: list[Row], rows: Iterable[Row]) -> list[str]:
    """Print the listing in the first layout that fits; returns the labels of the columns that it leaves out."""
    columns = [column for view in views for column in _columns(view, head)]
    for beside, below, least in _layouts(columns):
        if widths := _fit(beside, screen.width - _INDENT, [least(column) for column in beside]):
            _table(screen, beside, widths, rows, below)
            return [column.label for column in columns if column.label and column not in (*beside, *below)]
    for at, row in enumerate(rows):
        if at:
            screen.blank()
        _pairs(screen, [(view.label, view.cell(row)) for view in views])
    return []


@dataclass(frozen=True)
class _TextColumn:
    """A column on screen.

    ``natural`` is the width that needs no wrapping, ``unbroken`` the narrowest that breaks no word, ``floor``
    the narrowest that still reads.
    """

    label: str
    right: bool
    natural: int
    unbroken: int
    floor: int
    ink: Callable[[Row, int], Text]
    grows: bool = False
    bar: bool = False
    spare: bool = False
    lines: int = 8

    @property
    def telling(self) -> int:
        """The width that shows most of a text that grows in its few lines."""
        return min(self.natural, _TELLING, ceil(self.natural / self.lines))


_Layout = tuple[list[_TextColumn], list[_TextColumn], Callable[[_TextColumn], int]]
"""Columns side by side, columns below each row, and the least width of one of the former."""


def _layouts(columns: list[_TextColumn]) -> Iterator[_Layout]:
    """The tables to try, the best first."""
    growing = [column for column in columns if column.grows]
    if growing:
        yield columns, [], _firm
    spare = [column for column in columns if column.spare]
    for count in range(len(spare), -1, -1):
        yield [column for column in columns if column not in spare[count:]], [], _easy if count else _unbroken
    for least in (_unbroken, _floor):
        if growing and len(growing) < len(columns):
            yield [column for column in columns if not column.grows], growing, least
        yield columns, [], least
    yield [column for column in columns if column not in spare], [], _floor


def _columns(view: View, head: list[Row]) -> list[_TextColumn]:
    """The column of ``view``, and one more for its bars."""
    content = max(cell_len(view.cell(row).text) for row in head)
    words = max((cell_len(word) for word in view.label.split()), default=0)
    least = _GROWING if view.grows else _TEXT if view.wraps or view.kind == "spark" else content
    floor = max(words, min(content, least))
    longest = max(cell_len(word) for row in head for word in (view.cell(row).text.split() or [""]))
    column = _TextColumn(
        label=view.label,
        right=view.right,
        natural=max(content, cell_len(view.label)),
        unbroken=max(words, min(longest, _WORD)) if view.wraps and not view.grows else floor,
        floor=floor,
        ink=lambda row, width: _ink(view.cell(row), width),
        grows=view.grows,
        spare=view.spare,
        lines=view.lines,
    )
    bar = _TextColumn("", False, _BAR, 4, 4, lambda row, width: _bar(view.cell(row), width), bar=True, spare=view.spare)
    return [column, bar] if view.kind == "bar" else [column]


def _bar(cell: Cell, width: int) -> Text:
    return Text(charts.bar(cell.bar or 0.0, 1, width), style=palette.DATA)


def _firm(column: _TextColumn) -> int:
    """The least width beside a growing column: a name or an e-mail is not broken unless it is very long."""
    if column.grows:
        return max(column.floor, column.telling)
    return column.floor if column.bar else max(column.floor, min(column.natural, _FIRM))


def _easy(column: _TextColumn) -> int:
    return max(column.unbroken, min(column.natural, _EASY), column.telling) if column.grows else column.unbroken


def _unbroken(column: _TextColumn) -> int:
    return column.unbroken


def _floor(column: _TextColumn) -> int:
    return column.floor


def _fit(columns: list[_TextColumn], room: int, floors: list[int]) -> list[int]:
    """A width for each column, at least its floor; empty when they do not fit side by side.

    Spare room goes to texts, in proportion to what they lack, then to bars.
    """
    widths = list(floors)
    spare = room - sum(widths) - _GAP * (len(columns) - 1)
    if spare < 0:
        return []
    for bars in (False, True):
        missing = {at: column.natural - widths[at] for at, column in enumerate(columns) if column.bar is bars}
        total = sum(missing.values())
        for at, more in missing.items():
            widths[at] += more if total <= spare else spare * more // total
        spare -= min(spare, total)
    return widths


def _table(
    screen: _Printer, columns: list[_TextColumn], widths: list[int], rows: Iterable[Row], below: list[_TextColumn]
) -> None:
    """Print one row per line; the ``below`` columns are indented under their row."""
    frame = [(column, width, column.right) for column, width in zip(columns, widths, strict=True)]
    screen.row([(screen.wrap(Text(column.label, "dim"), width), width, right) for column, width, right in frame])
    for row in rows:
        screen.row([(_lines(screen, column, row, width), width, right) for column, width, right in frame])
        for column in below:
            room = screen.width - 2 * _INDENT
            if column.ink(row, room).plain == cells.MISSING:
                continue
            screen.row([(_lines(screen, column, row, room), 0, False)], indent=2 * _INDENT)


def _lines(screen: _Printer, column: _TextColumn, row: Row, width: int) -> list[Text]:
    return _cut(screen.wrap(column.ink(row, width), width), width, column.lines)
