"""Times on the wall of a timezone, on the nights when its clocks are changed."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from usertrack.server.database.store import Store
from usertrack.server.imports.clock import WallClock

from .conftest import Events, Import, imported, parquet

NIGHTS = """user,event,time
a,before,2026-03-08 01:59:59
a,skipped,2026-03-08 02:30:00
a,after,2026-03-08 03:00:00
a,twice,2026-11-01 01:30:00
a,said,2026-11-01 01:30:00-05:00
"""


def test_an_hour_that_was_skipped_and_one_that_came_twice(load: Import, events: Events) -> None:
    result = load(NIGHTS, "--timezone", "America/New_York")
    assert {event: at[:19] for at, _, event, _ in events()} == {
        "before": "2026-03-08 06:59:59",
        "skipped": "2026-03-08 07:30:00",
        "after": "2026-03-08 07:00:00",
        "twice": "2026-11-01 05:30:00",
        "said": "2026-11-01 06:30:00",
    }
    assert "1 row with a time that America/New_York skipped" in result.err
    assert "such as '2026-03-08 02:30:00'" in result.err
    assert "1 row with a time that America/New_York had twice" in result.err
    assert "a time that" not in load(NIGHTS).err


@pytest.mark.slow
def test_times_and_days_of_parquet(load: Import, events: Events, tmp_path: Path) -> None:
    rows = "SELECT 'a' AS user, 'x' AS event, {} AS time, 1 AS n".format
    for value in ("TIMESTAMP '2018-11-04 00:30:00'", "DATE '2018-11-04'"):
        outcome = imported(
            load(parquet(tmp_path / "log.parquet", rows(value)), "--timezone", "America/Sao_Paulo", "-f", "json")
        )
        assert [note[:5] for note in outcome["notes"]] == ["1 row"]
    assert [row[0][:16] for row in events()] == ["2018-11-04 03:00", "2018-11-04 03:30"]


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Australia/Lord_Howe", "Atlantic/Azores", "Africa/Casablanca"])
def test_every_quarter_of_an_hour_as_python_reads_it(zone: str, tmp_path: Path) -> None:
    first, count = datetime(2018, 1, 1), 366 * 96
    wall = WallClock("shown", zone)
    times = (
        f"SELECT toDateTime64('2018-01-01', 6, 'UTC') + toIntervalMinute(15 * number) AS shown FROM numbers({count})"
    )
    with closing(Store(tmp_path)) as store:
        rows = store.rows(f"SELECT toInt32(toUnixTimestamp({wall.moment})) FROM ({times})")
    local = (first + timedelta(minutes=15 * number) for number in range(count))
    expected = [int(at.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp()) for at in local]
    assert [at for (at,) in rows] == expected
