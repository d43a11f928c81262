"""Pages that are not there: the path of an address names what nobody knows."""

from collections.abc import Iterator
from contextlib import contextmanager

from usertrack.core.errors import UsageError


class MissingPageError(UsageError):
    """There is no such page, and why; a wrong question to a page is a plain UsageError."""


@contextmanager
def named_in_path() -> Iterator[None]:
    """Turn a UsageError about what an address names into a missing page."""
    try:
        yield
    except UsageError as problem:
        raise MissingPageError(problem.message, problem.hint) from problem
