"""segments.yaml: the queries and derived facts of a profile and the rules of segments, with the line of each part."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from usertrack.core.document import Tag
from usertrack.core.errors import ABSENT, UsageError, did_you_mean
from usertrack.core.source_names import POSTGRES
from usertrack.core.yaml_file import YamlFile
from usertrack.segments.keys import ORGANIZATION


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

    @property
    def task(self) -> str:
        """Return the action, or the name of a segment without one."""
        return self.action or self.name


@dataclass(frozen=True)
class SegmentSet:
    """Segments in order of precedence. In an ``exclusive`` set a person is only in the first that applies.

    ``by``: what is judged, where it is not people. ``note``: why it is asked for instead of the usual set.
    ``left_out`` are the names of segments that cannot be here, with what they rest on.
    """

    name: str
    segments: tuple[Segment, ...]
    exclusive: bool = False
    by: str = ""
    note: str = ""
    left_out: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def left_out_note(self) -> str:
        """One line on what is ``left_out``, with what helps; empty where nothing is."""
        if not self.left_out:
            return ""
        causes = sorted(frozenset().union(*self.left_out.values()))
        roles = [cause.partition(".")[2] for cause in causes if cause.startswith("events.")]
        helps = (
            f"name your event in usertrack.yaml: `events: {{{roles[0]}: EVENT}}`" if roles else "see `usertrack doctor`"
        )
        return f"cannot be evaluated here: {', '.join(self.left_out)}; {helps}"

    @property
    def tags(self) -> dict[str, Tag]:
        """Return the tags that show its segments, by id and by name."""
        return segment_tags(self.segments)

    @property
    def task_tags(self) -> dict[str, Tag]:
        """Return the tags that show their tasks; one of several segments as that of the first."""
        return {segment.task: self.tags[segment.id] for segment in reversed(self.segments)}

    def __getitem__(self, id: str) -> Segment:  # noqa: A002 - the field's own word
        return next(segment for segment in self.segments if segment.id == id)

    def require(self, names: Sequence[str]) -> list[str]:
        """The ids of the segments called ``names``; raises UsageError for the first unknown name."""
        for name in names:
            if find_segment(self.segments, name) is None:
                known = [segment.id for segment in self.segments]
                raise UsageError(
                    f"set '{self.name}' has no segment '{name}'",
                    did_you_mean(name, known, f"it has {', '.join(known)}"),
                )
        return [segment.id for name in names if (segment := find_segment(self.segments, name))]


class SegmentLike(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...


def segment_tags(segments: "Iterable[SegmentLike]") -> dict[str, Tag]:
    """The tags of a set's ``segments``, in their order, by id and by name."""
    places = [(segment, Tag(segment.id, place)) for place, segment in enumerate(segments)]
    return {segment.id: tag for segment, tag in places} | {segment.name: tag for segment, tag in places}


def find_segment(segments: "Iterable[AnySegment]", name: str) -> "AnySegment | None":
    """The segment whose id or name is ``name``, whatever its case: `at-risk users` is "At-Risk Users"."""
    known = list(segments)
    by_name = {_plain(segment.name): segment for segment in known}
    return (by_name | {_plain(segment.id): segment for segment in known}).get(_plain(name))


AnySegment = TypeVar("AnySegment", bound=SegmentLike)


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "_", text.strip().casefold())


@dataclass(frozen=True)
class Rules:
    """The whole of segments.yaml.

    ``absent`` are the segments, ``absent_sets`` the sets without any segment, that cannot be here, and what they rest
    on.

    ``others`` are the sets that judge something else than these rules, by name; ``by`` is what these judge, where it is
    not people.
    """

    path: Path
    key: str
    queries: Mapping[str, Mapping[str, Any]]
    derived: tuple[Derived, ...]
    sets: Mapping[str, SegmentSet]
    lines: Mapping[str, int] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    absent_sets: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, SegmentSet] = field(default_factory=dict)
    by: str = ""

    def judging(self, by: str) -> "Rules":
        """The rules by which people are judged, or with ``by`` organizations."""
        everything = {**self.sets, **self.others}
        sets = {name: segment_set for name, segment_set in everything.items() if segment_set.by == by}
        others = {name: segment_set for name, segment_set in everything.items() if segment_set.by != by}
        return replace(self, key=by or self.key, sets=sets, others=others, by=by)

    @property
    def tags(self) -> dict[str, Tag]:
        """Return the tags that show the segments of all sets; the first set's, where several share a name."""
        sets = reversed(list(self.sets.values()))
        return {name: tag for segment_set in sets for name, tag in segment_set.tags.items()}

    @property
    def names(self) -> dict[str, str]:
        """The names of all segments by id."""
        return {segment.id: segment.name for segment_set in self.sets.values() for segment in segment_set.segments}

    def set_named(self, name: str) -> SegmentSet:
        if name in self.others:
            by = self.others[name].by
            hint = (
                f"`usertrack segments` and `explain` take --by {by}, `history` takes --set {name}"
                if by
                else "leave out --by"
            )
            raise UsageError(f"set '{name}' is of {f'{by}s' if by else 'people'}", hint)
        if cause := self.absent_sets.get(name):
            raise UsageError(f"set '{name}' rests on what is not here: {cause}", ABSENT)
        if name not in self.sets:
            raise UsageError(
                f"there is no segment set '{name}'", did_you_mean(name, self.sets, f"known: {', '.join(self.sets)}")
            )
        return self.sets[name]

    def set_or_usual(self, name: str | None) -> SegmentSet:
        """Return `set_named`, or the first set that is here where the usual one is absent.

        None is the usual one, too, or of organizations the first.
        """
        unnamed, name = name is None, name or _USUAL
        usual = name == _USUAL and name not in self.sets and ((self.by and unnamed) or name in self.absent_sets)
        if not usual or not self.sets:
            return self.set_named(name)
        first = next(iter(self.sets.values()))
        cause = self.absent_sets.get(name)
        note = f"set '{first.name}' is shown: '{name}' rests on what is not here: {cause}"
        return replace(first, note=note) if cause else first

    def require(self, segment_set: SegmentSet, names: Sequence[str]) -> list[str]:
        """Call `SegmentSet.require`; for a segment of another set the error names that set."""
        for name in names:
            self._require_present(name)
            sets_with_it = [other.name for other in self.sets.values() if find_segment(other.segments, name)]
            if sets_with_it and segment_set.name not in sets_with_it:
                raise UsageError(f"set '{segment_set.name}' has no segment '{name}'", f"add `--set {sets_with_it[0]}`")
        return segment_set.require(names)

    def set_of(self, segment: str) -> tuple[SegmentSet, str]:
        """The set of ``segment`` (id, name, or SET/ID), and its id; raises UsageError where there is no single one."""
        set_name, slash, id_ = segment.partition("/")
        if slash and set_name in self.sets:
            return self.sets[set_name], self.sets[set_name].require([id_])[0]
        segment_sets = [
            segment_set for segment_set in self.sets.values() if find_segment(segment_set.segments, segment)
        ]
        if len(segment_sets) == 1:
            return segment_sets[0], segment_sets[0].require([segment])[0]
        if segment_sets:
            ways = " or ".join(f"{segment_set.name}/{segment}" for segment_set in segment_sets)
            raise UsageError(f"segment '{segment}' is in {len(segment_sets)} sets", f"write {ways}")
        self._require_present(id_ or segment)
        names = dict.fromkeys(member.id for other_set in self.sets.values() for member in other_set.segments)
        hint = did_you_mean(segment, names, f"there are {', '.join(names)}")
        raise UsageError(f"there is no segment '{segment}'", hint)

    def _require_present(self, segment: str) -> None:
        if cause := self.absent.get(_plain(segment)):
            raise UsageError(f"segment '{segment}' rests on what is not here: {cause}", ABSENT)


_USUAL = "action"


def read_rules(path: Path) -> Rules:
    """The rules in ``path``, of people; raises UsageError with file and line where its structure is wrong."""
    return _Reader(path).rules().judging("")


class _Reader(YamlFile):
    """Reads segments.yaml."""

    needs = "`profile:` and `sets:`"
    hint = "`usertrack init` writes an example"

    def rules(self) -> Rules:
        self.known(self.document, {"profile", "sets", "shipped"})
        if self.document.get("shipped", False) is not False:
            hint = "this file takes the place of the shipped one: copy from that what you want"
            raise self.wrong("'shipped' is false here", "shipped", hint=hint)
        profile = self.mapping(self.document.get("profile"), "profile")
        self.known(profile, {"key", "queries", "derive"}, "profile")
        sets = self.mapping(self.document.get("sets"), "sets")
        listed = profile.get("queries")
        if not isinstance(listed, list) or not listed:
            raise self.wrong(
                "'queries' takes a list of names", "profile", "queries", hint=f"write `- {POSTGRES}/accounts`"
            )
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

    def _query(self, item: object, number: int) -> tuple[str, Mapping[str, object]]:
        if isinstance(item, str):
            return item, {}
        if isinstance(item, dict) and len(item) == 1:
            (name, params), *_ = item.items()
            return str(name), self.mapping(params, "profile", "queries", number)
        raise self.wrong("a query is a name, or a name with its parameters", "profile", "queries", number)

    def _derived(self, name: str, value: object) -> Derived:
        at = ("profile", "derive", name)
        if isinstance(value, str):
            value = {"sql": value}
        value = self.mapping(value, *at)
        self.known(value, {"label", "unit", "sql"}, *at)
        if not isinstance(value.get("sql"), str | int | float):
            raise self.wrong(f"derived fact '{name}' has no sql", *at)
        label, unit = self._text(value, "label", name, *at), self._text(value, "unit", "", *at)
        return Derived(name, str(value["sql"]), label, unit, self.line(*at))

    def _set(self, name: str, value: object) -> SegmentSet:
        value = self.mapping(value, "sets", name)
        self.known(value, {"precedence", "segments", "exclusive", "by"}, "sets", name)
        segments = self.mapping(value.get("segments"), "sets", name, "segments")
        if value.get("by", ORGANIZATION) != ORGANIZATION:
            raise self.wrong(f"'by' is {ORGANIZATION}, or is left out", "sets", name, "by")
        if not isinstance(value.get("exclusive", False), bool):
            raise self.wrong("'exclusive' is true or false", "sets", name, "exclusive")
        order = self._precedence(value.get("precedence") or list(segments), list(segments), name)
        members = tuple(self._segment(name, key, segments[key]) for key in order)
        return SegmentSet(name, members, bool(value.get("exclusive")), value.get("by", ""))

    def _precedence(self, order: object, segments: list[str], set_name: str) -> list[str]:
        """``order``, where it names each of the ``segments`` once; else raises UsageError with each name at fault."""
        at = ("sets", set_name, "precedence")
        if not isinstance(order, list):
            raise self.wrong("'precedence' takes a list of segments", *at, hint=f"write [{', '.join(segments)}]")
        names = [str(name) for name in order]
        missing = [name for name in segments if name not in names]
        strange = [name for name in dict.fromkeys(names) if name not in segments]
        repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        faults = [
            *(f"has '{name}', which is no segment of the set" for name in strange),
            *(f"has '{name}' twice" for name in repeated),
            *(f"does not have '{name}'" for name in missing),
        ]
        if faults:
            otherwise = f"it takes each segment of the set once: {', '.join(segments)}"
            hint = did_you_mean(strange[0], missing or segments, otherwise) if strange else otherwise
            raise self.wrong(f"'precedence' {', and '.join(faults)}", *at, hint=hint)
        return names

    def _text(self, value: Mapping[str, object], part: str, default: str, *at: str) -> str:
        text = value.get(part, default)
        if not isinstance(text, str):
            raise self.wrong(f"'{part}' takes a text", *at, part, hint="put it in quotes, or leave it out")
        return text

    def _segment(self, set_name: str, id: str, value: object) -> Segment:  # noqa: A002
        at = ("sets", set_name, "segments", id)
        value = self.mapping(value, *at)
        self.known(value, {"name", "action", "when", "priority", "because"}, *at)
        if not str(value.get("when") or "").strip():
            raise self.wrong(f"segment '{id}' has no condition", *at, "when", hint="add `when: run_count > 5`")
        return Segment(
            id=id,
            name=self._text(value, "name", id, *at),
            when=str(value["when"]),
            action=self._text(value, "action", "", *at),
            priority=str(value.get("priority", "0")),
            because=self._text(value, "because", "", *at),
            lines={part: self.line(*at, part) for part in ("when", "priority", "because", "name")},
        )
