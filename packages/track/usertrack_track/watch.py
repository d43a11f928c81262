"""Holds events against the tracking plan: what is not as it says is counted and told once, or raised."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Union, cast

from usertrack_track.exceptions import NotAsPlanned, UsageError

LOG = logging.getLogger("usertrack_track")
_KINDS = 1_000  # of violations that are told apart: a name may hold an id

Check = Callable[[str, Mapping[str, object]], Sequence[Hashable]]
"""A function of an event's name and properties that returns its violations, which read as texts."""
Plan = Union[Check, Path]

READERS = "usertrack_track.plan_readers"
"""The entry points of packages that read a plan's file, so that this one needs none of them: usertrack has one.

A reader takes the path, and returns the check and whether the plan says that it is to be enforced.
"""


class Watch:
    """The violations of one plan by events of this process; none without a plan."""

    def __init__(self, plan: Plan | None, *, enforce: bool | None) -> None:
        self._plan = plan
        self._enforce = enforce
        self._check: Check | None = None
        self._lock = threading.Lock()
        self.violations: Counter[Hashable] = Counter()

    def check(self, event: str, properties: Mapping[str, object]) -> None:
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

    def _open(self, plan: Plan) -> Check:
        """The compiled plan. One that cannot be read is told, and stops no event unless it is to be enforced."""
        if not isinstance(plan, Path):
            return plan
        try:
            check, enforced = _reader()(plan)
        except Exception as error:  # of the reader's own classes
            if self._enforce:
                raise
            LOG.error("events are not held against the plan: %s", error)
            return lambda event, properties: ()
        if self._enforce is None:
            self._enforce = enforced
        return check

    def _report(self, violation: Hashable) -> None:
        with self._lock:
            if violation not in self.violations and len(self.violations) >= _KINDS:
                return
            self.violations[violation] += 1
            if self.violations[violation] > 1:
                return
        if not self._enforce:
            LOG.warning("%s; it is sent all the same", violation)


def _reader() -> Callable[[Path], tuple[Check, bool]]:
    points = entry_points()
    # Python 3.9 has a dict of them, and no `select`
    readers = points.select(group=READERS) if hasattr(points, "select") else points.get(READERS, ())
    for reader in readers:
        return cast("Callable[[Path], tuple[Check, bool]]", reader.load())
    raise UsageError(
        "usertrack, which reads tracking plans, is not installed beside usertrack_track",
        "install it in this environment, or hand over a function as `plan` that checks events",
    )
