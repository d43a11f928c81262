"""A mapping that remembers which of its keys have changed, so that only these are written to the file."""

from typing import TypeVar

V = TypeVar("V")


class Tracked(dict[str, V]):
    """Values are replaced, never changed in place."""

    def __init__(self) -> None:
        super().__init__()
        self.changed: set[str] = set()

    def __setitem__(self, key: str, value: V) -> None:
        self.changed.add(key)
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        self.changed.add(key)
        super().__delitem__(key)

    def take(self, key: str) -> V:
        value = self[key]
        del self[key]
        return value

    def load(self, key: str, value: V) -> None:
        """Set what the file has already."""
        super().__setitem__(key, value)
