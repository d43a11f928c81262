"""ISO weeks in a timezone: which moments are theirs, and what is no week."""

from datetime import UTC, datetime

import pytest

from tests.conftest import problem
from usertrack.core.period import Week, parse_week

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


def test_a_week_begins_on_monday_in_its_zone() -> None:
    week = Week(2026, 46, "Europe/Berlin")
    assert week.since == datetime(2026, 11, 8, 23, tzinfo=UTC)
    assert week.until == datetime(2026, 11, 15, 22, 59, 59, 999999, tzinfo=UTC)
    assert [day.day for day in week.days] == [9, 10, 11, 12, 13, 14, 15]


def test_a_week_in_which_clocks_change_has_an_hour_more() -> None:
    week = Week(2026, 43, "Europe/Berlin")
    assert (week.until - week.since).total_seconds() == pytest.approx(169 * 3600)


def test_the_year_of_a_week_is_not_that_of_its_days() -> None:
    assert str(Week(2027, 1, "UTC").before) == "2026-W53"
    assert str(Week(2026, 1, "UTC").monday) == "2025-12-29"


@pytest.mark.parametrize(
    ("text", "now", "week"),
    [
        ("", NOW, "2026-W46"),
        ("2026-W47", NOW, "2026-W47"),
        ("", datetime(2026, 11, 15, 23, 59, 59, tzinfo=UTC), "2026-W45"),
        ("", datetime(2026, 11, 16, tzinfo=UTC), "2026-W46"),
        ("2026-W53", datetime(2027, 2, 1, tzinfo=UTC), "2026-W53"),
    ],
)
def test_weeks(text: str, now: datetime, week: str) -> None:
    assert str(parse_week(text, "UTC", now)) == week


def test_the_last_week_is_that_of_the_zone() -> None:
    sunday_night = datetime(2026, 11, 15, 23, 30, tzinfo=UTC)
    assert str(parse_week("", "Europe/Berlin", sunday_night)) == "2026-W46"


@pytest.mark.parametrize(
    "text", ["46", "W46", "2026-46", "2026W46", "2026-W6", "2026-w46", "2026-W00", "2025-W53", "2026-W46 ", "0000-W01"]
)
def test_what_is_no_week(text: str) -> None:
    error = problem(lambda: parse_week(text, "UTC", NOW))
    assert error.message == f"'{text}' is not an ISO week"
    assert "2026-W46" in error.hint


def test_a_week_that_is_yet_to_come() -> None:
    error = problem(lambda: parse_week("2026-W48", "UTC", NOW))
    assert error.message == "the week 2026-W48 is yet to come: it begins on 2026-11-23"
    assert "2026-W46" in error.hint
