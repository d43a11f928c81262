"""Times without a timezone, in a database that is not in UTC: whether they are of its own zone is a question."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from usertrack.core.source_names import POSTGRES
from usertrack.core.table import Table
from usertrack.core.words import age_words
from usertrack.library.entities import EntityKind
from usertrack.library.library import Statement

_PATIENCE = 5.0  # seconds for a look at the newest row, which of a large table without an index takes minutes
_AHEAD = timedelta(minutes=5)  # by which clocks may differ
_NAIVE = "timestamp without time zone"


@dataclass(frozen=True)
class Doubt:
    """Columns of an entity without a timezone, where the database is in ``zone``; ``newest`` is read as UTC."""

    columns: Sequence[str]
    zone: str
    newest: datetime | None
    now: datetime

    @property
    def in_zone(self) -> datetime | None:
        """The newest time, read as one of the database's zone."""
        return self.newest and self.newest.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC).replace(tzinfo=None)

    @property
    def is_settled(self) -> bool:
        """Whether the newest row would be in the future, read as UTC, and is not, read as of the database's zone."""
        latest = self.now + _AHEAD
        return bool(self.newest and self.in_zone and self.newest > latest >= self.in_zone)

    @property
    def text(self) -> str:
        has = "has" if len(self.columns) == 1 else "have"
        text = f"{' and '.join(self.columns)} {has} no timezone, and the database is in {self.zone}"
        if not self.newest or not self.in_zone:
            return text
        ages = f"{_age(self.now - self.newest)}, read as UTC, or {_age(self.now - self.in_zone)}, read as {self.zone}"
        return f"{text}: the newest is {ages}"


def _age(age: timedelta) -> str:
    return f"{age_words(abs(age))} {'ago' if age >= timedelta(0) else 'in the future'}"


def newest_asked(kind: EntityKind, sql: str, columns: Iterable[str]) -> Statement | None:
    """The types and newest values of the times of an entity whose SELECT is ``sql``; None where it has no times."""
    mapped = set(columns)
    times = [column.name for column in kind.columns if column.type == "time" and column.name in mapped]
    parts = ", ".join(f"pg_typeof(max(t.{name}))::text AS {name}_type, max(t.{name}) AS {name}" for name in times)
    text = (
        "SELECT (SELECT reset_val FROM pg_settings WHERE name = 'TimeZone') AS zone, now() AS now, "
        f"{parts} FROM (\n{sql}\n) AS t"
    )
    return Statement(POSTGRES, text, name=f"times of {kind.name}", limit=1, seconds=_PATIENCE) if times else None


def doubt(answer: object) -> Doubt | None:
    """Return what is doubtful by the answer to `newest_asked`; None where nothing is, or nothing was answered."""
    if not isinstance(answer, Table):
        return None
    row = dict(zip(answer.names, answer.rows[0], strict=True))
    naive = [name for name in answer.names if row.get(f"{name}_type") == _NAIVE]
    if not naive or _is_utc(row["zone"]):
        return None
    return Doubt(naive, row["zone"], max((row[name] for name in naive if row[name]), default=None), row["now"])


def _is_utc(zone: str) -> bool:
    try:
        offsets = {datetime(2026, month, 1, tzinfo=ZoneInfo(zone)).utcoffset() for month in (1, 7)}
    except (ValueError, OSError, LookupError):  # PostgreSQL knows spellings such as <-05>+05, Python does not
        return True
    return offsets == {timedelta(0)}
