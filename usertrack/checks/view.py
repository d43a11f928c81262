"""Findings of a check as a document, what is wrong first; `raise_problems` turns them into an exit code."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from usertrack.checks.finding import Finding
from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Document, Field, Listing, Paragraph
from usertrack.core.errors import CheckFailed
from usertrack.core.table import Table
from usertrack.core.words import plural

_FINDINGS: Columns[Finding] = Columns(
    Attribute("level", "VARCHAR"),
    Attribute("what", "VARCHAR", "subject"),
    Attribute("detail", "VARCHAR"),
    Attribute("hint", "VARCHAR", lambda finding: finding.hint or None),
)
_Line = tuple[str, str, str]
_LINES: Columns[_Line] = Columns(
    Attribute("level", "VARCHAR", lambda line: line[0], Field(" ", "tag")),
    Attribute("what", "VARCHAR", lambda line: line[1], Field("What")),
    Attribute("found", "VARCHAR", lambda line: line[2], Field("Found")),
)
"""What people see: a line for several findings, and one for a hint."""


_LEVELS = ("FAIL", "note", "ok")


def findings_document(
    title: str, findings: Sequence[Finding], settings: Sequence[Finding] = (), *, verbose: bool = True
) -> Document:
    """The listing shows problems with hints, and counts a group that is in order; the table has every finding.

    ``settings`` are last; without ``verbose`` people see only how many of them are not the default.
    """
    ordered = sorted(findings, key=lambda finding: _LEVELS.index(finding.level))
    blocks: list[Listing | Paragraph] = [
        _LINES.listing(_lines(ordered)),
        # the number of problems is in the error with which the command ends
        *([] if _count(findings) else [Paragraph(_in_order(findings))]),
    ]
    if settings and verbose:
        blocks.append(_LINES.listing(_lines(settings), heading="Settings"))
    elif settings:
        blocks.append(Paragraph(_settings_words(settings), "dim"))
    table = _FINDINGS.table([*ordered, *settings], "findings", source=Table((), (), title=title))
    return Document(title=title, blocks=tuple(blocks), table=table)


def _in_order(findings: Sequence[Finding]) -> str:
    """``everything is in order``, or how much cannot be evaluated, with the one command that helps."""
    segments, metrics = (
        sum(finding.lacking for finding in findings if ("metric" in finding.subject) == is_metric)
        for is_metric in (False, True)
    )
    if not segments and not metrics:
        return "everything is in order"
    lacking = " and ".join(plural(count, noun) for count, noun in ((segments, "segment"), (metrics, "metric")) if count)
    return f"no problems, but {lacking} cannot be evaluated; `usertrack init --from-database` looks for what they need"


def _settings_words(settings: Sequence[Finding]) -> str:
    """``settings: 2 from environment, 1 from usertrack.yaml; --verbose shows all 48``."""
    origins = Counter(
        re.split(r"[,)]", finding.detail.rpartition(" (")[2])[0] for finding in settings if _is_set(finding)
    )
    texts = [f"{count} from {origin}" for origin, count in origins.items()]
    return f"settings: {', '.join(texts) or 'all as by default'}; --verbose shows all {len(settings)}"


def _is_set(setting: Finding) -> bool:
    return not setting.detail.startswith("not set (") and not setting.detail.endswith("(default)")


def _lines(findings: Sequence[Finding]) -> Iterator[_Line]:
    seen: set[_Key] = set()
    for finding in findings:
        if _key(finding) in seen or finding.implied:
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
    members = [finding for finding in findings if finding.group == group]
    good, left_out = sum(f.level == "ok" for f in members), sum(f.implied for f in members)
    if good == len(members):
        return f"all {good} in order"
    return f"{good} of {len(members)} in order" + (f", {left_out} left out" if left_out else "")


def _count(findings: Sequence[Finding]) -> int:
    return len({_key(finding) for finding in findings if finding.level == "FAIL"})


def _problems(findings: Sequence[Finding]) -> str:
    count = _count(findings)
    return f"{count} problem{'s' * (count != 1)} found"


def raise_problems(findings: Sequence[Finding]) -> None:
    """Raise CheckFailed when any finding is a FAIL."""
    if _count(findings):
        raise CheckFailed(_problems(findings))
