"""Data formats: what a reader of the file gets, and the same bytes from memory and from disk."""

import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from usertrack.render import data
from usertrack.table import Table

from .conftest import COLUMNS, OnDisk


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


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(cells, min_size=1, max_size=20))
def test_any_value_gives_the_same_bytes(rows: list[tuple[object, ...]], on_disk: OnDisk) -> None:
    memory = Table(COLUMNS, rows)
    disk = on_disk(memory)
    for fmt in ("csv", "jsonl"):
        assert written(disk, fmt) == written(memory, fmt)
