"""Moments at the edge: dates end, naive times are in the workspace's timezone, all is UTC inside."""

from datetime import UTC, datetime

import pytest

from usertrack.core.errors import UsageError
from usertrack.core.period import in_zone, known_zone, parse_moment


@pytest.mark.parametrize(
    ("text", "zone", "moment"),
    [
        ("2026-11-20", "UTC", datetime(2026, 11, 20, 23, 59, 59, 999999)),
        ("20261120", "UTC", datetime(2026, 11, 20, 23, 59, 59, 999999)),
        ("2026-11-20", "Europe/Berlin", datetime(2026, 11, 20, 22, 59, 59, 999999)),
        ("2026-11-20T09:00", "Europe/Berlin", datetime(2026, 11, 20, 8)),
        ("2026-11-20T09:00Z", "Europe/Berlin", datetime(2026, 11, 20, 9)),
        ("2026-11-20 09:00-05:00", "UTC", datetime(2026, 11, 20, 14)),
    ],
)
def test_moments(text: str, zone: str, moment: datetime) -> None:
    assert parse_moment(text, zone) == moment.replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "2026-11-20T25:00", "0001-01-01T00:00+14:00", "\udcff"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(UsageError, match="is not a date or time") as caught:
        parse_moment(text, "Asia/Tokyo")
    assert "2026-11-20" in caught.value.hint


@pytest.mark.parametrize("text", ["0001-01-01", "1900-12-31", "2299-01-01", "9999-12-31T23:59:59"])
def test_moments_that_no_source_can_count_in(text: str) -> None:
    with pytest.raises(UsageError, match="is out of reach") as caught:
        parse_moment(text, "UTC")
    assert caught.value.hint == "times lie between 1901 and 2299"


def test_zones() -> None:
    assert in_zone(datetime(2026, 7, 1, 12), "Europe/Berlin").isoformat() == "2026-07-01T14:00:00+02:00"
    assert [known_zone(name) for name in ("Asia/Tokyo", "Mars/Olympus", "../x", "", None, 5, "Europe")] == [
        "Asia/Tokyo",
        *["UTC"] * 6,
    ]
