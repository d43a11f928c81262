"""The reason of a signal: its facts are data."""

import pytest

from usertrack.live.signals.wording import reason


@pytest.mark.parametrize(
    ("because", "words"),
    [
        ("on {page}[: “{message}”]", "on /runs: “{{a}} [b] {page}”"),
        ("on {page}[ since {since}]", "on /runs"),
        ("{since} on {{page}}", "? on {page}"),
    ],
)
def test_a_reason_has_the_facts_as_they_are(because: str, words: str) -> None:
    assert reason(because, {"page": "/runs", "message": "{{a}} [b] {page}"}) == words
