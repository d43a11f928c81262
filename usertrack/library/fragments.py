"""Fragments: named SQL that many queries share. ``{customer}`` stands for ``queries/fragments/SOURCE/customer.sql``.

A fragment declares its own parameters. Its text comes from a file, never from a value.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from usertrack.core.errors import UsageError
from usertrack.library.parameter import Parameter
from usertrack.library.sql import on_one_line, placeholders

FOLDER = "fragments"


@dataclass(frozen=True)
class Fragment:
    """One file of ``fragments/``: its SQL without header and comments, and the parameters that its header declares."""

    name: str
    sql: str
    path: Path | None = None
    title: str = ""
    about: str = ""
    params: Mapping[str, Parameter] = field(default_factory=dict)

    @property
    def flat(self) -> str:
        """The SQL on one line, so that the lines of the query keep their numbers."""
        return on_one_line(self.sql)


class Fragments(Mapping[str, Fragment]):
    """The fragments of one source by name. Each is read on first use: a broken one affects only its own queries."""

    def __init__(
        self,
        roots: Iterable[Path],
        source: str,
        read: Callable[[Path, str], Fragment],
        made: Mapping[str, Callable[[], Fragment]] = MappingProxyType({}),
        absent: Collection[str] = (),
    ) -> None:
        """``read`` takes a file and the source. The last root's file of a name wins: it has ``replaced`` the rest.

        What is ``made`` has no file, such as the roles of events, of which ``absent`` ones have no events.
        """
        paths = [path for root in roots for path in sorted((root / FOLDER / source).glob("*.sql"))]
        self.files = {path.stem: path for path in paths}
        self.replaced = {path.stem for path in paths if path != self.files[path.stem]}
        self._source, self._reader = source, read
        self._made = made
        self.absent = [name for name in absent if name not in self.files]
        self._fragments: dict[str, Fragment] = {}

    def __getitem__(self, name: str) -> Fragment:
        if name not in self._fragments:
            make = None if name in self.files else self._made.get(name)
            self._fragments[name] = make() if make else self._reader(self.files[name], self._source)
        return self._fragments[name]

    def __contains__(self, name: object) -> bool:
        return name in self.files or name in self._made

    def __iter__(self) -> Iterator[str]:
        return iter([*self.files, *self._made])

    def __len__(self) -> int:
        return len(self.files) + len(self._made)


def expand(
    sql: str, source: str, fragments: Mapping[str, Fragment], own: Collection[str] = (), *, flat: bool = True
) -> str:
    """``sql`` with each ``{name}`` of a fragment replaced by its text, also inside of fragments.

    ``own`` are parameters of the query, which stay. ``flat``: each fragment on one line, else with its lines. Raises
    UsageError for a fragment that contains itself.
    """
    return _expanded(sql, source, fragments, own, (), flat=flat)


def _expanded(
    sql: str,
    source: str,
    fragments: Mapping[str, Fragment],
    own: Collection[str],
    around: tuple[str, ...],
    *,
    flat: bool,
) -> str:
    for name, start, end in reversed(placeholders(sql, source)):
        if name in around:
            raise UsageError(f"the fragment '{name}' holds itself: {' → '.join((*around, name))}")
        if name in fragments and name not in own:
            text = fragments[name].flat if flat else _indented(fragments[name].sql, sql, start)
            sql = sql[:start] + _expanded(text, source, fragments, (), (*around, name), flat=flat) + sql[end:]
    return sql


def _indented(text: str, sql: str, start: int) -> str:
    """``text`` with its further lines indented like the line on which it begins."""
    line = sql[sql.rfind("\n", 0, start) + 1 : start]
    return text.replace("\n", "\n" + " " * (len(line) - len(line.lstrip())))


def params_of(
    sql: str, source: str, fragments: Mapping[str, Fragment], own: Collection[str] = ()
) -> dict[str, Parameter]:
    """The parameters of the fragments in ``sql``."""
    return {key: value for fragment in used(sql, source, fragments, own) for key, value in fragment.params.items()}


def used(sql: str, source: str, fragments: Mapping[str, Fragment], own: Collection[str] = ()) -> Iterator[Fragment]:
    """The fragments in ``sql`` and within those, repeated where they are."""
    for name, _, _ in placeholders(sql, source):
        if name in fragments and name not in own:
            yield fragments[name]
            yield from used(fragments[name].sql, source, fragments)
