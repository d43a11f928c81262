"""segments.yaml: what a profile is made of and who belongs where, read with the line of every part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from usertrack.errors import UsageError, did_you_mean
from usertrack.yaml_file import YamlFile


@dataclass(frozen=True)
class Derived:
    """A fact computed from other facts by a SQL expression."""

    name: str
    sql: str
    label: str
    unit: str = ""
    line: int = 0


@dataclass(frozen=True)
class Segment:
    """A rule. ``when`` is a SQL condition, ``priority`` a SQL number, ``because`` a text with ``{facts}``."""

    id: str
    name: str
    when: str
    action: str = ""
    priority: str = "0"
    because: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class SegmentSet:
    """Rules in order of precedence. In an ``exclusive`` set a person is only in the first that applies."""

    name: str
    segments: tuple[Segment, ...]
    exclusive: bool = False

    def __getitem__(self, id: str) -> Segment:  # noqa: A002 - the field's own word
        return next(segment for segment in self.segments if segment.id == id)

    def require(self, ids: Sequence[str]) -> None:
        """Raise UsageError for the first of ``ids`` that is no segment of the set."""
        known = [segment.id for segment in self.segments]
        for id_ in ids:
            if id_ not in known:
                raise UsageError(
                    f"set '{self.name}' has no segment '{id_}'",
                    did_you_mean(id_, known, f"it has {', '.join(known)}"),
                )


@dataclass(frozen=True)
class Rules:
    """The whole of segments.yaml."""

    path: Path
    key: str
    queries: Mapping[str, Mapping[str, Any]]
    derived: tuple[Derived, ...]
    sets: Mapping[str, SegmentSet]
    lines: Mapping[str, int] = field(default_factory=dict)

    def set_named(self, name: str) -> SegmentSet:
        if name not in self.sets:
            raise UsageError(
                f"there is no segment set '{name}'", did_you_mean(name, self.sets, f"known: {', '.join(self.sets)}")
            )
        return self.sets[name]

    def holding(self, segment: str) -> tuple[SegmentSet, str]:
        """The set that has ``segment`` (its id, or SET/ID), and the id; raises UsageError where that is not one set."""
        set_name, slash, id_ = segment.rpartition("/")
        if slash:
            found = [self.set_named(set_name)]
            found[0].require([id_])
            return found[0], id_
        found = [chosen for chosen in self.sets.values() if any(segment == one.id for one in chosen.segments)]
        names = [one.id for chosen in self.sets.values() for one in chosen.segments]
        if not found:
            hint = did_you_mean(segment, dict.fromkeys(names), f"there are {', '.join(dict.fromkeys(names))}")
            raise UsageError(f"there is no segment '{segment}'", hint)
        if len(found) > 1:
            ways = " or ".join(f"{chosen.name}/{segment}" for chosen in found)
            raise UsageError(f"segment '{segment}' is in {len(found)} sets", f"write {ways}")
        return found[0], segment


def read_rules(path: Path) -> Rules:
    """The rules in ``path``; raises UsageError with file and line for whatever is wrong with its shape."""
    return _Reader(path).rules()


class _Reader(YamlFile):
    """Walks the YAML nodes, which know their lines, beside the values."""

    needs = "`profile:` and `sets:`"
    hint = "`usertrack init` writes an example"

    def rules(self) -> Rules:
        self.known(self.document, {"profile", "sets"})
        profile = self.mapping(self.document.get("profile"), "profile")
        self.known(profile, {"key", "queries", "derive"}, "profile")
        sets = self.mapping(self.document.get("sets"), "sets")
        listed = profile.get("queries")
        if not isinstance(listed, list) or not listed:
            raise self.wrong("'queries' takes a list of names", "profile", "queries", hint="write `- neon/accounts`")
        queries = [self._query(item, number) for number, item in enumerate(listed)]
        names = [name for name, _ in queries]
        for number, name in enumerate(names):
            if name in names[:number]:
                raise self.wrong(f"query '{name}' is listed twice", "profile", "queries", number)
        derive = self.mapping(profile["derive"], "profile", "derive") if profile.get("derive") else {}
        return Rules(
            path=self.path,
            key=str(profile.get("key") or "email"),
            queries=dict(queries),
            derived=tuple(self._derived(name, value) for name, value in derive.items()),
            sets={name: self._set(name, value) for name, value in sets.items()},
            lines={name: self.line("profile", "queries", number) for number, name in enumerate(names)},
        )

    def _query(self, item: Any, number: int) -> tuple[str, Mapping[str, Any]]:
        if isinstance(item, str):
            return item, {}
        if isinstance(item, dict) and len(item) == 1:
            (name, params), *_ = item.items()
            return str(name), self.mapping(params, "profile", "queries", number)
        raise self.wrong("a query is a name, or a name with its parameters", "profile", "queries", number)

    def _derived(self, name: str, value: Any) -> Derived:
        at = ("profile", "derive", name)
        if isinstance(value, str):
            value = {"sql": value}
        value = self.mapping(value, *at)
        self.known(value, {"label", "unit", "sql"}, *at)
        if not isinstance(value.get("sql"), str | int | float):
            raise self.wrong(f"derived fact '{name}' has no sql", *at)
        return Derived(
            name, str(value["sql"]), str(value.get("label", name)), str(value.get("unit", "")), self.line(*at)
        )

    def _set(self, name: str, value: Any) -> SegmentSet:
        value = self.mapping(value, "sets", name)
        self.known(value, {"precedence", "segments", "exclusive"}, "sets", name)
        segments = self.mapping(value.get("segments"), "sets", name, "segments")
        order = value.get("precedence") or list(segments)
        if not isinstance(value.get("exclusive", False), bool):
            raise self.wrong("'exclusive' is true or false", "sets", name, "exclusive")
        if not isinstance(order, list) or sorted(map(str, order)) != sorted(segments):
            raise self.wrong(
                f"'precedence' must name each segment of the set once: {', '.join(segments)}",
                "sets",
                name,
                "precedence",
            )
        return SegmentSet(
            name, tuple(self._segment(name, key, segments[key]) for key in order), bool(value.get("exclusive"))
        )

    def _segment(self, set_name: str, id: str, value: Any) -> Segment:  # noqa: A002
        at = ("sets", set_name, "segments", id)
        value = self.mapping(value, *at)
        self.known(value, {"name", "action", "when", "priority", "because"}, *at)
        if not str(value.get("when") or "").strip():
            raise self.wrong(f"segment '{id}' has no condition", *at, "when", hint="add `when: run_count > 5`")
        return Segment(
            id=id,
            name=str(value.get("name", id)),
            when=str(value["when"]),
            action=str(value.get("action", "")),
            priority=str(value.get("priority", "0")),
            because=str(value.get("because", "")),
            lines={part: self.line(*at, part) for part in ("when", "priority", "because", "name")},
        )
