"""Findings in a plan, or in code or data beside it: one shape for lint, check, SARIF and live-check."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Rule:
    """Something that holds for a good plan. ``id`` stays as it is, since baselines name it; ``why`` is one sentence."""

    id: str
    title: str
    why: str
    severity: Severity = "warning"


@dataclass(frozen=True)
class PlanFinding:
    """A place where ``rule`` does not hold.

    ``subject`` is what it is about (``events.github_connected``, ``properties.site_url``), without a line, so that a
    baseline knows it again. ``message`` says what is wrong, ``instead`` what to write. ``file`` is relative, with
    ``/``; ``line`` counts from 1. None of them holds a value from the data.
    """

    rule: Rule
    subject: str
    message: str
    file: str
    line: int
    instead: str = ""

    @property
    def severity(self) -> Severity:
        return self.rule.severity

    @property
    def key(self) -> str:
        """The key that a baseline keeps: it is the same after lines have moved."""
        return f"{self.rule.id} {self.subject}"


def in_order(findings: Iterable[PlanFinding]) -> list[PlanFinding]:
    """By file, line and severity, the worst first."""
    return sorted(
        findings,
        key=lambda finding: (
            finding.file,
            finding.line,
            SEVERITIES.index(finding.severity),
            finding.rule.id,
            finding.subject,
        ),
    )


@dataclass(frozen=True)
class Place:
    """The file of the plan, as findings name it."""

    file: str

    def finding(self, rule: Rule, subject: str, message: str, line: int, instead: str = "") -> PlanFinding:
        return PlanFinding(rule, subject, message, self.file, line, instead)
