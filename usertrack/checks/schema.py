"""Tables and columns that queries need and Postgres lacks: one finding each, with the queries that need it."""

import re
from collections.abc import Mapping, Sequence

from usertrack.checks.workspace import Finding
from usertrack.core.errors import UsertrackError
from usertrack.engine.runner import Runner
from usertrack.library.library import Library, Statement
from usertrack.library.sql import tables_of

_NAMED = 3  # queries that are named, of all that need something
_NO_COLUMN = re.compile(r'column "?(?:(?P<alias>\w+)\.)?(?P<name>\w+)"? does not exist')


def needed_tables(library: Library) -> dict[str, list[str]]:
    """The queries that read each table of Postgres, as far as their SQL can be parsed."""
    needed: dict[str, list[str]] = {}
    for name in library:
        if name.startswith("neon/"):
            for table in sorted(set(_tables(library, name).values())):
                needed.setdefault(table, []).append(name)
    return needed


def _tables(library: Library, name: str) -> Mapping[str, str]:
    try:
        return tables_of(library[name].sql)
    except UsertrackError:  # `check_queries` reports it
        return {}


def check_tables(runner: Runner, findings: Sequence[Finding]) -> list[Finding]:
    """``findings`` about queries, with one finding for each missing table and column that breaks some of them."""
    missing = _missing_tables(runner)
    blocked = {name for names in missing.values() for name in names}
    columns: dict[str, list[str]] = {}
    rest = []
    for finding in findings:
        column = _missing_column(finding, runner.library)
        if finding.level == "FAIL" and finding.subject in blocked:
            rest.append(Finding("note", finding.subject, "needs a table that is missing", group=finding.group))
        elif column:
            columns.setdefault(column, []).append(finding.subject)
            rest.append(Finding("note", finding.subject, "needs a column that is missing", group=finding.group))
        else:
            rest.append(finding)
    return [
        *(_missing_finding("table", table, names, _NO_TABLE) for table, names in missing.items()),
        *(_missing_finding("column", column, names, _OTHERWISE) for column, names in columns.items()),
        *rest,
    ]


def _missing_tables(runner: Runner) -> dict[str, list[str]]:
    needed = needed_tables(runner.library)
    statement = Statement(
        "neon",
        "SELECT name FROM unnest({tables}) AS name WHERE to_regclass(name) IS NULL",
        {"tables": sorted(needed)},
        {"tables": "list"},
        name="tables",
    )
    answer = runner.run([statement])[0]
    missing = set() if isinstance(answer, UsertrackError) else {row[0] for row in answer.rows}
    return {table: names for table, names in needed.items() if table in missing}


def _missing_column(finding: Finding, library: Library) -> str:
    """``app_job.state``, from the error of Postgres; empty for any other error."""
    match = (
        _NO_COLUMN.search(finding.detail) if finding.level == "FAIL" and finding.subject.startswith("neon/") else None
    )
    if not match:
        return ""
    table = _tables(library, finding.subject).get(match["alias"] or "")
    return f"{table}.{match['name']}" if table else match["name"]


def _missing_finding(kind: str, name: str, queries: Sequence[str], hint: str) -> Finding:
    more = f" and {len(queries) - _NAMED} more" if len(queries) > _NAMED else ""
    detail = f"does not exist; needed by {', '.join(queries[:_NAMED])}{more}"
    return Finding("FAIL", f"{kind} {name}", detail, hint.format(query=queries[0]))


_OTHERWISE = "if yours has another name, write queries/{query}.sql in the workspace: it replaces the shipped query"
_NO_TABLE = f"is this the right database, and the right schema? {_OTHERWISE}"
