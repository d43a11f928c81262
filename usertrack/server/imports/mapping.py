"""Maps the columns of a file to the fields of an event: by `--map`, else by the names of the columns.

Each column is mapped, left out, or a property of the same name, and this can be shown before an import.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.server.capture.ip_addresses import means_address

# common names of the columns, best first; compared without case, spaces and underscores
_COMMON_NAMES = {
    "distinct_id": (
        *("distinct_id", "user_id", "user", "uid", "customer_id", "visitor_id", "client_id", "anonymous_id"),
        *("person_id", "account_id", "customer", "email"),
    ),
    "event": ("event", "event_name", "event_type", "action", "activity", "name"),
    "timestamp": (
        *("timestamp", "time", "ts", "datetime", "event_time", "event_timestamp", "occurred_at", "created_at"),
        *("date", "day"),
    ),
    "person": (),  # only by --map: it links several ids to one person
    "uuid": ("uuid", "insert_id", "$insert_id"),
    "properties": ("properties", "event_properties", "props"),
    "property.$session_id": ("$session_id", "session_id"),
}
NEEDED = ("distinct_id", "event", "timestamp")
TARGETS = (*(target for target in _COMMON_NAMES if "." not in target), "property.NAME", "person.NAME")


@dataclass(frozen=True)
class Constant:
    """One text that all rows have."""

    text: str


Origin = str | Constant  # the name of a column, or a constant


@dataclass(frozen=True)
class Mapping:
    """``of`` maps distinct_id, event, timestamp, and optionally person, uuid, properties; the others property names."""

    of: dict[str, Origin]
    properties: dict[str, Origin] = field(default_factory=dict)
    person: dict[str, Origin] = field(default_factory=dict)
    guessed: frozenset[str] = frozenset()
    left_out: tuple[str, ...] = ()

    def fates(self) -> list[tuple[str, str]]:
        """The mapping as texts: (target, column), at last the columns that become properties of the same name."""
        pairs = [
            (target, _text(self.of[target]) + (" (by its name)" if target in self.guessed else ""))
            for target in _COMMON_NAMES
            if target in self.of
        ]
        renamed = [(f"property.{name}", _text(origin)) for name, origin in self.properties.items() if origin != name]
        unchanged = [name for name, origin in self.properties.items() if origin == name]
        person = [(f"person.{name}", _text(origin)) for name, origin in self.person.items()]
        lists = [("properties of their own names", unchanged), ("left out", self.left_out)]
        return [*pairs, *renamed, *person, *((label, ", ".join(names)) for label, names in lists if names)]


def _text(origin: Origin) -> str:
    return origin if isinstance(origin, str) else f"'{origin.text}', for every row"


def read_mapping(
    columns: Sequence[str],
    holds_objects: Callable[[str], bool],
    options: Sequence[str],
    omitted: Sequence[str],
    known: dict[str, str],
) -> Mapping:
    """The mapping by ``options`` (``TARGET=COLUMN`` or ``TARGET='constant'``), completed by guesses among ``columns``.

    ``holds_objects(column)``: whether it has JSON objects; only such a column is guessed as properties. ``known``:
    target → column, which no guess replaces. Raises UsageError.
    """
    requested = dict(_parse_option(text.encode("utf-8", "replace").decode(), columns) for text in options)
    if len(requested) < len(options):
        raise UsageError("--map names a target twice", "say each of them once")
    left_out = tuple(_column(name, columns) for name in omitted)
    free = [name for name in columns if name not in left_out]
    by_name: dict[str, Origin] = {name: name for name in free if _is_named_target(name)}
    requested = by_name | requested
    main = {origin for target, origin in requested.items() if "." not in target}
    told = {
        target: name for target, name in known.items() if target not in requested and name not in {*left_out, *main}
    }
    unused = [name for name in free if name not in {*main, *told.values()}]
    guesses = told | _guesses(set(_COMMON_NAMES) - requested.keys() - told.keys(), unused, holds_objects)
    of = {target: origin for target, origin in (requested | guesses).items() if "." not in target}
    for target in NEEDED:
        if target not in of:
            raise _unmapped(target, columns)
    named = {target.partition(".")[::2]: origin for target, origin in requested.items() if "." in target}
    properties = {name: origin for (kind, name), origin in named.items() if kind == "property"}
    properties |= {target.partition(".")[2]: origin for target, origin in guesses.items() if "." in target}
    mapped = {*requested.values(), *guesses.values()}
    own = {name: name for name in free if name not in mapped and name not in properties}
    return Mapping(
        of,
        {name: origin for name, origin in (properties | own).items() if not means_address(name)},
        {name: origin for (kind, name), origin in named.items() if kind == "person" and not means_address(name)},
        frozenset(guesses),
        (*left_out, *(name for name in own if means_address(name))),
    )


def _parse_option(text: str, columns: Sequence[str]) -> tuple[str, Origin]:
    target, equals, origin = text.partition("=")
    if not equals or not origin:
        raise UsageError(f"'--map {text}' is not TARGET=COLUMN", "write for example `--map distinct_id=user_id`")
    if not (target in _COMMON_NAMES or _is_named_target(target)):
        raise UsageError(
            f"--map has no target '{target}'", did_you_mean(target, _COMMON_NAMES, f"targets: {', '.join(TARGETS)}")
        )
    quoted = len(origin) > 1 and origin[0] == origin[-1] == "'"
    if quoted and origin not in columns and ("." in target or target == "event"):
        return target, Constant(origin[1:-1])
    return target, _column(origin, columns)


def _is_named_target(target: str) -> bool:
    kind, _, name = target.partition(".")
    return kind in ("property", "person") and bool(name)


def _column(name: str, columns: Sequence[str]) -> str:
    if name not in columns:
        known = "columns: " + ", ".join(columns)
        raise UsageError(f"the file has no column '{name}'", did_you_mean(name, columns, known))
    return name


def _guesses(targets: set[str], free: Sequence[str], holds_objects: Callable[[str], bool]) -> dict[str, Origin]:
    plain = {_plain(name): name for name in reversed(free)}
    guesses: dict[str, Origin] = {}
    for target in (target for target in _COMMON_NAMES if target in targets):
        for common in _COMMON_NAMES[target]:
            name = plain.get(_plain(common))
            if name is None or name in guesses.values():
                continue
            if target != "properties" or holds_objects(name):
                guesses[target] = name
                break
    return guesses


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace(" ", "").replace("-", "")


def _unmapped(target: str, columns: Sequence[str]) -> UsageError:
    also = ", or --map event='purchase' if all are the same" if target == "event" else ""
    return UsageError(
        f"no column looks like the {target}: the file has {', '.join(columns)}",
        f"say which one it is with --map {target}=COLUMN{also}",
    )
