"""Tables as an Excel workbook: typed cells, never a formula, and a second sheet about the query."""

import io
import math
from datetime import date, datetime
from typing import Any, BinaryIO

from usertrack.core.errors import UsageError
from usertrack.core.table import Table
from usertrack.core.words import number
from usertrack.render import safe, text

MAX_ROWS = 1_048_575  # a sheet's 1 048 576, less the header
_MAX_TEXT = 32_767  # characters in a cell
_MAX_INT = 10**15  # beyond this Excel rounds


def write(table: Table, file: BinaryIO) -> None:
    """Write ``table`` to ``file``. Times are UTC. Raises UsageError when a sheet cannot hold its rows."""
    if len(table.rows) > MAX_ROWS:
        raise UsageError(
            f"{number(len(table.rows))} rows are more than a spreadsheet holds ({number(MAX_ROWS)})",
            "use --format csv or parquet, or --limit",
        )
    import xlsxwriter

    # The archive is packed in memory: a ZipFile on a disk that fills up complains again when it is collected.
    packed = io.BytesIO()
    book = xlsxwriter.Workbook(packed, {"constant_memory": True})
    writer = _Cells(book, book.add_worksheet("Data"))
    for at, column in enumerate(table.columns):
        writer.sheet.set_column(at, at, min(40, max(12, len(column.name) + 4)))
        writer.text(0, at, column.name, writer.bold)
    for line, row in enumerate(table.rows, start=1):
        for at, (column, value) in enumerate(zip(table.columns, row, strict=True)):
            writer.cell(line, at, value, column.type)
    writer.sheet.freeze_panes(1, 0)
    if table.columns:
        writer.sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)
    _about(_Cells(book, book.add_worksheet("About")), table, writer.cut)
    book.close()
    file.write(packed.getbuffer())


def _about(writer: "_Cells", table: Table, cut: int) -> None:
    facts = [
        ("source", table.source),
        ("query", table.query),
        ("parameters", text.json_text(text.plain(table.parameters))),
        ("as of (UTC)", table.as_of and table.as_of.replace(tzinfo=None)),
        ("times in this file", "UTC"),
        ("complete", "no: the source has more rows" if table.truncated else "yes"),
        *(("note", note) for note in table.notes),
    ]
    if cut:
        facts.append(("note", f"{cut} texts were longer than the {_MAX_TEXT} characters of a cell and end in …"))
    writer.sheet.set_column(0, 0, 20)
    for line, (name, value) in enumerate(facts):
        writer.text(line, 0, name, writer.bold)
        writer.cell(line, 1, value, "VARCHAR")


class _Cells:
    """One sheet; ``cut`` counts the texts that were too long for a cell."""

    def __init__(self, book: Any, sheet: Any) -> None:
        self.sheet = sheet
        self.bold = _style(book, bold=True)
        self.literal = _style(book, quote_prefix=True)
        self.time = _style(book, num_format="yyyy-mm-dd hh:mm:ss")
        self.day = _style(book, num_format="yyyy-mm-dd")
        self.cut = 0

    def text(self, line: int, at: int, value: str, style: Any = None) -> None:
        value = safe.utf8(value).decode()
        if len(value) > _MAX_TEXT:
            value, self.cut = value[: _MAX_TEXT - 1] + "…", self.cut + 1
        # The quote prefix is Excel's own leading apostrophe: the text stays exact, and text even when edited.
        self.sheet.write_string(line, at, value, self.literal if safe.is_formula(value) else style)

    def cell(self, line: int, at: int, value: Any, kind: str) -> None:
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return
        if isinstance(value, bool):
            self.sheet.write_boolean(line, at, value)
        elif isinstance(value, int | float) and abs(value) < _MAX_INT:
            self.sheet.write_number(line, at, value)
        elif isinstance(value, date) and value.year >= 1900:
            self.sheet.write_datetime(line, at, value, self.time if isinstance(value, datetime) else self.day)
        else:
            self.text(line, at, value if isinstance(value, str) else text.csv_text(value, kind))


def _style(book: Any, **properties: Any) -> Any:
    return book.add_format(properties)
