"""Holds events against the tracking plan: what is not as it says is counted and told once, or raised."""

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usertrack.core.errors import UsertrackError

if TYPE_CHECKING:
    from usertrack.plan.conform import Check, Violation
    from usertrack.plan.model import Plan

LOG = logging.getLogger("usertrack.track")
_KINDS = 1_000  # of violations that are told apart: a name may hold an id


class NotAsPlanned(UsertrackError):  # noqa: N818 - reads as a sentence
    """An event is not as the plan says, and the plan or ``configure`` enforces it."""

    exit_code = 5
    code = "not_as_planned"


class Watch:
    """The violations of one plan by events of this process; none without a plan."""

    def __init__(self, plan: "Plan | Path | None", *, enforce: bool | None) -> None:
        self._plan = plan
        self._enforce = enforce
        self._check: Check | None = None
        self._lock = threading.Lock()
        self.violations: Counter[Violation] = Counter()

    def check(self, event: str, properties: Mapping[str, Any]) -> None:
        """Count and tell what is not as the plan says. Raises NotAsPlanned where the plan is enforced."""
        if self._plan is None:
            return
        with self._lock:
            if self._check is None:
                self._check = self._open(self._plan)
        violations = self._check(event, properties)
        for violation in violations:
            self._report(violation)
        if violations and self._enforce:
            raise NotAsPlanned("; ".join(map(str, violations)), "change the call, or the tracking plan")

    def _open(self, plan: "Plan | Path") -> "Check":
        """The compiled plan. One that cannot be read is told, and stops no event unless it is to be enforced."""
        from usertrack.plan.conform import conformance

        try:
            plan = _read(plan)
        except UsertrackError as error:
            if self._enforce:
                raise
            LOG.error("events are not held against the plan: %s", error.message)
            return lambda event, properties: ()
        if self._enforce is None:
            self._enforce = plan.enforce
        return conformance(plan)

    def _report(self, violation: "Violation") -> None:
        with self._lock:
            if violation not in self.violations and len(self.violations) >= _KINDS:
                return
            self.violations[violation] += 1
            if self.violations[violation] > 1:
                return
        if not self._enforce:
            LOG.warning("%s; it is sent all the same", violation)


def _read(plan: "Plan | Path") -> "Plan":
    if not isinstance(plan, Path):
        return plan
    from usertrack.plan.read import read_plan

    return read_plan(plan)
