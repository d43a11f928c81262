"""Findings of a check as a document; `raise_problems` turns them into an exit code."""

from collections.abc import Iterator, Sequence

from usertrack.checks.workspace import Finding
from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Document, Field, Paragraph
from usertrack.core.errors import CheckFailed
from usertrack.core.table import Table

_FINDINGS: Columns[Finding] = Columns(
    Attribute("level", "VARCHAR", lambda finding: finding.level),
    Attribute("what", "VARCHAR", lambda finding: finding.subject),
    Attribute("detail", "VARCHAR", lambda finding: finding.detail),
    Attribute("hint", "VARCHAR", lambda finding: finding.hint or None),
)
_Line = tuple[str, str, str]
_LINES: Columns[_Line] = Columns(
    Attribute("level", "VARCHAR", lambda line: line[0], Field(" ", "tag")),
    Attribute("what", "VARCHAR", lambda line: line[1], Field("What")),
    Attribute("found", "VARCHAR", lambda line: line[2], Field("Found")),
)
"""What people see: a line for several findings, and one for a hint."""


def findings_document(title: str, findings: Sequence[Finding]) -> Document:
    """The listing shows problems with hints, and counts a group that is in order; the table has every finding."""
    return Document(
        title=title,
        # the number of problems is in the error with which the command ends
        blocks=(_LINES.listing(_lines(findings)), *([] if _count(findings) else [Paragraph("everything is in order")])),
        table=_FINDINGS.table(findings, "findings", source=Table((), (), title=title)),
    )


def _lines(findings: Sequence[Finding]) -> Iterator[_Line]:
    seen: set[_Key] = set()
    for finding in findings:
        if _key(finding) in seen:
            continue
        seen.add(_key(finding))
        if finding.level == "ok" and finding.group:
            yield "ok", finding.group, _how_many(findings, finding.group)
            continue
        more = sum(_key(other) == _key(finding) for other in findings) - 1
        yield finding.level, finding.subject + (f" and {more} more" if more else ""), finding.detail
        if finding.hint:
            yield "", "", f"hint: {finding.hint}"


_Key = tuple[str, ...]


def _key(finding: Finding) -> _Key:
    """Equal for findings that share a row: those of a group in order, and one error of many queries."""
    if finding.level == "ok" and finding.group:
        return ("ok", finding.group)
    return (finding.level, finding.group or finding.subject, finding.detail, finding.hint)


def _how_many(findings: Sequence[Finding], group: str) -> str:
    levels = [finding.level for finding in findings if finding.group == group]
    return f"all {len(levels)} in order" if set(levels) == {"ok"} else f"{levels.count('ok')} of {len(levels)} in order"


def _count(findings: Sequence[Finding]) -> int:
    return len({_key(finding) for finding in findings if finding.level == "FAIL"})


def _problems(findings: Sequence[Finding]) -> str:
    count = _count(findings)
    return f"{count} problem{'s' * (count != 1)} found"


def raise_problems(findings: Sequence[Finding]) -> None:
    """Raise CheckFailed when any finding is a FAIL."""
    if _count(findings):
        raise CheckFailed(_problems(findings))
