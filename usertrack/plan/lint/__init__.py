"""Checks a tracking plan by itself, without code and data. Each rule is held by one finding per place."""

from collections.abc import Collection
from pathlib import Path

from usertrack.plan.finding import Place, PlanFinding, Rule, in_order
from usertrack.plan.lint import complete, meaning, naming, personal
from usertrack.plan.model import Plan

RULES: tuple[Rule, ...] = (*naming.RULES, *meaning.RULES, *complete.RULES, *personal.RULES)


def lint_plan(plan: Plan, tags: Collection[str] = ()) -> list[PlanFinding]:
    """All findings, in the order of the file. ``tags`` are those of its repository; none where they are not known."""
    place = Place(Path(plan.path).as_posix())
    return in_order(
        [
            *naming.lint_naming(plan, place),
            *meaning.lint_meaning(plan, place),
            *complete.lint_completeness(plan, place, tags),
            *personal.lint_personal(plan, place),
        ]
    )
