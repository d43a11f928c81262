"""One request made again where that helps: how often, after how long, and with a word to the user each time.

Whoever makes the request decides what is worth another attempt, and raises `Again` for it.
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

ATTEMPTS = 6
LONGEST_WAIT = 90.0
"""Seconds that we wait at the most because a server asks us to; beyond that the user decides."""


class Again(Exception):  # noqa: N818 - not an error yet
    """Worth another attempt, after ``wait`` seconds if the server named them; ``final`` is raised when none is left.

    ``refused``: the server said that it did nothing.
    """

    def __init__(self, final: UsertrackError, wait: float | None = None, *, refused: bool = False) -> None:
        super().__init__(final.message)
        self.final = final
        self.wait = wait
        self.refused = refused

    @property
    def notice(self) -> str:
        return f"{self.final.message}; trying again" + (f" in {self.wait:.0f} s" if self.wait else "")


def attempts(pause: float) -> Any:
    """The attempts, for a loop of either colour; each goes ``with told(attempt, …)``, and the last one raises `Again`.

    Between them passes what the server asked for, else ``pause`` seconds doubling.
    """
    return stamina.retry_context(
        on=_wait, attempts=ATTEMPTS, timeout=None, wait_initial=pause, wait_max=30, wait_jitter=pause / 2
    )


def _wait(error: Exception) -> bool | float:
    if not isinstance(error, Again):
        return False
    return True if error.wait is None else min(error.wait, LONGEST_WAIT)


@contextmanager
def noticed(attempt: Any, notify: Notify) -> Iterator[None]:
    """One attempt; ``notify`` hears why there will be another."""
    with attempt:
        try:
            yield
        except Again as again:
            if attempt.num < ATTEMPTS:
                notify(again.notice)
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
