"""Personal data in the values of properties, and properties with too many: a sample is looked at and forgotten."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from usertrack.core.words import plural
from usertrack.coverage.arrivals import require_all
from usertrack.engine.runner import Runner
from usertrack.plan.finding import PlanFinding
from usertrack.plan.lint.personal import personal_values
from usertrack.plan.model import Personal, Plan
from usertrack.plan.rules import MANY_VALUES, PERSONAL_VALUE

MANY = 200
"""Different texts of a property: as many as a sample has."""


@dataclass(frozen=True)
class Sample:
    """A sample of a property: how many ``different`` texts, up to ``MANY``, and how many hold ``personal`` data."""

    different: int
    personal: Mapping[Personal, int] = field(default_factory=dict)


Sampled = Mapping[str, Sample]
"""By property."""


def ask_values(runner: Runner, days: int) -> Sampled:
    """A sample of each property's texts in the last ``days``; no value leaves this function."""
    table = runner.table(runner.bind("posthog/arrival_values", {"days": days}))
    require_all(table)
    return {
        row["property"]: Sample(len(row["texts"]), personal_values(row["property"], row["texts"]))
        for row in table.dicts()
    }


def ask_unlisted(runner: Runner, days: int, plan: Plan) -> dict[str, list[str]]:
    """Texts of the last ``days`` outside the plan's list, by the property's name in the plan; a sample of each.

    Properties that hold personal data are not looked at.
    """
    listed = {
        name: item
        for item in plan.properties.values()
        if item.values and item.personal in (None, "none")
        for name in item.names
    }
    if not listed:
        return {}
    table = runner.table(runner.bind("posthog/arrival_values", {"days": days, "only": sorted(listed)}))
    require_all(table)
    unlisted: dict[str, set[str]] = {}
    for row in table.dicts():
        item = listed[row["property"]]
        unlisted.setdefault(item.name, set()).update({*row["texts"]} - {*map(str, item.values)})
    return {name: sorted(texts) for name, texts in unlisted.items() if texts}


def value_findings(plan: Plan, sampled: Sampled) -> Iterator[PlanFinding]:
    """Each class of personal data that a property holds and the plan does not declare, and what has too many values."""
    names = {alias: item for item in plan.properties.values() for alias in item.names}
    for name, sample in sampled.items():
        planned = names.get(name)
        subject, file, line = f"properties.{name}", plan.path.as_posix(), planned.line if planned else 1
        if planned is not None and planned.personal not in (None, "none"):
            continue
        for kind, count in sample.personal.items():
            message = f"{plural(count, 'sampled value')} of `{name}` look like personal data ({kind})"
            instead = f"`personal: {kind}`, or an id that means nothing elsewhere"
            yield PlanFinding(PERSONAL_VALUE, subject, message, file, line, instead)
        if sample.different >= MANY and not sample.personal:
            message = f"`{name}` had {MANY} different values or more"
            instead = "a few classes of it, with `values:`; where it is an id, `personal: identifier` says so"
            yield PlanFinding(MANY_VALUES, subject, message, file, line, instead)
