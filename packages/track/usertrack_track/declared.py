"""Properties of persons and groups that are declared as functions, and the events after which each is computed anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from usertrack_track.exceptions import UsageError
from usertrack_track.statements import Due

_LONGEST_HOLDER = 400  # characters that the primary key of profile_property takes

Compute = TypeVar("Compute", bound=Callable[[str], object])


@dataclass(frozen=True)
class Declared:
    """``compute`` returns the value for a distinct_id, or for a group's key. ``group_type`` is empty for persons.

    ``key`` is the property of an event that holds the group's key, where the event has no ``groups``.
    """

    name: str
    compute: Callable[[str], object]
    refreshed_by: frozenset[str]
    group_type: str = ""
    key: str = ""


class Declarations:
    """The declarations of a product: by event, and by group type and name."""

    def __init__(self) -> None:
        self._declared: dict[tuple[str, str], Declared] = {}
        self._by_event: dict[str, list[Declared]] = {}

    def add(self, declared: Declared) -> None:
        """Raises UsageError when the property is declared already, by another function."""
        place = declared.group_type, declared.name
        other = self._declared.get(place)
        if other and (other.compute.__module__, other.compute.__qualname__) != (
            declared.compute.__module__,
            declared.compute.__qualname__,
        ):
            raise UsageError(
                f"the property {declared.name} is declared twice",
                f"by {other.compute.__module__}.{other.compute.__qualname__} too: give one another name",
            )
        self._declared[place] = declared
        self._by_event = {}
        for known in self._declared.values():
            for event in known.refreshed_by:
                self._by_event.setdefault(event, []).append(known)

    def get(self, due: Due) -> Declared | None:
        return self._declared.get((due.group_type, due.name))

    def places(self) -> list[tuple[str, str]]:
        return list(self._declared)

    def of_holder(self, holder_id: str, group_type: str) -> list[Due]:
        """All properties of a person or a group; none of an id that is longer than any."""
        if len(holder_id) > _LONGEST_HOLDER:
            return []
        return [Due(group_type, holder_id, name) for group, name in self._declared if group == group_type]

    def due_after(self, event: str, distinct_id: str, properties: Mapping[str, object]) -> list[Due]:
        """Return what an event makes due: of its person, and of its groups."""
        due = []
        for declared in self._by_event.get(event, ()):
            holder = _group_key(declared, properties) if declared.group_type else distinct_id
            if 0 < len(holder) <= _LONGEST_HOLDER:
                due.append(Due(declared.group_type, holder, declared.name))
        return due

    def declare(
        self, refreshed_by: Iterable[str], name: str, group_type: str = "", key: str = ""
    ) -> Callable[[Compute], Compute]:
        """Return a decorator that adds a property of persons, or of groups of ``group_type``."""
        events = frozenset([refreshed_by] if isinstance(refreshed_by, str) else refreshed_by)

        def add(compute: Compute) -> Compute:
            self.add(Declared(name or compute.__name__, compute, events, group_type, key))
            return compute

        return add


def _group_key(declared: Declared, properties: Mapping[str, object]) -> str:
    groups = properties.get("$groups")
    key = groups.get(declared.group_type) if isinstance(groups, Mapping) else None
    if key is None and declared.key:
        key = properties.get(declared.key)
    return "" if key is None else str(key)


DECLARATIONS = Declarations()
