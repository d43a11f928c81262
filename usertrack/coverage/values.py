"""Personal data in the values of properties, and properties with too many: a sample is looked at and forgotten."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from usertrack.core.words import plural
from usertrack.coverage.arrivals import require_all
from usertrack.engine.runner import Runner
from usertrack.plan.finding import PlanFinding
from usertrack.plan.lint.personal import personal_values
from usertrack.plan.model import Personal, Plan, PlannedProperty
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


Texts = Mapping[str, list[str]]
"""Up to ``MANY`` texts of each property, which are looked at and forgotten."""


def ask_texts(runner: Runner, days: int, only: Collection[str] | None = None) -> Texts:
    """Texts that each property had in the last ``days``, or each of ``only`` these."""
    if only is not None and not only:
        return {}
    narrowed = {} if only is None else {"only": sorted(only)}
    table = runner.table(runner.bind("posthog/arrival_values", {"days": days, **narrowed}))
    require_all(table)
    return {row["property"]: row["texts"] for row in table.dicts()}


def samples_of(texts: Texts) -> Sampled:
    """Everything that may be kept of ``texts``: no value leaves this function."""
    return {name: Sample(len(own), personal_values(name, own)) for name, own in texts.items()}


def unlisted_of(texts: Texts, plan: Plan) -> dict[str, list[str]]:
    """The ``texts`` outside the plan's list, by the property's name in the plan."""
    listed, unlisted = listed_properties(plan), dict[str, set[str]]()
    for name, own in texts.items():
        if item := listed.get(name):
            unlisted.setdefault(item.name, set()).update({*own} - {*map(str, item.values)})
    return {name: sorted(own) for name, own in unlisted.items() if own}


def listed_properties(plan: Plan) -> dict[str, PlannedProperty]:
    """The properties that have a list of values and hold no personal data, by each of their names."""
    items = (item for item in plan.properties.values() if item.values and item.personal in (None, "none"))
    return {name: item for item in items for name in item.names}


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
