"""The thresholds of segments.yaml, set from how the company's own numbers are distributed, each with its reason."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from usertrack.core.json_types import JsonObject
from usertrack.core.source_names import POSTGRES
from usertrack.core.sql_file import sql_file
from usertrack.core.table import Column, Table
from usertrack.core.temporary import temporary_folder
from usertrack.engine.runner import Runner
from usertrack.library.library import Library, Statement
from usertrack.segments.applicable import applicable, condition_without, reason_without
from usertrack.segments.classify import classify
from usertrack.segments.profiles import build_profiles
from usertrack.segments.rules import read_rules

_FEW = 10  # people, of whom nothing can be learned: the top fifth would be one or two


@dataclass(frozen=True)
class Threshold:
    """One number of a condition: in which segment, what is replaced by what, and why."""

    segment: str
    pattern: str
    text: str
    because: str


def statements(library: Library, mapped: Iterable[str]) -> dict[str, Statement]:
    """The queries whose numbers set thresholds, as far as the ``mapped`` columns have them."""
    known = set(mapped)
    return {
        name: Statement(
            POSTGRES,
            library.expanded(sql_file(__package__, f"fit_{name}"), POSTGRES, ()),
            name=f"distribution of {name}",
        )
        for name, column in (("runs", "runs.account_id"), ("credits", "accounts.credits"))
        if column in known
    }


def thresholds(numbers: Mapping[str, JsonObject]) -> list[Threshold]:
    """Return the proposed thresholds. ``numbers`` has the answer to each of the `statements`."""
    return [*_of_runs(numbers.get("runs", {})), *_of_credits(numbers.get("credits", {}))]


def keyed_by_account(text: str) -> str:
    """``text`` of segments.yaml for people who have no e-mail, and are told apart by the id of their account."""
    return re.sub(r"^  key: email$", "  key: account_id", text, flags=re.MULTILINE)


def people_in(runner: Runner, texts: Sequence[str]) -> list[dict[str, int | None]]:
    """Return, for each of the ``texts`` of a segments.yaml, how many people are in each segment of its sets of people.

    People are asked once: the texts differ in their sets alone. None is a number that is not known.
    """
    with temporary_folder() as folder:
        all_rules = []
        for number, text in enumerate(texts):
            (path := folder / f"{number}.yaml").write_text(text, encoding="utf-8")
            rules = read_rules(path).judging("")
            runner.library = runner.library.by(rules.key)
            all_rules.append(applicable(rules, runner.library))
    profiles = build_profiles(runner, all_rules[-1])
    return [
        {
            f"{segment_set.name}.{count.segment.id}": count.people
            for segment_set in rules.sets.values()
            for count in classify(profiles, segment_set).counts
        }
        for rules in all_rules
    ]


def fit_table(
    before: str, after: str, changes: Sequence[Threshold], people: Sequence[Mapping[str, int | None]]
) -> Table:
    """Return a row for each segment whose rule ``changes``: its thresholds and people before and after, and why."""
    rows = []
    for segment, now, _ in changed_rules(before, after):
        fitted = [change for change in changes if change.segment == segment]
        old = [match[0] for change in fitted if (match := re.search(change.pattern, now))]
        new = [change.text for change in fitted if re.search(change.pattern, now)]
        counts = [known.get(f"action.{segment}") for known in people]
        because = "; ".join(dict.fromkeys(change.because for change in fitted if change.because))
        rows.append((segment, ", ".join(old), counts[0], ", ".join(new), counts[1], because))
    names = ("segment", "now", "people", "fitted", "people then", "because")
    types = ("VARCHAR", "VARCHAR", "BIGINT", "VARCHAR", "BIGINT", "VARCHAR")
    return Table(tuple(map(Column, names, types)), rows, title="thresholds")


def changed_rules(before: str, after: str) -> list[tuple[str, str, str]]:
    """Return each segment of the first set whose rule differs in two texts of segments.yaml, with both rules."""
    segments = dict.fromkeys(re.findall(r"^      (\w+):\n(?=        name:)", before, re.MULTILINE))
    rules = [
        (segment, *(_value(text[slice(*_section(text, segment))], "when") for text in (before, after)))
        for segment in segments
    ]
    return [(segment, now, then) for segment, now, then in rules if now != then]


def unmapped_facts(library: Library) -> list[str]:
    """Return the names of facts on accounts that are not known here."""
    query = library[f"{POSTGRES}/accounts"]
    return [name for name in query.declared if query.absence.of(name)]


def _of_runs(row: JsonObject) -> Iterator[Threshold]:
    people = int(row.get("people") or 0)
    if people < _FEW:
        return
    median = int(row["median"])
    # bounds: two runs may fail by chance, and who waits for twenty to fail waits for weeks
    least = min(max(median - 1, 2), 20)
    many = max(int(row["many"]), least + 1)
    yield Threshold(
        "failing",
        r"finished_runs > \d+",
        f"finished_runs > {least}",
        f"half of the {people:,} people with runs have at least {median}" + _bounded(least, median - 1, "2 and 20"),
    )
    yield Threshold(
        "power", r"run_count > \d+", f"run_count > {many}", f"one in five of them has more than {many} runs"
    )
    if row["success"] is not None:
        success = float(row["success"])
        low = round(success * 0.6, 2)  # clearly below what is usual here
        rate = min(max(low, 0.1), 0.6)  # bounds: nine of ten failed is bad anywhere, two of five nowhere
        yield Threshold(
            "failing",
            r"success_rate < [\d.]+",
            f"success_rate < {rate:g}",
            f"of all runs that ended, {success:.0%} were a success; clearly below is {low:.0%}"
            + _bounded(rate, low, "10% and 60%"),
        )
    first = int(row["first_days"]) + 1
    days = min(max(first, 2), 30)  # bounds: nobody is late on the first day, and after a month it is too late
    yield Threshold(
        "at_risk",
        r"age_days >= \d+",
        f"age_days >= {days}",
        f"nine of ten who ever ran something did so within {first} d" + _bounded(days, first, "2 and 30"),
    )


def _bounded(threshold: float, value: float, bounds: str) -> str:
    """Return the words that a reason gains where the threshold is not what the numbers say."""
    return "" if threshold == value else f"; the threshold stays between {bounds}"


def _of_credits(row: JsonObject) -> Iterator[Threshold]:
    if int(row.get("people") or 0) < _FEW or row["full"] is None:
        return
    full = float(row["full"])
    why = f"{full:g} is the commonest balance: {float(row['share']):.0%} of the accounts have it"
    yield Threshold("high_intent", r"credits = [\d.]+", f"credits = {full:g}", why)
    yield Threshold("power", r"credits < [\d.]+", f"credits < {full / 2:g}", "half of the commonest balance")


def with_thresholds(text: str, changes: Iterable[Threshold]) -> str:
    """``text`` of segments.yaml with the changes, each reason as a comment above the condition."""
    comments: dict[str, list[str]] = {}
    for change in changes:
        start, end = _section(text, change.segment)
        section = re.sub(
            r"^        when: .*",
            lambda rule, change=change: re.sub(change.pattern, change.text, rule[0]),  # type: ignore[misc]
            text[start:end],
            flags=re.MULTILINE,
        )
        is_changed = section != text[start:end]
        text = text[:start] + section + text[end:]
        if is_changed and change.because:
            comments.setdefault(change.segment, []).append(change.because)
    for segment, reasons in comments.items():
        start, end = _section(text, segment)
        notes = "".join(f"        # {reason}\n" for reason in dict.fromkeys(reasons))
        text = text[:start] + text[start:end].replace("        when:", f"{notes}        when:", 1) + text[end:]
    return text


def without_facts(text: str, unmapped: Collection[str]) -> str:
    """``text`` of segments.yaml without the conditions on what is not known of accounts; the rest of a rule stays.

    Rules of organizations stay as they are: what takes the place of revenue is in them. So do those of an exclusive
    set, where a wider rule would take people from those after it: without what it needs it is left out as a whole.
    """
    of_people = re.split(r"^  \w+:.*\n    by: ", text, maxsplit=1, flags=re.MULTILINE)[0]
    overlapping = re.sub(r"^  \w+:.*\n    exclusive: true\n(?:    .*\n|\n)*", "", of_people, flags=re.MULTILINE)
    for segment in re.findall(r"^      (\w+):\n(?=        name:)", overlapping, re.MULTILINE):
        start, end = _section(text, segment)
        lines = text[start:end]
        when = _value(lines, "when")
        rest = condition_without(when, unmapped)
        if rest and rest != when and any(re.search(rf"\b{name}\b", when) for name in unmapped):
            names = [name for name in unmapped if re.search(rf"\b{name}\b", when)]
            were = "was" if len(names) == 1 else "were"
            why = f"{' and '.join(names)} of accounts {were} not mapped when this was written; the whole rule: {when}"
            lines = lines.replace(f"        when: {when}\n", f"        # {why}\n        when: {rest}\n")
            because = _value(lines, "because")
            lines = lines.replace(because, reason_without(because, unmapped))
            text = text[:start] + lines + text[end:]
    return text


def without_expansion(text: str) -> str:
    """``text`` of segments.yaml for plans of organizations: all people of one that pays do, so none is to expand."""
    start, end = _section(text, "expansion")
    why = "      # no expansion: the plan is the organization's, so that in one that pays everybody does\n"
    return (text[:start] + why + text[end:]).replace(" expansion,", "", 1) if end else text


def _value(lines: str, part: str) -> str:
    match = re.search(rf'^        {part}: "?(.*?)"?$', lines, re.MULTILINE)
    return match[1] if match else ""


def _section(text: str, segment: str) -> tuple[int, int]:
    """Return the start and end of the lines of a segment of the first set; empty where it is not there."""
    match = re.search(rf"^      {segment}:\n(?:        .*\n)*", text, re.MULTILINE)
    return match.span() if match else (0, 0)
