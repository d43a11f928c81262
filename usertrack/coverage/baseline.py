"""The baseline: findings that were there before anybody checked, which do not fail a check."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from usertrack.core.errors import UsageError
from usertrack.core.words import plural
from usertrack.plan.finding import Finding


@dataclass(frozen=True)
class Baseline:
    """``keys`` are those of findings (`Finding.key`), which stay the same when lines move."""

    keys: frozenset[str] = frozenset()

    def new(self, findings: Iterable[Finding]) -> list[Finding]:
        return [finding for finding in findings if finding.key not in self.keys]

    def notes(self, findings: Sequence[Finding]) -> list[str]:
        """How many findings it lets pass, and how many of its entries nobody needs any more."""
        old = sum(finding.key in self.keys for finding in findings)
        settled = len(self.keys - {finding.key for finding in findings})
        return [
            *([f"{plural(old, 'finding')} of the baseline"] if old else []),
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
    return Baseline(frozenset(keys))


def baseline_text(findings: Sequence[Finding]) -> str:
    """One key a line, sorted: in git, each that is settled is a line less."""
    document = {"version": 1, "findings": sorted({finding.key for finding in findings})}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
