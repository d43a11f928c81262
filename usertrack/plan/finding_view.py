"""Findings as a document: by rule, each with its place, what is wrong and what to write instead."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Document, Field, Paragraph, Section
from usertrack.core.errors import CheckFailed
from usertrack.core.table import Table
from usertrack.core.words import plural
from usertrack.plan.finding import SEVERITIES, PlanFinding, Rule, Severity

FINDINGS: Columns[PlanFinding] = Columns(
    Attribute("severity", "VARCHAR"),
    Attribute("rule", "VARCHAR", "rule.id"),
    Attribute("file", "VARCHAR", field=Field("Where"), text=lambda row: f"{row.file}:{row.line}"),
    Attribute("line", "BIGINT", field=Field("Line")),
    Attribute("subject", "VARCHAR"),
    Attribute("message", "VARCHAR", field=Field("What is wrong", grows=True)),
    Attribute("instead", "VARCHAR", lambda finding: finding.instead or None, Field("Instead")),
    Attribute("why", "VARCHAR", "rule.why"),
)


def findings_document(title: str, findings: Sequence[PlanFinding], notes: Sequence[str] = ()) -> Document:
    """A section for each rule, the worst first; the table has every finding. ``title`` names the file if it is one."""
    rules = sorted({finding.rule for finding in findings}, key=lambda rule: (SEVERITIES.index(rule.severity), rule.id))
    in_one_file = len({finding.file for finding in findings}) == 1
    sections = [
        _section(rule, [finding for finding in findings if finding.rule == rule], in_one_file=in_one_file)
        for rule in rules
    ]
    counts = Counter(finding.severity for finding in findings)
    return Document(
        title=title,
        subtitle=", ".join(plural(counts[name], name) for name in SEVERITIES if counts[name]),
        blocks=tuple(sections) or (Paragraph("everything is in order"),),
        notes=tuple(notes),
        data=lambda: {"findings": FINDINGS.dicts(findings)},
        table=FINDINGS.table(findings, "findings", source=Table((), (), title=title)),
    )


def _section(rule: Rule, findings: Sequence[PlanFinding], *, in_one_file: bool) -> Section:
    advice = {finding.instead for finding in findings}
    shared = advice.pop() if len(advice) == 1 and len(findings) > 1 else ""
    listing = FINDINGS.listing(findings)
    left_out = {"file" if in_one_file else "line", *(["instead"] if shared else [])}
    columns = tuple(name for name in listing.table.names if name not in left_out)
    why = f"{rule.why} ({rule.severity} {rule.id})"
    about = [Paragraph(why, "dim"), *([Paragraph(f"Instead: {shared}")] if shared else [])]
    return Section(rule.title, (*about, replace(listing, columns=columns)))


def raise_problems(findings: Sequence[PlanFinding], least: Severity = "warning", hint: str = "") -> None:
    """Raise CheckFailed when any finding is ``least`` or worse."""
    if count := sum(SEVERITIES.index(finding.severity) <= SEVERITIES.index(least) for finding in findings):
        raise CheckFailed(f"{plural(count, 'problem')} found", hint)
