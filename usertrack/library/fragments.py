"""Named pieces of SQL that many queries share: ``{customer}`` stands for ``queries/fragments/SOURCE/customer.sql``.

A fragment brings its own parameters along. Text of a fragment comes from files alone, never from a value.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from usertrack.core.errors import UsageError
from usertrack.library.query import Parameter
from usertrack.library.sql import placeholders

FOLDER = "fragments"


@dataclass(frozen=True)
class Fragment:
    """One file of ``fragments/``: its SQL without header and comments, and the parameters that its header declares."""

    name: str
    sql: str
    params: Mapping[str, Parameter] = field(default_factory=dict)

    @property
    def flat(self) -> str:
        """The SQL on one line, so that the lines of the query around it keep their numbers."""
        return re.sub(r"\s*\n\s*", " ", self.sql)


def expand(sql: str, source: str, fragments: Mapping[str, Fragment], *, flat: bool = True) -> str:
    """``sql`` with each ``{name}`` of a fragment replaced by its text, and the fragments within those likewise.

    On one line each, or ``flat=False`` as their files have them. Raises UsageError for a fragment that holds itself.
    """
    return _expanded(sql, source, fragments, (), flat=flat)


def _expanded(sql: str, source: str, fragments: Mapping[str, Fragment], around: tuple[str, ...], *, flat: bool) -> str:
    for name, start, end in reversed(placeholders(sql, source)):
        if name in around:
            raise UsageError(f"the fragment '{name}' holds itself: {' → '.join((*around, name))}")
        if name in fragments:
            text = fragments[name].flat if flat else _indented(fragments[name].sql, sql, start)
            sql = sql[:start] + _expanded(text, source, fragments, (*around, name), flat=flat) + sql[end:]
    return sql


def _indented(text: str, sql: str, start: int) -> str:
    """``text`` with its further lines as far in as the line on which it begins."""
    line = sql[sql.rfind("\n", 0, start) + 1 : start]
    return text.replace("\n", "\n" + " " * (len(line) - len(line.lstrip())))


def params_of(sql: str, source: str, fragments: Mapping[str, Fragment]) -> dict[str, Parameter]:
    """The parameters that the fragments in ``sql`` bring along."""
    return {key: value for fragment in _used(sql, source, fragments) for key, value in fragment.params.items()}


def _used(sql: str, source: str, fragments: Mapping[str, Fragment]) -> Iterator[Fragment]:
    for name, _, _ in placeholders(sql, source):
        if name in fragments:
            yield fragments[name]
            yield from _used(fragments[name].sql, source, fragments)


def files(roots: Iterable[Path], source: str) -> dict[str, Path]:
    """The files of fragments by name; of two with one name the last root's."""
    return {path.stem: path for root in roots for path in sorted((root / FOLDER / source).glob("*.sql"))}
