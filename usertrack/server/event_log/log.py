"""Records and errors of the log of captured requests."""

from typing import NamedTuple


class LoggedRequest(NamedTuple):
    """The ``body`` of one request, at its ``offset``: offsets only grow, also over restarts."""

    offset: int
    body: bytes


class WaitingRequests(NamedTuple):
    """The amount of what is in a log."""

    entries: int
    bytes: int


class NotAppended(Exception):  # noqa: N818
    """The log could not be written, such as on a full disk; it can be tried again."""
