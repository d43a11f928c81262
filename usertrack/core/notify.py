"""The callback through which long work reports progress and retries, without knowing of a terminal."""

from typing import Protocol


class Notify(Protocol):
    """Reports a problem that is retried.

    ``passing``: progress, shown only on a terminal; with ``unseen``, a line of its own where there is no terminal.
    """

    def __call__(self, message: str, *, passing: bool = False, unseen: bool = False) -> None: ...


class Progress(Notify, Protocol):
    """A `Notify` that also counts queries: ``total`` are about to run, and each is ``done`` with its answer."""

    def expect(self, total: int) -> None: ...

    def done(self, statement: object, answer: object) -> None: ...


class Silent:
    """Progress that nobody follows."""

    def __call__(self, message: str, *, passing: bool = False, unseen: bool = False) -> None: ...

    def expect(self, total: int) -> None: ...

    def done(self, statement: object, answer: object) -> None: ...
