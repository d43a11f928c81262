"""How work tells of what it waits for and tries again, without knowing of a terminal."""

from typing import Protocol


class Notify(Protocol):
    """Told of what goes wrong and is tried again; with ``passing``, of what takes time and need not be kept, unless it
    would be ``unseen``, for want of a terminal."""

    def __call__(self, message: str, *, passing: bool = False, unseen: bool = False) -> None: ...
