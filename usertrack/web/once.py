"""A value that several threads need, and one of them makes."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from usertrack.core.errors import UsertrackError

Value = TypeVar("Value")


class Once(Generic[Value]):
    """Calls ``make`` for whoever comes first; the others wait for it. Each gets the value, or its error."""

    def __init__(self, make: Callable[[], Value]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._outcome: list[Value | UsertrackError] = []

    def __call__(self) -> Value:
        with self._lock:
            if not self._outcome:
                self._outcome.append(self._attempt())
        [outcome] = self._outcome
        if isinstance(outcome, UsertrackError):
            raise outcome
        return outcome

    def _attempt(self) -> Value | UsertrackError:
        try:
            return self._make()
        except UsertrackError as error:
            return error
