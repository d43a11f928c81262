"""The limit of what a scan spends on a call and on a file, so that no source code can keep it busy."""

import time
from collections import defaultdict

MOST_STEPS = 50_000
"""Steps for one call. The dearest call of Skyvern (191 sites in 2 974 files) takes 8 765, of Formbricks 50."""
MOST_STEPS_OF_FILE = 5 * MOST_STEPS
"""Steps for a file, so that a thousand bad calls cost no more than five. Skyvern's dearest file takes 27 000."""
SECONDS_OF_FILE = 10
"""Steps are slow over large values and on a busy machine: then the clock ends a file. Usual ones take milliseconds."""
STEPS_PER_LOOK = 1024
"""Steps between two looks at the clock, which costs as much as a step."""


class StepBudget:
    """Counts the steps that are taken for a call.

    Attributes:
        too_complex: file and line of each call that took all of its steps: its events are not all known.
    """

    def __init__(self) -> None:
        self.too_complex: dict[tuple[str, int], None] = {}
        self._steps_of_file: dict[str, int] = defaultdict(int)
        self._seconds_of_file: dict[str, float] = defaultdict(float)
        self._place = ("", 0)
        self._steps, self._most = 0, MOST_STEPS
        self._began = time.monotonic()
        self._ends = self._began + SECONDS_OF_FILE

    def begin(self, file: str, line: int) -> None:
        """Charge the steps from now on to the call at this place."""
        now, before = time.monotonic(), self._place[0]
        self._steps_of_file[before] += self._steps
        self._seconds_of_file[before] += now - self._began
        self._place, self._steps, self._began = (file, line), 0, now
        self._most = min(MOST_STEPS, MOST_STEPS_OF_FILE - self._steps_of_file[file])
        self._ends = now + SECONDS_OF_FILE - self._seconds_of_file[file]

    def spend(self) -> bool:
        """Take a step; False where the call may take no more."""
        self._steps += 1
        if self._steps % STEPS_PER_LOOK == 0 and time.monotonic() > self._ends:
            self._most = 0
        if self._steps <= self._most:
            return True
        self.too_complex[self._place] = None
        return False
