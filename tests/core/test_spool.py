"""Rows on disk: read back in their order and types, however odd, and never as a list."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from usertrack.core.spool import JsonLines, SpooledRows, connect, csv_rows, parquet_rows, unique
from usertrack.core.table import Column

TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"]))
few = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def numbers(tmp_path: Path, count: int) -> SpooledRows:
    lines = JsonLines(tmp_path / "numbers")
    lines.add([[number] for number in range(count)])
    return lines.rows([Column("n", "BIGINT")])


def test_rows_are_a_sequence(tmp_path: Path) -> None:
    rows = numbers(tmp_path, 50_000)
    assert (len(rows), rows[0], rows[-1], rows[49_999]) == (50_000, (0,), (49_999,), (49_999,))
    assert rows[3:5] == [(3,), (4,)]
    assert rows[-2:] == [(49_998,), (49_999,)]
    assert rows[5:3] == []
    assert [n for (n,) in rows] == [n for (n,) in rows] == list(range(50_000))
    for wrong in (50_000, -50_001):
        with pytest.raises(IndexError):
            rows[wrong]


@pytest.mark.parametrize(("limit", "length"), [(None, 5), (0, 0), (3, 3), (5, 5), (9, 5)])
def test_head(tmp_path: Path, limit: int | None, length: int) -> None:
    rows = numbers(tmp_path, 5).head(limit)
    assert (len(rows), list(rows)) == (length, [(n,) for n in range(length)])


@few
@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=30))
def test_texts_survive_json(tmp_path: Path, values: list[tuple[Any, Any]]) -> None:
    lines = JsonLines(tmp_path / "texts")
    lines.add(values)
    assert list(lines.rows([Column("a"), Column("b")])) == values


def test_files_are_read_by_any_connection(tmp_path: Path) -> None:
    rows = numbers(tmp_path, 3)
    assert duckdb.connect().execute(f"SELECT sum(n) FROM {rows.scan()}").fetchone() == (3,)


def test_paths_and_names_with_quotes(tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s "here"'
    folder.mkdir()
    lines = JsonLines(folder / "0")
    lines.add([[1]])
    rows = lines.rows([Column('say "hi"; --', "BIGINT")])
    assert list(rows) == [(1,)]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a", "A", "a"], ["a", "A_2", "a_3"]),
        (["a", "a", "a_2"], ["a", "a_2", "a_2_2"]),
        (["", "", "x\0"], ["column", "column_2", "x"]),
    ],
)
def test_names_are_made_unique(names: Sequence[str], expected: Sequence[str]) -> None:
    assert unique(names) == expected


def test_what_copy_writes(tmp_path: Path) -> None:
    path = tmp_path / "copied.csv"
    path.write_bytes(b'"",\\N,"\\N","a\r\nb",2026-01-01 10:00:00+00,t\n"""",x,\\\\N,",",infinity,\\N\n')
    columns = [*map(Column, "abcd"), Column("at", "TIMESTAMP"), Column("flag", "BOOLEAN")]
    assert list(csv_rows(path, columns, 2, 60)) == [
        ("", None, "\\N", "a\r\nb", datetime(2026, 1, 1, 10), True),
        ('"', "x", "\\\\N", ",", datetime.max, None),
    ]


def parquet(tmp_path: Path, select: str) -> SpooledRows:
    path = tmp_path / "some.parquet"
    connect().execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return parquet_rows(path)


@pytest.mark.parametrize(
    ("cell", "kind", "value"),
    [
        ("7::UTINYINT", "BIGINT", 7),
        ("18446744073709551615::UBIGINT", "VARCHAR", "18446744073709551615"),
        ("7::UBIGINT", "BIGINT", 7),
        ("NULL::UBIGINT", "BIGINT", None),
        ("1.5::DECIMAL(9, 2)", "DOUBLE", 1.5),
        ("'2026-01-01 10:00:00+02'::TIMESTAMPTZ", "TIMESTAMP", datetime(2026, 1, 1, 8)),
        ("['2026-01-01 10:00:00+02'::TIMESTAMPTZ, NULL]", "TIMESTAMP[]", [datetime(2026, 1, 1, 8), None]),
        ("DATE '2026-01-01'", "DATE", date(2026, 1, 1)),
        ("{'a': 1}", "JSON", '{"a":1}'),
        ("[1::UINTEGER]", "BIGINT[]", [1]),
        ("uuid '00000000-0000-0000-0000-00000000000a'", "VARCHAR", "00000000-0000-0000-0000-00000000000a"),
    ],
)
def test_types_of_parquet(tmp_path: Path, cell: str, kind: str, value: Any) -> None:
    rows = parquet(tmp_path, f"SELECT {cell} AS cell")
    assert rows.file is not None
    for again in (rows, rows.file.read()):
        assert (again.columns[0], list(again)) == (Column("cell", kind), [(value,)])


def test_parquet_without_rows(tmp_path: Path) -> None:
    rows = parquet(tmp_path, "SELECT 1::UBIGINT AS n WHERE false")
    assert (len(rows), list(rows), rows.columns[0].type) == (0, [], "BIGINT")
