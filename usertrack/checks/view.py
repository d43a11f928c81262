"""Findings of a check as a document; `raise_problems` makes the exit code of them."""

from collections.abc import Iterator, Sequence

from usertrack.checks.workspace import Finding
from usertrack.core.document import Document, Field, Listing, Paragraph
from usertrack.core.errors import CheckFailed
from usertrack.core.table import Column, Row, Table

_SHOWN = {"level": Field(" ", "tag"), "what": Field("What"), "found": Field("Found")}


def findings_document(title: str, findings: Sequence[Finding]) -> Document:
    """People see what needs a look, its remedy below it, and how many of a group are well; files have all."""
    columns = (Column("level"), Column("what"), Column("detail"), Column("hint"))
    rows: list[Row] = [(f.level, f.subject, f.detail, f.hint or None) for f in findings]
    seen = Table(tuple(Column(name) for name in _SHOWN), list(_seen(findings)))
    return Document(
        title=title,
        # how many problems there are is the error that the command ends with
        blocks=(Listing(seen, fields=_SHOWN), *([] if _count(findings) else [Paragraph("everything is in order")])),
        table=Table(columns, rows, name="findings", title=title),
    )


def _seen(findings: Sequence[Finding]) -> Iterator[Row]:
    told: set[_Reason] = set()
    for finding in findings:
        if _cause(finding) in told:
            continue
        told.add(_cause(finding))
        if finding.level == "ok" and finding.group:
            yield "ok", finding.group, _how_many(findings, finding.group)
            continue
        others = sum(_cause(other) == _cause(finding) for other in findings) - 1
        yield finding.level, finding.subject + (f" and {others} more" if others else ""), finding.detail
        if finding.hint:
            yield "", "", f"hint: {finding.hint}"


_Reason = tuple[str, ...]


def _cause(finding: Finding) -> _Reason:
    """The same for findings that are told together: what is well, and a key that is refused to every query alike."""
    if finding.level == "ok" and finding.group:
        return ("ok", finding.group)
    return (finding.level, finding.group or finding.subject, finding.detail, finding.hint)


def _how_many(findings: Sequence[Finding], group: str) -> str:
    levels = [finding.level for finding in findings if finding.group == group]
    return f"all {len(levels)} in order" if set(levels) == {"ok"} else f"{levels.count('ok')} of {len(levels)} in order"


def _count(findings: Sequence[Finding]) -> int:
    return len({_cause(finding) for finding in findings if finding.level == "FAIL"})


def _problems(findings: Sequence[Finding]) -> str:
    count = _count(findings)
    return f"{count} problem{'s' * (count != 1)} found"


def raise_problems(findings: Sequence[Finding]) -> None:
    """Raise CheckFailed when any finding is a FAIL."""
    if _count(findings):
        raise CheckFailed(_problems(findings))
