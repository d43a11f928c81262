"""What a pattern looks for, in words that somebody understands who never saw patterns.yaml."""

from pathlib import Path

import pytest

from usertrack.live.signals.looks_for import looks_for
from usertrack.live.signals.read import read_patterns

SHIPPED = Path(__file__).parents[3] / "patterns.yaml"


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("errors", "error more than 3 times within 5 min"),
        (
            "stuck",
            "visibly on one route for longer than 95 % of its visits, and 1 min 30 s at least, and (either rage or "
            "dead or field error at least once within 10 min, or $pageview A, then $pageview B, then $pageview A, then "
            "$pageview B within 5 min (each letter is a route))",
        ),
        ("first_session_stalls", "in the person's first session, and visibly on one route for longer than 3 min"),
        ("trial_quiet", "begun within the last 2 d 2 h, and no ended since, and nothing at all for 2 d"),
        ("paying_quiet", "nothing at all for 14 d, and for at most 14 d 4 h"),
    ],
)
def test_the_conditions_of_the_shipped_patterns(pattern: str, words: str) -> None:
    assert looks_for(read_patterns(SHIPPED)[pattern])["fires when"] == words


def test_of_whom_and_how_many() -> None:
    patterns = read_patterns(SHIPPED)
    assert looks_for(patterns["errors"]) == {
        "fires when": "error more than 3 times within 5 min",
        "for each": "kind of error",
        "an incident": "10 people with the same within 10 min",
        "ends": "once that is not so for 5 min",
    }
    assert "subscription_status" in looks_for(patterns["trial_quiet"])["of people with"]


def test_a_share_of_what_is_usual(tmp_path: Path) -> None:
    (tmp_path / "patterns.yaml").write_text(
        "patterns:\n"
        "  worse: {when: {share: $exception, of: any, within: 1h, more_than: own p95}}\n"
        "  bad: {when: {share: $exception, of: $pageview, within: 1h, more_than: 20%}}\n"
    )
    patterns = read_patterns(tmp_path / "patterns.yaml")
    usual = "in 95 % of earlier times of the person"
    assert looks_for(patterns["worse"])["fires when"].startswith(f"$exception is more than {usual}, and of")
    expected = "$exception is more than 20 % of at least 10 of $pageview within 1 h"
    assert looks_for(patterns["bad"])["fires when"] == expected
