"""Ages and sizes as people write them."""

from datetime import timedelta

import pytest

from tests.conftest import problem
from usertrack.core.words import age_words, growth, parse_age, parse_size, plural, signed, size_words


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45), ("30m", 1800), ("30 min", 1800), ("2h", 7200), ("1d", 86_400), (" 2W ", 1_209_600)],
)
def test_ages(text: str, seconds: int) -> None:
    assert parse_age(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "30", "0h", "h", "-1h", "1.5h", "1h30m", "1 year", "١h", "9999999d", "1h\n2d"])
def test_what_is_no_age(text: str) -> None:
    error = problem(lambda: parse_age(text))
    assert "is not an age" in error.message
    assert "30m, 2h or 1d" in error.hint


def test_sizes() -> None:
    assert [parse_size(text) for text in ("500MB", "1 GiB", "64kib")] == [500_000_000, 1_073_741_824, 65_536]
    for text in ("", "1", "0MB", "1TB", "big", "-1MB"):
        assert "500MB" in problem(lambda text=text: parse_size(text)).hint  # type: ignore[misc]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (7199, "119 min"), (7200, "2 h"), (172_799, "47 h"), (172_800, "2 d")],
)
def test_ages_in_words(seconds: int, words: str) -> None:
    assert age_words(timedelta(seconds=seconds)) == words


def test_sizes_in_words() -> None:
    assert [size_words(size) for size in (0, 999, 1000, 2_500_000, 10**9)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "2.5 MB",
        "1.0 GB",
    ]


def test_signs() -> None:
    assert [signed(value) for value in (3, -3, 0, 0.4, -0.4, 1234.6)] == ["+3", "−3", "0", "0", "0", "+1 235"]
    assert [signed(value, 1) for value in (-0.04, -0.05, 10)] == ["0.0", "−0.1", "+10.0"]


def test_growth() -> None:
    words = [growth(now, before) for now, before in ((9, 8), (0, 4), (8, 8), (2, 3), (9.9, 1), (10, 1), (12066, 100))]
    assert words == ["+12.5 %", "−100.0 %", "0.0 %", "−33.3 %", "+890.0 %", "×10", "×121"]


def test_plural() -> None:
    assert [plural(count, "day") for count in (0, 1, 2, 1234)] == ["0 days", "1 day", "2 days", "1 234 days"]
