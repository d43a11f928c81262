"""Where the findings of one plan are."""

from dataclasses import dataclass

from usertrack.plan.finding import Finding, Rule


@dataclass(frozen=True)
class Place:
    """The file of the plan, as findings name it."""

    file: str

    def finding(self, rule: Rule, subject: str, message: str, line: int, instead: str = "") -> Finding:
        return Finding(rule, subject, message, self.file, line, instead)
