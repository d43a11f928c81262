"""How facts are told in words."""

from datetime import datetime

from usertrack.segments.profiles import ProfileFact
from usertrack.segments.wording import bounded_words


def test_the_bounds_of_a_fact_that_is_not_known() -> None:
    runs, seen = ProfileFact("runs", "Runs", "BIGINT"), ProfileFact("seen", "Seen", "TIMESTAMP")
    noon = datetime(2026, 11, 20, 12)
    assert bounded_words(runs, 3, 9, "UTC") == "3 or more, 9 or less"
    assert bounded_words(seen, noon, None, "UTC") == "20 Nov 2026 12:00 or later"
    assert bounded_words(seen, None, noon, "UTC") == "20 Nov 2026 12:00 or earlier"
    assert bounded_words(runs, None, None, "UTC") == "unknown"
