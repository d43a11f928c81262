"""What a log of captured requests is: append, read in order, trim. SQLite's stands behind it, or a broker's."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class LoggedRequest(NamedTuple):
    """The ``body`` of one request, at its ``offset``: offsets only grow, also over restarts."""

    offset: int
    body: bytes


class Waiting(NamedTuple):
    """How much is in a log."""

    entries: int
    bytes: int


class NotAppended(Exception):  # noqa: N818
    """The log could not be written, such as on a full disk; it can be tried again."""


class EventLog(Protocol):
    """A log of entries in the order in which they were appended. Safe to call from threads.

    What was trimmed may come back after the machine's end; whoever reads it knows entries that it has had.
    """

    def append(self, bodies: Sequence[bytes]) -> int:
        """Append all of ``bodies`` or none; returns the offset of the last when they are durable.

        Raises ``NotAppended``.
        """

    def read(self, after: int, size: int) -> list[LoggedRequest]:
        """The first entries after that offset: of ``size`` bytes together, or one that is larger."""

    def trim(self, upto: int) -> None:
        """Remove the entries up to that offset, itself included; raises ``NotAppended`` when that takes room."""

    def end(self) -> int:
        """The offset of the last entry that was ever appended; 0 before the first."""

    def waiting(self) -> Waiting:
        """What was appended and not trimmed."""

    def purge(self) -> None:
        """Leave nothing on the disk of what was trimmed."""

    def problems(self) -> list[str]:
        """What went wrong and nobody has cleared up since, a sentence each."""

    def close(self) -> None: ...
