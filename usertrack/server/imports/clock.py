"""What a clock on the wall of a timezone showed, as a moment: as PEP 495 reads it with fold=0.

Of an hour that came twice that is the first. An hour that was skipped counts on from the time before it, so that
02:30 on the night when 02:00 became 03:00 is the moment that the changed clock calls 03:30.
"""

from dataclasses import dataclass

from usertrack.server.hogql.sql import quote


@dataclass(frozen=True)
class WallClock:
    """``shown`` is SQL of the time on the wall, as if it were UTC (Nullable(DateTime64(6))); the rest is SQL of it."""

    text: str
    zone: str

    @property
    def moment(self) -> str:
        return f"if(NOT ({self._as_before}) AND {self._as_after}, {self._by(self._after)}, {self._by(self._before)})"

    @property
    def skipped(self) -> str:
        return f"NOT ({self._as_before}) AND NOT ({self._as_after})"

    @property
    def twice(self) -> str:
        return f"{self._as_before} AND {self._as_after} AND {self._before} != {self._after}"

    @property
    def _before(self) -> str:
        """The zone's offset in seconds before a change that is near; no zone changes its clocks twice in two days."""
        return self._offset(f"{self.text} - INTERVAL 1 DAY")

    @property
    def _after(self) -> str:
        return self._offset(f"{self.text} + INTERVAL 1 DAY")

    @property
    def _as_before(self) -> str:
        return f"{self._offset(self._by(self._before))} = {self._before}"

    @property
    def _as_after(self) -> str:
        return f"{self._offset(self._by(self._after))} = {self._after}"

    def _by(self, offset: str) -> str:
        return f"({self.text} - toIntervalSecond({offset}))"

    def _offset(self, moment: str) -> str:
        return f"timezoneOffset(toTimeZone({moment}, {quote(self.zone)}))"
