"""Long lists are shown a page at a time; the address says which."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from usertrack.core.errors import UsageError

Row = TypeVar("Row")
PAGE = 50  # rows: about two screens


@dataclass(frozen=True)
class Paging:
    """The page ``number``, from 1, of ``total`` rows; ``go`` gives the address of another one."""

    number: int
    total: int
    go: Callable[[int], str]

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE))

    @property
    def begin(self) -> int:
        """The number of rows that come before."""
        return (self.number - 1) * PAGE

    @property
    def end(self) -> int:
        return min(self.begin + PAGE, self.total)

    def rows_of(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Return the rows of this page; none beyond the last one."""
        return rows[self.begin : self.end]


def page_number(text: str) -> int:
    """The number of a page, from 1. Raises UsageError."""
    if not text.isdecimal() or len(text) > 9 or not int(text):
        raise UsageError(f"there is no page '{text[:50]}'", "pages begin with 1")
    return int(text)
