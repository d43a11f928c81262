"""Findings as machines of CI read them: SARIF 2.1.0, and the annotations of a GitHub workflow."""

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from urllib.parse import quote

from usertrack import __version__
from usertrack.plan.finding import PlanFinding, Rule

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(findings: Sequence[PlanFinding]) -> str:
    """A log of one run, with each rule once."""
    rules = list(dict.fromkeys(finding.rule for finding in findings))
    driver = {"name": "usertrack", "semanticVersion": __version__, "rules": [_rule(rule) for rule in rules]}
    results = [_result(finding, rules.index(finding.rule)) for finding in findings]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(finding: PlanFinding, rule: int) -> dict[str, object]:
    place = {"artifactLocation": {"uri": quote(finding.file)}, "region": {"startLine": finding.line}}
    return {
        "ruleId": finding.rule.id,
        "ruleIndex": rule,
        "level": finding.severity,
        "message": {"text": _sentence(finding)},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"finding/v1": sha256(finding.key.encode(errors="replace")).hexdigest()},
    }


def github(findings: Iterable[PlanFinding]) -> str:
    """A line a finding, which GitHub shows beside the code."""
    return "".join(f"{line}\n" for line in map(_annotation, findings))


def _annotation(finding: PlanFinding) -> str:
    level = {"error": "error", "warning": "warning", "note": "notice"}[finding.severity]
    pairs = {"file": finding.file, "line": str(finding.line), "title": f"{finding.rule.title} ({finding.rule.id})"}
    written = ",".join(f"{name}={_escaped(value, '%', chr(13), chr(10), ':', ',')}" for name, value in pairs.items())
    return f"::{level} {written}::{_escaped(_sentence(finding), '%', chr(13), chr(10))}"


def _escaped(text: str, *signs: str) -> str:
    """A line of GitHub's commands ends at a line end, and its values at `,` and `:`."""
    return "".join(f"%{ord(sign):02X}" if sign in signs else sign for sign in text)


def _sentence(finding: PlanFinding) -> str:
    return f"{finding.message}. Instead: {finding.instead}" if finding.instead else finding.message
