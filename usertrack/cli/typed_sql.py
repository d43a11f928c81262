"""SQL of one's own for `--sql`: typed, in a file or piped in. It becomes a query like those of the library."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from usertrack.core.errors import QueryError, UsageError, did_you_mean
from usertrack.core.source_names import POSTGRES
from usertrack.library.fragments import params_of
from usertrack.library.header import absence_of
from usertrack.library.library import OFFERED, SOURCES, Library, Parameter, Query, statement_of
from usertrack.library.position import position_of_message, position_of_refusal
from usertrack.library.sql import check_quotes

if TYPE_CHECKING:
    from usertrack.workspace.settings import Settings

TYPED = "the SQL"


def query_of_sql(library: Library, source: str, sql: str, params: Mapping[str, str]) -> Query:
    """The query that the option ``--sql`` gives: its own text, the path of a file, or ``-`` for what is piped in.

    A path is what exists as a file, or one word that ends in ``.sql``. Raises UsageError, with line and column.
    """
    file = sql != "-" and (os.path.exists(sql) or (sql.endswith(".sql") and not any(map(str.isspace, sql))))
    name = Path(sql).name if file else TYPED
    text = _content(sql) if file or sql == "-" else sql
    try:
        written = statement_of(text, source)
    except UsageError as problem:
        raise UsageError(
            f"{_place(name, position_of_refusal(text, source))}: {problem.message}", _hint(problem)
        ) from problem
    fragments = library.fragments(source)
    entities = library.entities if source == POSTGRES else {}
    absence = absence_of(written, source, fragments, entities, params)
    sql = library.expanded(written, source, params)
    query = Query(name=name, source=source, sql=sql, written=written, absence=absence, entities=entities)
    check_quotes(query.sql, query.source, {*params, *OFFERED}, query.name)
    undeclared = {name: Parameter(name, "text") for name in query.used if name not in OFFERED}
    return replace(query, params={**undeclared, **params_of(written, source, fragments, params)})


def source_of(source: str | None, settings: "Settings") -> str:
    """Return the source of typed SQL: ``--source``, else the only source that is configured; raises UsageError."""
    if source in SOURCES:
        return source
    if source is not None:
        raise UsageError(f"there is no source '{source}'", did_you_mean(source, SOURCES))
    if not settings.uses_demo and settings.has_posthog != settings.has_postgres:
        return "posthog" if settings.has_posthog else POSTGRES
    raise UsageError(
        f"say where the SQL runs: --source posthog or --source {POSTGRES}",
        f"posthog has events and persons, {POSTGRES} has the tables of your own database",
    )


@contextmanager
def with_position(query: Query | None) -> Iterator[None]:
    """PostHog's errors about typed SQL, with the line and column of what they name."""
    try:
        yield
    except QueryError as problem:
        prefix = f"{query.name}: " if query and query.source == "posthog" and query.path is None else ""
        if query and prefix and problem.message.startswith(prefix):
            message = problem.message.removeprefix(prefix)
            place = _place(query.name, position_of_message(query.written, query.source, message))
            problem.message = f"{place}: {message}"
        raise


def _place(name: str, position: str) -> str:
    return f"{name}:{position}" if position else name


def _hint(problem: UsageError) -> str:
    return "close it where it ends" if "never ends" in problem.message else problem.hint


def _content(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        example = f"`usertrack query run --source {POSTGRES} --sql 'SELECT 1'`"
        hint = f"--sql takes SQL, a file, or - for what is piped in: {example}"
        raise UsageError(f"cannot read '{file}' as UTF-8 text ({type(error).__name__})", hint) from error
