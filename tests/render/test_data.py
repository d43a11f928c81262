"""Data formats: what a reader of the file gets, and the same bytes from memory and from disk."""

import io
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from usertrack.core.errors import UsageError
from usertrack.core.table import Column, Table
from usertrack.render import data

from .conftest import COLUMNS, ROWS, OnDisk


def written(table: Table, fmt: str) -> bytes:
    stream = io.BytesIO()
    data.write(table, fmt, stream)
    return stream.getvalue()


@pytest.mark.parametrize("fmt", ["csv", "tsv", "jsonl", "json"])
def test_disk_and_memory_give_the_same_bytes(table: Table, on_disk: OnDisk, fmt: str) -> None:
    assert written(on_disk(table), fmt) == written(table, fmt)


cells = st.tuples(
    st.none() | st.text(),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.floats(),
    st.none() | st.booleans(),
    st.none() | st.datetimes(),
    st.none() | st.dates(),
    st.none() | st.text() | st.recursive(st.integers() | st.text(), st.lists).map(json.dumps),
    st.none() | st.lists(st.none() | st.text()),
    st.none() | st.lists(st.none() | st.floats()),
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(cells, min_size=1, max_size=20))
def test_any_value_gives_the_same_bytes(rows: list[tuple[object, ...]], on_disk: OnDisk) -> None:
    memory = Table(COLUMNS, rows)
    disk = on_disk(memory)
    for fmt in ("csv", "jsonl"):
        assert written(disk, fmt) == written(memory, fmt)


@pytest.mark.parametrize("text", ["NAN", "[1, -inf]", '{"a": Infinity}'])
def test_what_only_duckdb_takes_for_json_is_text(text: str, on_disk: OnDisk) -> None:
    table = on_disk(Table((Column("j", "JSON"),), [(text,), ('{"nan": "inf"}',)]))
    assert [json.loads(line)["j"] for line in written(table, "jsonl").decode().splitlines()] == [text, {"nan": "inf"}]


def test_a_local_moment_is_an_instant_in_json() -> None:
    monday = datetime(2026, 10, 19, tzinfo=ZoneInfo("Europe/Berlin"))
    assert json.loads(data.dumps({"at": monday})) == {"at": "2026-10-18T22:00:00Z"}


def test_csv_by_hand(table: Table) -> None:
    first, second, nothing = written(table, "csv").decode().split("\n")[2:5]
    assert first == (
        'lena@northwind.example,19,0.26,true,2026-11-20T08:41:00Z,2026-09-03,"{""name"": ""trial"", ""n"": 1e2}",'
        '"[""Gmail"",""=Slack""]","[1.0,null,null]"'
    )
    assert second.startswith('"",-3,,false,2026-11-20T08:41:02.120000Z,1999-01-02,"[1,')
    assert written(table, "csv").decode().split("\n")[5] == ",,,,,,,,"
    assert nothing == '2]",[],[]'


def test_jsonl_by_hand(table: Table) -> None:
    lines = [json.loads(line) for line in written(table, "jsonl").splitlines()]
    assert lines[0] == {
        "email": "lena@northwind.example",
        "runs": 19,
        "rate": 0.26,
        "paid": True,
        "seen": "2026-11-20T08:41:00Z",
        "signed_up": "2026-09-03",
        "plan": {"name": "trial", "n": 100.0},
        "servers": ["Gmail", "=Slack"],
        '=da"ily,\n': [1.0, None, None],
    }
    assert lines[1]["rate"] is None
    assert lines[3]["plan"] == "no json"


def test_json_says_what_is_known_of_the_table() -> None:
    table = Table(
        (Column("n", "BIGINT"),), [(1,)], source="Neon", query="neon/runs", parameters={"days": 30}, elapsed=0.0123
    )
    assert json.loads(written(table, "json")) == {
        "columns": [{"name": "n", "type": "BIGINT"}],
        "rows": [{"n": 1}],
        "meta": {
            "source": "Neon",
            "query": "neon/runs",
            "parameters": {"days": 30},
            "as_of": None,
            "timezone": "UTC",
            "truncated": False,
            "elapsed_ms": 12.3,
            "notes": [],
        },
    }
    assert json.loads(written(Table((Column("n"),), []), "json"))["rows"] == []


def test_parquet_keeps_types_and_values(table: Table, on_disk: OnDisk, tmp_path: Path) -> None:
    for source in (table, on_disk(table)):
        path = tmp_path / "rows.parquet"
        data.write(source, "parquet", path)
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"CREATE VIEW written AS FROM read_parquet('{path}')")
            read = connection.execute("SELECT * REPLACE (seen::VARCHAR AS seen), typeof(seen) FROM written")
            types = {column[0]: str(column[1]) for column in read.description or ()}
            rows = read.fetchall()
        assert types["servers"] == "VARCHAR[]"
        assert types["signed_up"] == "DATE"
        assert rows[0][:3] == ("lena@northwind.example", 19, 0.26)
        assert rows[0][4] == "2026-11-20 08:41:00+00"
        assert rows[2] == (*(None,) * 9, "TIMESTAMP WITH TIME ZONE")
        assert rows[3][0] == "=HYPERLINK(1)"


def test_a_workbook_is_typed_frozen_and_says_where_it_comes_from(table: Table) -> None:
    stream = io.BytesIO()
    data.write(replace(table, rows=ROWS[:3], source="Neon", notes=("a note",)), "xlsx", stream)
    book = openpyxl.load_workbook(stream)
    sheet = book["Data"]
    assert [cell.value for cell in sheet[2]][:6] == [
        "lena@northwind.example",
        19,
        0.26,
        True,
        datetime(2026, 11, 20, 8, 41),
        datetime(2026, 9, 3),
    ]
    assert [cell.value for cell in sheet[4]] == [None] * 9
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:I4"
    about = {row[0].value: row[1].value for row in book["About"].iter_rows()}
    assert about["source"] == "Neon"
    assert about["note"] == "a note"


def test_numbers_that_a_spreadsheet_would_round_are_text() -> None:
    stream = io.BytesIO()
    data.write(Table((Column("id", "BIGINT"),), [(2**60,), (2**40,)]), "xlsx", stream)
    sheet = openpyxl.load_workbook(stream)["Data"]
    assert [sheet["A2"].value, sheet["A3"].value] == [str(2**60), 2**40]


def test_more_rows_than_a_sheet_holds() -> None:
    with pytest.raises(UsageError, match="1 048 576 rows are more than a spreadsheet holds") as caught:
        data.write(Table((Column("n"),), range(1_048_576)), "xlsx", io.BytesIO())  # type: ignore[arg-type]
    assert "csv" in caught.value.hint


def test_a_truncated_emoji_does_not_stop_an_export(tmp_path: Path) -> None:
    table = Table((Column("name"),), [("a\ud83d",)])
    assert written(table, "csv").decode() == "name\na\ufffd\n"
    data.write(table, "parquet", tmp_path / "x")
    data.write(table, "xlsx", tmp_path / "y")
