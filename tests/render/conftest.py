"""Tables to render: literal rows, the same rows on disk, and a hostile set."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from usertrack.core.spool import connect
from usertrack.core.table import Column, Row, Table
from usertrack.render import text

COLUMNS = (
    Column("email"),
    Column("runs", "BIGINT"),
    Column("rate", "DOUBLE"),
    Column("paid", "BOOLEAN"),
    Column("seen", "TIMESTAMP"),
    Column("signed_up", "DATE"),
    Column("plan", "JSON"),
    Column("servers", "VARCHAR[]"),
    Column('=da"ily,\n', "DOUBLE[]"),
)
ROWS: list[Row] = [
    (
        "lena@northwind.example",
        19,
        0.26,
        True,
        datetime(2026, 11, 20, 8, 41),
        date(2026, 9, 3),
        '{"name": "trial", "n": 1e2}',
        ["Gmail", "=Slack"],
        [1.0, float("nan"), None],
    ),
    ("", -3, float("nan"), False, datetime(2026, 11, 20, 8, 41, 2, 120000), date(1999, 1, 2), "[1,\n2]", [], []),
    (None, None, None, None, None, None, None, None, None),
    ("=HYPERLINK(1)", 2**40, 1e16, True, datetime(900, 1, 2), date(900, 1, 2), "no json", ['a"b', None], None),
    ('Sam "x", \U0001f600\x1b[31m', 0, 1e-5, True, datetime(1970, 1, 1), date(1970, 1, 1), "null", [""], [0.1]),
]


class Rows(Sequence[Row]):
    """Rows in a parquet file, with the seam that lazy rows offer to the writers."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def scan(self) -> str:
        return f"read_parquet('{self.path}')"

    def reader(self) -> Any:
        return connect()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, index: Any) -> Any:
        return list(self)[index]

    def __iter__(self) -> Iterator[Row]:
        with duckdb.connect() as connection:
            return iter(connection.execute(f"SELECT * FROM {self.scan()}").fetchall())


OnDisk = Callable[[Table], Table]


@pytest.fixture(scope="session")
def on_disk(tmp_path_factory: pytest.TempPathFactory) -> OnDisk:
    """The same table with its rows in a parquet file."""
    folder = tmp_path_factory.mktemp("disk")

    def put(table: Table) -> Table:
        path = folder / "rows.parquet"
        types = ", ".join(
            f"{text.identifier(column.name)} {column.type.replace('JSON', 'VARCHAR')}" for column in table.columns
        )
        with duckdb.connect() as connection:
            connection.execute(f"CREATE TABLE rows ({types})")
            marks = ", ".join("?" for _ in table.columns)
            if table.rows:
                connection.executemany(f"INSERT INTO rows VALUES ({marks})", [list(row) for row in table.rows])
            connection.execute(f"COPY rows TO '{path}' (FORMAT parquet)")
        return Table(table.columns, Rows(path), as_of=table.as_of, timezone=table.timezone)

    return put


@pytest.fixture
def table() -> Table:
    return Table(COLUMNS, ROWS, as_of=datetime(2026, 11, 20, 9, 0, tzinfo=UTC).replace(tzinfo=None))
