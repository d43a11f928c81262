"""The people whom a pattern is about, with the facts known of them beside events."""

from collections.abc import Mapping
from typing import Protocol

from usertrack.live.signals.patterns import Pattern


class Audience(Protocol):
    def includes(self, pattern: Pattern, person: str) -> bool | None:
        """Whether the pattern is about the person with this id; None where that is unknown."""
        ...

    def facts(self, person: str) -> Mapping[str, object]:
        """name, email, tier and the facts of the profile, as far as they are known."""
        ...


class Everybody:
    """Every pattern is about everybody, of whom nothing is known."""

    def includes(self, pattern: Pattern, person: str) -> bool | None:
        return True

    def facts(self, person: str) -> Mapping[str, object]:
        return {}


class UndecidedAudience:
    """Nobody knows anything of anybody: no source of profiles answered."""

    def __init__(self, cause: str) -> None:
        self.notes = [f"patterns with `where:` or `segment:` do not fire, because {cause}"]

    def includes(self, pattern: Pattern, person: str) -> bool | None:
        return None if pattern.where or pattern.segment else True

    def facts(self, person: str) -> Mapping[str, object]:
        return {}
