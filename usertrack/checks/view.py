"""Findings of a check as a document; `raise_problems` turns them into an exit code."""

from collections.abc import Iterator, Sequence

from usertrack.checks.workspace import Finding
from usertrack.core.document import Document, Field, Listing, Paragraph
from usertrack.core.errors import CheckFailed
from usertrack.core.table import Column, Row, Table

_FIELDS = {"level": Field(" ", "tag"), "what": Field("What"), "found": Field("Found")}


def findings_document(title: str, findings: Sequence[Finding]) -> Document:
    """The listing shows problems with hints, and counts a group that is in order; the table has every finding."""
    columns = (Column("level"), Column("what"), Column("detail"), Column("hint"))
    rows: list[Row] = [(f.level, f.subject, f.detail, f.hint or None) for f in findings]
    summary = Table(tuple(Column(name) for name in _FIELDS), list(_rows(findings)))
    return Document(
        title=title,
        # the number of problems is in the error with which the command ends
        blocks=(Listing(summary, fields=_FIELDS), *([] if _count(findings) else [Paragraph("everything is in order")])),
        table=Table(columns, rows, name="findings", title=title),
    )


def _rows(findings: Sequence[Finding]) -> Iterator[Row]:
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
