"""The callback through which long work reports progress and retries, without knowing of a terminal."""

from typing import Protocol


class Notify(Protocol):
    """Reports a problem that is retried. ``passing``: progress, shown only on a terminal; with ``unseen``, a line of
    its own where there is no terminal."""

    def __call__(self, message: str, *, passing: bool = False, unseen: bool = False) -> None: ...
