"""Personal data in the values of properties: a sample is looked at, counted and forgotten."""

from collections.abc import Iterator, Mapping

from usertrack.core.words import plural
from usertrack.coverage.arrivals import require_all
from usertrack.engine.runner import Runner
from usertrack.plan.finding import Finding
from usertrack.plan.lint.personal import personal_values
from usertrack.plan.model import Personal, Plan
from usertrack.plan.rules import PERSONAL_VALUE

Sampled = Mapping[str, Mapping[Personal, int]]
"""By property, how many of its sampled values hold each class of personal data."""


def ask_personal_values(runner: Runner, days: int) -> Sampled:
    """A sample of each property's texts in the last ``days``; no value leaves this function."""
    table = runner.table(runner.bind("posthog/arrival_values", {"days": days}))
    require_all(table)
    sampled = {row["property"]: personal_values(row["property"], row["texts"]) for row in table.dicts()}
    return {name: counts for name, counts in sampled.items() if counts}


def value_findings(plan: Plan, sampled: Sampled) -> Iterator[Finding]:
    """A finding for each class of personal data that a property holds and the plan does not declare."""
    names = {alias: item for item in plan.properties.values() for alias in (item.name, *item.aliases)}
    for name, counts in sampled.items():
        planned = names.get(name)
        for kind, count in counts.items():
            if planned is None or planned.personal in (None, "none"):
                message = f"{plural(count, 'sampled value')} of `{name}` look like personal data ({kind})"
                line = planned.line if planned else 1
                instead = f"`personal: {kind}`, or an id that means nothing elsewhere"
                yield Finding(PERSONAL_VALUE, f"properties.{name}", message, plan.path.as_posix(), line, instead)
