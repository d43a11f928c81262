"""What of a file becomes what of an event: as the user says, else as the columns' names suggest.

Every column has one fate that can be shown beforehand: it is mapped, left out by name, or a property of its own name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.server.capture.ip_addresses import means_address

# what people call it, best first; compared without case, spaces and underscores
_USUAL = {
    "distinct_id": (
        *("distinct_id", "user_id", "user", "uid", "customer_id", "visitor_id", "client_id", "anonymous_id"),
        *("person_id", "account_id", "customer", "email"),
    ),
    "event": ("event", "event_name", "event_type", "action", "activity"),
    "timestamp": (
        *("timestamp", "time", "ts", "datetime", "event_time", "event_timestamp", "occurred_at", "created_at"),
        *("date", "day"),
    ),
    "person": (),  # who joins several ids to one person wants it said
    "uuid": ("uuid", "insert_id", "$insert_id"),
    "properties": ("properties", "event_properties", "props"),
}
NEEDED = ("distinct_id", "event", "timestamp")
TARGETS = (*_USUAL, "property.NAME", "person.NAME")


@dataclass(frozen=True)
class Constant:
    """The same text for every row."""

    text: str


Origin = str | Constant  # the name of a column, or a constant


@dataclass(frozen=True)
class Mapping:
    """``of`` has distinct_id, event, timestamp and perhaps person, uuid, properties; the rest is by property name."""

    of: dict[str, Origin]
    properties: dict[str, Origin] = field(default_factory=dict)
    person: dict[str, Origin] = field(default_factory=dict)
    guessed: frozenset[str] = frozenset()
    left_out: tuple[str, ...] = ()

    def fates(self) -> list[tuple[str, str]]:
        """What becomes of what, for people: targets with their columns, at last the columns that keep their names."""
        pairs = [
            (target, _named(self.of[target]) + (" (by its name)" if target in self.guessed else ""))
            for target in _USUAL
            if target in self.of
        ]
        renamed = [(f"property.{name}", _named(origin)) for name, origin in self.properties.items() if origin != name]
        kept = [name for name, origin in self.properties.items() if origin == name]
        person = [(f"person.{name}", _named(origin)) for name, origin in self.person.items()]
        lists = [("properties of their own names", kept), ("left out", self.left_out)]
        return [*pairs, *renamed, *person, *((label, ", ".join(names)) for label, names in lists if names)]


def _named(origin: Origin) -> str:
    return origin if isinstance(origin, str) else f"'{origin.text}', for every row"


def read_mapping(
    columns: Sequence[str], holds_objects: Callable[[str], bool], given: Sequence[str], omitted: Sequence[str]
) -> Mapping:
    """``given`` as ``TARGET=COLUMN`` or ``TARGET='constant'``, completed by guesses among ``columns``.

    ``holds_objects`` says of a column whether it has JSON objects: only such a one is taken for properties unasked.
    Raises UsageError.
    """
    said = dict(_said(text.encode("utf-8", "replace").decode(), columns) for text in given)
    if len(said) < len(given):
        raise UsageError("--map names a target twice", "say each of them once")
    left_out = tuple(_column(name, columns) for name in omitted)
    free = [name for name in columns if name not in left_out]
    main = {origin for target, origin in said.items() if "." not in target}
    guesses = _guesses(set(_USUAL) - said.keys(), [name for name in free if name not in main], holds_objects)
    of = {target: origin for target, origin in (said | guesses).items() if "." not in target}
    for target in NEEDED:
        if target not in of:
            raise _unmapped(target, columns)
    named = {target.partition(".")[::2]: origin for target, origin in said.items() if "." in target}
    properties = {name: origin for (kind, name), origin in named.items() if kind == "property"}
    taken = {*said.values(), *guesses.values()}
    own = {name: name for name in free if name not in taken and name not in properties}
    return Mapping(
        of,
        {name: origin for name, origin in (properties | own).items() if not means_address(name)},
        {name: origin for (kind, name), origin in named.items() if kind == "person" and not means_address(name)},
        frozenset(guesses),
        (*left_out, *(name for name in own if means_address(name))),
    )


def _said(text: str, columns: Sequence[str]) -> tuple[str, Origin]:
    target, equals, origin = text.partition("=")
    kind, dot, name = target.partition(".")
    if not equals or not origin:
        raise UsageError(f"'--map {text}' is not TARGET=COLUMN", "write for example `--map distinct_id=user_id`")
    if not (target in _USUAL or (kind in ("property", "person") and dot and name)):
        raise UsageError(
            f"--map has no target '{target}'", did_you_mean(target, _USUAL, f"targets: {', '.join(TARGETS)}")
        )
    quoted = len(origin) > 1 and origin[0] == origin[-1] == "'"
    if quoted and origin not in columns and (dot or target == "event"):
        return target, Constant(origin[1:-1])
    return target, _column(origin, columns)


def _column(name: str, columns: Sequence[str]) -> str:
    if name not in columns:
        known = "columns: " + ", ".join(columns)
        raise UsageError(f"the file has no column '{name}'", did_you_mean(name, columns, known))
    return name


def _guesses(wanted: set[str], free: Sequence[str], holds_objects: Callable[[str], bool]) -> dict[str, Origin]:
    plain = {_plain(name): name for name in reversed(free)}
    found: dict[str, Origin] = {}
    for target in (target for target in _USUAL if target in wanted):
        for usual in _USUAL[target]:
            name = plain.get(_plain(usual))
            if name is None or name in found.values():
                continue
            if target != "properties" or holds_objects(name):
                found[target] = name
                break
    return found


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace(" ", "").replace("-", "")


def _unmapped(target: str, columns: Sequence[str]) -> UsageError:
    also = ", or --map event='purchase' if all are the same" if target == "event" else ""
    return UsageError(
        f"no column looks like the {target}: the file has {', '.join(columns)}",
        f"say which one it is with --map {target}=COLUMN{also}",
    )
