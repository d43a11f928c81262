"""Reads what can be read of a damaged log: entries before, after and between its damaged pages."""

import heapq
import sqlite3
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from pathlib import Path

from usertrack.server.event_log.log import LoggedRequest

_LEAST = 32  # bytes of the file for an entry
_TRIES = 20_000  # ranges of offsets in which reading may stop


class Salvage:
    """Reads the damaged log ``path``; ``end``: the offset of the last entry as far as anything says, or 0."""

    def __init__(self, path: Path, end: int) -> None:
        self._size = sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
        self._reader = sqlite3.connect(path, timeout=30, isolation_level=None)  # seconds for another's commit
        self._reader.text_factory = bytes
        self.end = end
        for query in ("SELECT max(seq) FROM sqlite_sequence", "SELECT max(offset) FROM entries"):
            with suppress(sqlite3.DatabaseError):
                self.end = max(self.end, self._reader.execute(query).fetchone()[0] or 0)

    def entries(self) -> Iterator[LoggedRequest]:
        """The entries that are whole, in no order.

        Reads from both sides until damage stops it, then halves of what is between, the widest first. Offsets have
        few gaps, those of earlier damage, so the size of the file bounds how far back they go.
        """
        first = max(0, self.end - self._size // _LEAST)
        with closing(self._reader):
            if first:
                yield from self._forward(0, first)
            ranges = [(first - self.end, first, self.end)]  # negative width, after, up to
            for _ in range(_TRIES):
                if not ranges:
                    return
                _, after, upto = heapq.heappop(ranges)
                after = yield from self._forward(after, upto)
                upto = yield from self._backward(after, upto)
                middle = (after + upto) // 2
                if after < middle:  # else at most one offset is left, which was tried
                    heapq.heappush(ranges, (after - middle, after, middle))
                    heapq.heappush(ranges, (middle - upto, middle, upto))

    def _forward(self, after: int, upto: int) -> Generator[LoggedRequest, None, int]:
        """The entries after that offset; returns up to which one there is nothing left to read."""
        with suppress(sqlite3.Error):
            for offset, checksum, body in self._rows(after, upto, "ASC"):
                if not after < offset <= upto:
                    return after
                after = offset
                if _is_whole(checksum, body):
                    yield LoggedRequest(offset, body)
            return upto
        return after

    def _backward(self, after: int, upto: int) -> Generator[LoggedRequest, None, int]:
        """The entries from the last one on; returns after which one there is nothing left to read."""
        with suppress(sqlite3.Error):
            for offset, checksum, body in self._rows(after, upto, "DESC"):
                if not after < offset <= upto:
                    return upto
                upto = offset - 1
                if _is_whole(checksum, body):
                    yield LoggedRequest(offset, body)
            return after
        return upto

    def _rows(self, after: int, upto: int, order: str) -> Iterator[tuple[int, int, bytes]]:
        query = f"SELECT offset, checksum, body FROM entries WHERE offset > ? AND offset <= ? ORDER BY offset {order}"
        yield from self._reader.execute(query, (after, upto)) if after < upto else ()


def _is_whole(checksum: int, body: bytes) -> bool:
    return isinstance(body, bytes) and zlib.crc32(body) == checksum
