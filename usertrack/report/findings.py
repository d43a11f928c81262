"""Findings of a check as a document; `raise_problems` makes the exit code of them."""

from collections.abc import Sequence

from usertrack.check import Finding
from usertrack.document import Document, Listing, Shown
from usertrack.errors import CheckFailed
from usertrack.table import Column, Table


def findings_document(title: str, findings: Sequence[Finding]) -> Document:
    columns = (Column("level"), Column("what"), Column("detail"), Column("hint"))
    rows = [(f.level, f.what, f.detail, f.hint or None) for f in findings]
    table = Table(columns, rows, name="findings", title=title)
    shown = {
        "level": Shown(""),
        "what": Shown("What"),
        "detail": Shown("Found", "text", grows=True),
        "hint": Shown("What to do", "text"),
    }
    return Document(title=title, blocks=(Listing(table, shown=shown, limit=0),), table=table)


def raise_problems(findings: Sequence[Finding]) -> None:
    """Raise CheckFailed when any finding is a FAIL."""
    problems = sum(finding.level == "FAIL" for finding in findings)
    if problems:
        raise CheckFailed(f"{problems} problem{'s' * (problems != 1)} found")
