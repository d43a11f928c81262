"""Reads a tracking plan for `usertrack_track`, which looks for this function among entry points."""

from pathlib import Path

from usertrack.plan.conform import Check, conformance
from usertrack.plan.read import read_plan


def read_checks(path: Path) -> tuple[Check, bool]:
    """The check of events that the plan in ``path`` makes, and whether it is to be enforced. Raises UsageError."""
    plan = read_plan(path)
    return conformance(plan), plan.enforce
