"""Tables and columns that queries name and Postgres lacks: one finding each, with the queries that need it."""

import re
from collections.abc import Mapping, Sequence

from usertrack.checks.finding import Finding
from usertrack.core.errors import UsertrackError
from usertrack.core.source_names import POSTGRES
from usertrack.library.library import Library
from usertrack.library.sql import tables_of

_NAMED = 3  # queries that are named, of all that need something
_NO_TABLE = re.compile(r'relation "(?P<name>[^"]+)" does not exist')
_NO_COLUMN = re.compile(r'column "?(?:(?P<alias>\w+)\.)?(?P<name>\w+)"? does not exist')


def by_cause(findings: Sequence[Finding], library: Library) -> list[Finding]:
    """``findings`` about queries, with one finding for each missing table and column that breaks several of them."""
    needed: dict[_Cause, list[str]] = {}
    for finding in findings:
        if cause := _missing(finding, library):
            needed.setdefault(cause, []).append(finding.subject)
    shared = {cause: names for cause, names in needed.items() if len(names) > 1}
    causes = {name: cause for cause, names in shared.items() for name in names}
    return [
        *(_missing_finding(kind, name, names) for (kind, name), names in shared.items()),
        *(
            _implied(finding, causes[finding.subject][0]) if finding.subject in causes else finding
            for finding in findings
        ),
    ]


def _implied(finding: Finding, kind: str) -> Finding:
    return Finding("note", finding.subject, f"needs a {kind} that is missing", group=finding.group, implied=True)


_Cause = tuple[str, str]
"""What is missing, such as ``("column", "app_job.state")``."""


def _missing(finding: Finding, library: Library) -> _Cause | None:
    """Return what is missing by an error of Postgres; None for any other error."""
    if finding.level != "FAIL" or not finding.subject.startswith(f"{POSTGRES}/"):
        return None
    if match := _NO_TABLE.search(finding.detail):
        return "table", match["name"]
    if match := _NO_COLUMN.search(finding.detail):
        table = _tables(library, finding.subject).get(match["alias"] or "")
        return "column", f"{table}.{match['name']}" if table else match["name"]
    return None


def _tables(library: Library, name: str) -> Mapping[str, str]:
    try:
        return tables_of(library[name].sql)
    except UsertrackError:  # `check_queries` reports it
        return {}


def _missing_finding(kind: str, name: str, queries: Sequence[str]) -> Finding:
    more = f" and {len(queries) - _NAMED} more" if len(queries) > _NAMED else ""
    detail = f"does not exist; needed by {', '.join(queries[:_NAMED])}{more}"
    hint = f"if yours has another name, write queries/{queries[0]}.sql in the workspace, or read an entity there"
    return Finding("FAIL", f"{kind} {name}", detail, hint)
