"""SQL that reads a wall clock time of a timezone as a moment, like PEP 495 with fold=0.

Of an hour that comes twice it is the first. A skipped hour counts on from the time before it: 02:30 in the night when
02:00 became 03:00 is the moment that the changed clock shows as 03:30.
"""

from dataclasses import dataclass

from usertrack.server.hogql.sql import quote


@dataclass(frozen=True)
class WallClock:
    """``wall_time`` is SQL of the time as if it were UTC (Nullable(DateTime64(6))); all properties are SQL, too."""

    wall_time: str
    zone: str

    @property
    def moment(self) -> str:
        before, after = self._at_offset(self._before), self._at_offset(self._after)
        return f"if(NOT ({self._as_before}) AND {self._as_after}, {after}, {before})"

    @property
    def skipped(self) -> str:
        return f"NOT ({self._as_before}) AND NOT ({self._as_after})"

    @property
    def twice(self) -> str:
        return f"{self._as_before} AND {self._as_after} AND {self._before} != {self._after}"

    @property
    def _before(self) -> str:
        """The zone's offset in seconds one day before; no zone changes its clocks twice within two days."""
        return self._offset(f"{self.wall_time} - INTERVAL 1 DAY")

    @property
    def _after(self) -> str:
        return self._offset(f"{self.wall_time} + INTERVAL 1 DAY")

    @property
    def _as_before(self) -> str:
        return f"{self._offset(self._at_offset(self._before))} = {self._before}"

    @property
    def _as_after(self) -> str:
        return f"{self._offset(self._at_offset(self._after))} = {self._after}"

    def _at_offset(self, offset: str) -> str:
        return f"({self.wall_time} - toIntervalSecond({offset}))"

    def _offset(self, moment: str) -> str:
        return f"timezoneOffset(toTimeZone({moment}, {quote(self.zone)}))"
