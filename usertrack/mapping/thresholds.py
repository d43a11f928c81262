"""The thresholds of segments.yaml, set from how the company's own numbers are distributed, each with its reason."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from usertrack.library.library import Statement

_RUNS = """
SELECT
    count(*) AS people,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY runs) AS median,
    percentile_disc(0.8) WITHIN GROUP (ORDER BY runs) AS many,
    sum(ok) / nullif(sum(ok) + sum(failed), 0) AS success,
    percentile_disc(0.9) WITHIN GROUP (ORDER BY first_days) AS first_days
FROM (
    SELECT
        r.account_id,
        count(*) AS runs,
        count(*) FILTER (WHERE r.ok) AS ok,
        count(*) FILTER (WHERE r.failed) AS failed,
        greatest(extract(epoch FROM min(r.at) - min(a.signed_up_at)) / 86400, 0) AS first_days
    FROM {runs} AS r
    JOIN {accounts} AS a USING (account_id)
    GROUP BY r.account_id
) AS people
"""
_CREDITS = """
SELECT
    count(credits) AS people,
    mode() WITHIN GROUP (ORDER BY credits) AS full,
    avg((credits = (SELECT mode() WITHIN GROUP (ORDER BY credits) FROM {accounts}))::int) AS share
FROM {accounts}
"""
_FEW = 10  # people, of whom nothing can be learned


@dataclass(frozen=True)
class Threshold:
    """One number of a condition: in which segment, what is replaced by what, and why."""

    segment: str
    pattern: str
    text: str
    because: str


def statements(library: Any, mapped: Iterable[str]) -> dict[str, Statement]:
    """The queries whose numbers set thresholds, as far as the ``mapped`` columns have them."""
    known = set(mapped)
    queries = {"runs": _RUNS} if "runs.account_id" in known else {}
    queries |= {"credits": _CREDITS} if "accounts.credits" in known else {}
    return {
        name: Statement("neon", library.expanded(sql, "neon", ()), name=f"distribution of {name}")
        for name, sql in queries.items()
    }


def thresholds(numbers: Mapping[str, Mapping[str, Any]], mapped: Iterable[str]) -> list[Threshold]:
    """The thresholds by ``numbers``, the row of each of the `statements`; those of a column that is not mapped go."""
    return [*_of_runs(numbers.get("runs", {})), *_of_credits(numbers.get("credits", {})), *_without(set(mapped))]


def _of_runs(row: Mapping[str, Any]) -> Iterator[Threshold]:
    people = int(row.get("people") or 0)
    if people < _FEW:
        return
    median = int(row["median"])
    least = min(max(median - 1, 2), 20)
    many = max(int(row["many"]), least + 1)
    yield Threshold(
        "failing",
        r"run_count > \d+",
        f"run_count > {least}",
        f"half of the {people:,} people with runs have at least {median}" + _bounded(least, median - 1, "2 and 20"),
    )
    yield Threshold(
        "power", r"run_count > \d+", f"run_count > {many}", f"one in five of them has more than {many} runs"
    )
    if row["success"] is not None:
        success = float(row["success"])
        low = round(success * 0.6, 2)
        rate = min(max(low, 0.1), 0.6)
        yield Threshold(
            "failing",
            r"success_rate < [\d.]+",
            f"success_rate < {rate:g}",
            f"of all runs that ended, {success:.0%} were a success; clearly below is {low:.0%}"
            + _bounded(rate, low, "10% and 60%"),
        )
    first = int(row["first_days"]) + 1
    days = min(max(first, 2), 30)
    yield Threshold(
        "at_risk",
        r"age_days >= \d+",
        f"age_days >= {days}",
        f"nine of ten who ever ran something did so within {first} d" + _bounded(days, first, "2 and 30"),
    )


def _bounded(threshold: float, value: float, bounds: str) -> str:
    """What is added to a reason where the threshold is not what the numbers say."""
    return "" if threshold == value else f"; the threshold stays between {bounds}"


def _of_credits(row: Mapping[str, Any]) -> Iterator[Threshold]:
    if int(row.get("people") or 0) < _FEW or row["full"] is None:
        return
    full = float(row["full"])
    why = f"{full:g} is the commonest balance: {float(row['share']):.0%} of the accounts have it"
    yield Threshold("high_intent", r"credits = [\d.]+", f"credits = {full:g}", why)
    yield Threshold("power", r"credits < [\d.]+", f"credits < {full / 2:g}", "half of the commonest balance")


def _without(mapped: set[str]) -> Iterator[Threshold]:
    """What goes with a column that is not there; the rest of the condition stays."""
    if "accounts.credits" not in mapped:
        why = "what is left of credits is not known here"
        yield Threshold("high_intent", r" AND credits = [\d.]+", "", why)
        yield Threshold("high_intent", r", still holds all \{credits\} credits", "", "")
        yield Threshold("power", r" OR credits < [\d.]+", "", why)
        yield Threshold("power", r"\[, \{credits\} credits left\]", "", "")
    if "accounts.subscription_status" not in mapped:
        why = "who pays is not known here"
        yield Threshold("high_intent", r" AND subscription_status IS DISTINCT FROM 'active'", "", why)


def with_thresholds(text: str, changes: Iterable[Threshold]) -> str:
    """``text`` of segments.yaml with the changes, each reason as a comment above the condition."""
    comments: dict[str, list[str]] = {}
    for change in changes:
        start, end = _section(text, change.segment)
        section, count = re.subn(change.pattern, change.text, text[start:end])  # no text has a backslash
        text = text[:start] + section + text[end:]
        if count and change.because:
            comments.setdefault(change.segment, []).append(change.because)
    for segment, reasons in comments.items():
        start, end = _section(text, segment)
        notes = "".join(f"        # {reason}\n" for reason in dict.fromkeys(reasons))
        text = text[:start] + text[start:end].replace("        when:", f"{notes}        when:", 1) + text[end:]
    return text


def _section(text: str, segment: str) -> tuple[int, int]:
    """Where the lines of a segment of the first set begin and end; empty where it is not there."""
    match = re.search(rf"^      {segment}:\n(?:        .*\n)*", text, re.MULTILINE)
    return match.span() if match else (0, 0)
