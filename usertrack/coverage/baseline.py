"""The baseline: findings that were there before anybody checked, which do not fail a check."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from usertrack.core.errors import UsageError
from usertrack.core.words import plural
from usertrack.plan.finding import PlanFinding


@dataclass(frozen=True)
class Baseline:
    """``keys`` are those of findings (`Finding.key`), which stay the same when lines move, and how often each was."""

    keys: Counter[str] = field(default_factory=Counter)

    def new(self, findings: Iterable[PlanFinding]) -> list[PlanFinding]:
        """Return the findings beyond the baseline: of one key, the last ones."""
        seen: Counter[str] = Counter()
        excess = []
        for finding in findings:
            seen[finding.key] += 1
            if seen[finding.key] > self.keys[finding.key]:
                excess.append(finding)
        return excess

    def notes(self, findings: Sequence[PlanFinding]) -> list[str]:
        """Say how many findings the baseline lets pass, and how many of its entries are not needed any more."""
        counts = Counter(finding.key for finding in findings)
        old, settled = (self.keys & counts).total(), (self.keys - counts).total()
        return [
            *([f"{plural(old, 'finding')} in the baseline, which cannot fail the check"] if old else []),
            *(
                [f"{plural(settled, 'entry', 'entries')} of the baseline settled: --write-baseline takes them out"]
                if settled
                else []
            ),
        ]


def read_baseline(path: Path) -> Baseline:
    """Raises UsageError for a file that is none."""
    hint = "`usertrack plan check --baseline FILE --write-baseline` writes one"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        keys = document["findings"]
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise TypeError("`findings` is no list of texts")
    except OSError as error:
        raise UsageError(f"cannot read the baseline '{path}': {error.strerror}", hint) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"'{path}' is no baseline", hint) from error
    return Baseline(Counter(keys))


def baseline_text(findings: Sequence[PlanFinding]) -> str:
    """One key a line for each finding, sorted: in git, each that is settled is a line less."""
    document = {"version": 1, "findings": sorted(finding.key for finding in findings)}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
