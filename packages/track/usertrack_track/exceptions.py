"""Errors that the library raises. A message says what happened, a hint what to do next; neither holds a secret."""

from __future__ import annotations


class TrackError(Exception):
    """The base of all of them.

    Attributes:
        message: One sentence without a period.
        hint: What to do next.
        exit_code: The exit code of `python -m usertrack_track`, the same as `usertrack`'s for such an error.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(TrackError):
    """A wrong argument or setting, or a package that is not installed."""

    exit_code = 2


class DatabaseFailed(TrackError):  # noqa: N818 - reads as a sentence
    """The product's database cannot be reached, or does not do what is asked."""

    exit_code = 3


class NotAsPlanned(TrackError):  # noqa: N818 - reads as a sentence
    """An event is not as the plan says, and the plan or ``configure`` enforces it."""

    exit_code = 5
