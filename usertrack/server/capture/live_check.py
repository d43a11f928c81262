"""Checks events against the tracking plan when they come in: it counts, and refuses only where the plan is enforced."""

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

from usertrack.core.errors import UsageError
from usertrack.plan.conform import Violation, conformance
from usertrack.plan.read import read_plan
from usertrack.render.safe import visible
from usertrack.server.capture.payload import Event
from usertrack.server.database.violation_log import Breach, Broken, ViolationLog

_NAMED = 20  # refused events in an answer, and rules that one of them breaks
_REFUSED = 100_000  # uuids of refused events that are known when they are sent again
log = logging.getLogger(__name__)


class LiveCheck:
    """The check of events against the plan in ``path``, which is read again when the file changes.

    A changed file that is wrong is told in ``problem``, and the plan stays as it was. With ``enforce``, or where the
    plan says so, events that are not as the plan says are to be refused.
    """

    def __init__(self, path: Path, violations: ViolationLog, *, enforce: bool = False) -> None:
        """Raises ``UsageError`` when the plan cannot be read."""
        self.path = path
        self.problem: str | None = None
        self._violations = violations
        self._enforce = enforce
        self._reading = threading.Lock()
        self._counting = threading.Lock()
        self._refused: dict[str, None] = {}
        self._stamp = _stamp(path)
        self._read()

    def _read(self) -> None:
        plan = read_plan(self.path)
        self._check = conformance(plan)
        self.enforces = self._enforce or plan.enforce

    def refresh(self) -> None:
        """Read the plan again if its file has changed."""
        stamp = _stamp(self.path)
        if stamp == self._stamp:
            return
        with self._reading:
            if stamp == self._stamp:
                return
            self._stamp = stamp
            try:
                self._read()
                self.problem = None
            except UsageError as error:
                self.problem = error.message
                log.warning("the tracking plan was changed and cannot be read: the former one holds")

    def record(self, events: Sequence[Event], now: datetime) -> None:
        """Check and count events that were stored at ``now``."""
        broken = ((event, violations) for event in events if (violations := self._violations_of(event)))
        self._count(len(events), broken, now)

    def divide(self, events: Sequence[Event], now: datetime) -> tuple[list[Event], Mapping[str, Sequence[Violation]]]:
        """Return the ``events`` to store, and the violations of those that the plan refuses, by uuid.

        The refused are counted, each once: the last ones are known by their uuids. The others are, once stored.
        """
        checked = [(event, self._violations_of(event)) for event in events]
        refused = {event.uuid: (event, violations) for event, violations in checked if violations}
        with self._counting:
            new = [uuid for uuid in refused if uuid not in self._refused]
            self._refused.update(dict.fromkeys(new))
            for uuid in list(islice(self._refused, max(0, len(self._refused) - _REFUSED))):
                del self._refused[uuid]
        if new:
            self._count(len(new), [refused[uuid] for uuid in new], now)
        accepted = [event for event, violations in checked if not violations]
        return accepted, {uuid: violations for uuid, (_, violations) in refused.items()}

    def _violations_of(self, event: Event) -> tuple[Violation, ...]:
        try:
            return self._check(event.event, event.properties)
        except Exception:  # whatever a stranger sent, it must not stop events
            log.exception("an event could not be checked")
            return ()

    def _count(self, checked: int, broken: Iterable[tuple[Event, tuple[Violation, ...]]], now: datetime) -> None:
        breaches: dict[Breach, Broken] = {}
        for event, violations in broken:
            library, version = event.properties.get("$lib"), event.properties.get("$lib_version")
            breach = Breach(
                event.event,
                library if isinstance(library, str) else "",
                version if isinstance(version, str) else "",
                violations,
            )
            if same := breaches.get(breach):
                same.count += 1
            else:
                breaches[breach] = Broken(event.uuid, event.properties)
        self._violations.add(checked, breaches, now)


def described(violations: Sequence[Violation]) -> str:
    """Rules and properties on one line: ``wrong-type: rows, absent-property: team_slug``."""
    broken = [
        visible(f"{violation.rule}: {violation.property}" if violation.property else violation.rule)
        for violation in violations
    ]
    return ", ".join(_first(broken))


def refusal(refused: Mapping[str, Sequence[Violation]]) -> str:
    """The events that an enforced plan refuses, and why, on one line."""
    events = [f"{visible(broken[0].event)} ({uuid}): {described(broken)}" for uuid, broken in refused.items()]
    return f"refused by the tracking plan: {'; '.join(_first(events))}"


def _first(texts: list[str]) -> list[str]:
    more = len(texts) - _NAMED
    return [*texts[:_NAMED], f"and {more} more"] if more > 0 else texts


def _stamp(path: Path) -> tuple[int, ...]:
    """Return a stamp that changes with the file."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_size, status.st_ino
