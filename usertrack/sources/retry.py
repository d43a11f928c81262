"""Retries of HTTP requests: how many, after how long, and with a notice to the user for each.

The caller decides which errors are worth a retry, and raises `Retry` for them.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import stamina

from usertrack.core.errors import UsertrackError
from usertrack.core.notify import Notify

stamina.instrumentation.set_on_retry_hooks([])  # retries are shown through `notify`, not logged

ATTEMPTS = 6  # with pauses that double, 30 s at most
LONGEST_WAIT = 90.0
"""The longest wait in seconds that a server may ask for; for more the user decides."""


class Retry(Exception):  # noqa: N818 - not an error yet
    """An error worth a retry, after ``wait`` seconds if the server named them; ``final`` is raised when none is left.

    ``refused``: the server said that it did not process the request.
    """

    def __init__(self, final: UsertrackError, wait: float | None = None, *, refused: bool = False) -> None:
        super().__init__(final.message)
        self.final = final
        self.wait = wait
        self.refused = refused

    def notice(self, pause: float) -> str:
        """Say what happened and when it is tried again: after ``pause`` seconds where the server named no time."""
        about, wait = ("about ", pause) if self.wait is None else ("", min(self.wait, LONGEST_WAIT))
        return f"{self.final.message}; trying again" + (f" in {about}{wait:.0f} s" if wait > 0.5 else "")


def attempts(pause: float) -> Any:  # noqa: ANN401
    """The attempts, for a loop, sync or async, of ``with notify_retry(attempt, …)``; the last one raises `Retry`.

    Between them it waits as the server asked, else ``pause`` seconds, doubling.
    """
    return stamina.retry_context(
        on=_delay, attempts=ATTEMPTS, timeout=None, wait_initial=pause, wait_max=30, wait_jitter=pause / 2
    )


def _delay(error: Exception) -> bool | float:
    if not isinstance(error, Retry):
        return False
    return True if error.wait is None else min(error.wait, LONGEST_WAIT)


@contextmanager
def notify_retry(attempt: "stamina.Attempt", notify: Notify) -> Iterator[None]:
    """One attempt; when another one follows, ``notify`` is called with the reason."""
    with attempt:
        try:
            yield
        except Retry as retry:
            if attempt.num < ATTEMPTS:
                notify(retry.notice(attempt.next_wait))
            raise


def retry_after(response: httpx.Response) -> float | None:
    """Seconds that ``Retry-After`` asks for: a number or an HTTP date; None without one (PostHog's concurrency 429)."""
    header = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]+", header):
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None
