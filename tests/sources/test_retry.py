"""What a user reads while a request is tried again."""

import pytest

from usertrack.core.errors import SourceBusy
from usertrack.sources.retry import Retry, attempts, notify_retry


@pytest.mark.parametrize(
    ("pause", "asked_for", "notice"),
    [
        (2.0, None, "it is busy; trying again in about 2 s"),
        (0.01, None, "it is busy; trying again"),
        (2.0, 7.0, "it is busy; trying again in 7 s"),
        (2.0, 3600.0, "it is busy; trying again in 90 s"),
        (2.0, 0.0, "it is busy; trying again"),
    ],
)
def test_a_notice_says_when_it_is_tried_again(pause: float, asked_for: float | None, notice: str) -> None:
    notices: list[str] = []
    attempt = next(iter(attempts(pause)))
    with notify_retry(attempt, lambda text, **_: notices.append(text)):
        raise Retry(SourceBusy("it is busy"), asked_for)
    assert notices == [notice]
