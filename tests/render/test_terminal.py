"""What people read: numbers, shares, times, bars, and a layout for every width."""

import io
import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from usertrack.core.document import Code, Document, Field, Kind, Listing, of_table
from usertrack.core.table import Column, Table
from usertrack.render import cells, charts, terminal

from . import documents


def printed(document: Document, width: int, limit: int | None = None) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    terminal.render(document, console, limit)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def cell_texts(values: list[Any], type_: str, kind: Kind = "auto", **options: Any) -> list[str]:
    table = Table((Column("x", type_),), [(value,) for value in values], as_of=options.pop("as_of", None), **options)
    (view,) = cells.views(Listing(table, fields={"x": Field(kind=kind)}))
    return [view.cell(row).text for row in table.rows]


@pytest.mark.parametrize(
    ("values", "type_", "kind", "expected"),
    [
        ([1962, -1604, 7, None], "BIGINT", "auto", ["1 962", "-1 604", "7", "·"]),
        ([9.2, 8.0, None, float("nan")], "DOUBLE", "auto", ["9.2", "8.0", "·", "·"]),
        ([1234.56, 0.5], "DOUBLE", "auto", ["1 235", "0"]),
        ([0.1234, 0.5, 1.0], "DOUBLE", "percent", ["12.3 %", "50.0 %", "100.0 %"]),
        ([0.5, 1.0, 0.0], "DOUBLE", "percent", ["50 %", "100 %", "0 %"]),
        ([0.0001, 0.9999, 0.5], "DOUBLE", "percent", ["<0.1 %", ">99.9 %", "50.0 %"]),
        ([True, False, None], "BOOLEAN", "auto", ["yes", "no", "·"]),
        ([["a", "b"], [], None], "VARCHAR[]", "auto", ["a, b", "", "·"]),
        ([[0, 1, 2]], "BIGINT[]", "spark", ["▁▅█"]),
        ([date(2026, 9, 3)], "DATE", "auto", ["2026-09-03"]),
    ],
)
def test_values(values: list[Any], type_: str, kind: Kind, expected: list[str]) -> None:
    assert cell_texts(values, type_, kind) == expected


def test_identifiers_have_no_separators() -> None:
    table = Table((Column("account_id", "BIGINT"),), [(812345,)])
    assert "812345" in printed(of_table(table), 80)


def test_times_are_shown_in_the_workspace_timezone() -> None:
    moment = datetime(2026, 11, 19, 23, 30)
    assert cell_texts([moment], "TIMESTAMP", timezone="Europe/Berlin") == ["2026-11-20 00:30"]
    assert cell_texts([moment], "TIMESTAMP", "when", timezone="Europe/Berlin") == ["20 Nov 2026"]


def test_recent_times_are_relative_to_as_of() -> None:
    now = datetime(2026, 11, 20, 9)
    ago = [timedelta(0), timedelta(minutes=5), timedelta(hours=23), timedelta(days=6), timedelta(days=30)]
    assert cell_texts([now - step for step in ago], "TIMESTAMP", "when", as_of=now) == [
        "just now",
        "5 min ago",
        "23 h ago",
        "6 d ago",
        "21 Oct",
    ]
    assert cell_texts([datetime(2025, 3, 1), datetime(2026, 12, 1)], "TIMESTAMP", "when", as_of=now) == [
        "1 Mar 2025",
        "1 Dec",
    ]


def test_bars_are_to_scale_and_anything_above_nothing_shows() -> None:
    assert charts.bar(1, 1, 10) == "█" * 10
    assert charts.bar(0.55, 1, 10) == "█████▌"
    assert charts.bar(0.0001, 1, 10) == "▏"
    assert charts.bar(0, 1, 10) == charts.bar(1, 0, 10) == ""


def test_sparklines_have_gaps_and_keep_their_peaks_when_squeezed() -> None:
    assert charts.spark([0, None, 10]) == "▁ █"
    assert charts.spark([0, 0, 0, 10], 2) == "▁█"
    assert charts.spark([0, 0, 0, 10, None, 0, 0, 10, 0], 5) == "▁█ ▁█"
    assert charts.spark([0, 0]) == "▁▁"
    assert charts.spark([]) == ""


def test_the_reason_stands_beside_or_below_the_person() -> None:
    beside, below = printed(documents.segments(), 120), printed(documents.segments(), 80)
    assert re.search("Seen +Why", beside)
    assert '\n    14 of 19 runs failed since 12 Nov, 11 of them "Modal OOM (rc=137)"\n' in below


def test_a_table_that_cannot_fit_becomes_records() -> None:
    lines = printed(of_table(documents.PEOPLE), 60).split("\n")
    assert "  email      lena@northwind.example" in lines
    assert "  priority   9.20" in lines


def test_limits_say_what_they_leave_out() -> None:
    assert "1 more · `--limit 0` shows all" in printed(documents.segments(), 120)
    assert "mia@initech.example" in printed(documents.segments(), 120, limit=0)
    limited = printed(documents.segments(), 120, limit=1)
    assert "4 more" in limited
    assert "Power Users" in limited  # the summary has no limit


def test_two_columns_of_one_name_keep_their_own_values() -> None:
    assert printed(of_table(Table((Column("n"), Column("n")), [("a", "b")])), 80).endswith("  n  n\n  a  b\n")


def test_an_empty_listing_says_so() -> None:
    assert printed(of_table(Table((Column("a"),), [], title="Nothing")), 80) == " Nothing · 0 rows\n\n  none\n"


def test_code_keeps_its_lines_and_is_never_wrapped() -> None:
    sql = "SELECT 1,\n\t'" + "x" * 100 + "'\n"
    assert printed(Document("q", (Code(sql),)), 40) == " q\n\n  SELECT 1,\n      '" + "x" * 100 + "'\n"


def test_a_bare_table_names_the_timezone_of_its_times() -> None:
    table = Table((Column("at", "TIMESTAMP"),), [(datetime(2026, 1, 1),)], name="x", timezone="Europe/Berlin")
    assert printed(of_table(table), 80).startswith(" x · 1 row · times in Europe/Berlin\n")
