"""From what was typed to a Statement: a query of the library with parameters, or SQL of the user's own."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from usertrack.errors import UsageError, did_you_mean
from usertrack.library import OFFERED, SOURCES, Parameter, Query, Statement, statement_of
from usertrack.sqltext import check_quotes

if TYPE_CHECKING:
    from usertrack.run import Runner


def statement(
    runner: "Runner",
    name: str | None,
    params: Mapping[str, str],
    source: str | None,
    sql: str | None,
    limit: int | None,
) -> Statement:
    """What to run; raises UsageError when it is not clear what that is."""
    if (name is None) == (sql is None):
        raise UsageError(
            "say what to run: the NAME of a query, or --sql FILE", "`usertrack query list` shows the names"
        )
    query = runner.library[name] if name else _pasted(source, str(sql), params)
    values = {key: query.params[key].parse(text) if key in query.params else text for key, text in params.items()}
    bound = query.bind(values, runner.offered)
    return replace(bound, limit=limit or None, excludes="internal" in bound.values)


def _pasted(source: str | None, file: str, params: Mapping[str, str]) -> Query:
    if source not in SOURCES:
        raise UsageError(
            "say where the SQL runs: --source posthog or --source neon"
            if source is None
            else f"there is no source '{source}'",
            did_you_mean(source or "", SOURCES),
        )
    query = Query(
        name="the SQL" if file == "-" else Path(file).name, source=source, sql=statement_of(_read(file), source)
    )
    check_quotes(query.sql, query.source, {*params, *OFFERED}, query.name)
    undeclared = [name for name in query.used if name not in OFFERED]
    return replace(query, params={name: Parameter(name, "text") for name in undeclared})


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        hint = "--sql takes a file, or - for what is piped in: `echo 'SELECT …' | usertrack … --sql -`"
        raise UsageError(f"cannot read '{file}' as UTF-8 text ({type(error).__name__})", hint) from error
