"""Dates, moments and ISO weeks in a timezone. Inside the program every moment is an aware UTC datetime."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from usertrack.core.errors import UsageError


def parse_moment(text: str, zone: str) -> datetime:
    """``text`` (ISO date or time) as UTC. A date means its end, a naive time is in ``zone``.

    Raises UsageError, also for years that a source cannot count in: ClickHouse's times reach from 1900 to 2299.
    """
    try:
        moment = _local(text, ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"'{text}' is not a date or time", "write 2026-11-20 or 2026-11-20T09:00") from error
    if not _FIRST_YEAR < moment.year < _LAST_YEAR:
        raise UsageError(f"'{text}' is out of reach", f"times lie between {_FIRST_YEAR} and {_LAST_YEAR}")
    return moment


def after(moment: datetime) -> datetime:
    """The exclusive end of a range up to ``moment``: after the last microsecond of a day comes the next day."""
    return moment + timedelta(microseconds=1) if moment.microsecond == 999_999 else moment


# with a year to spare, to look back in
_FIRST_YEAR, _LAST_YEAR = 1901, 2299


def span(text: str, zone: str) -> tuple[datetime, datetime]:
    """The first and the last moment of ``text``, as UTC: a date is its whole day, a time is itself twice."""
    last = parse_moment(text, zone)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return last, last
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC), last


def _local(text: str, zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.combine(date.fromisoformat(text), time.max)
    except ValueError:
        moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def midnight(moment: datetime, zone: str, *, back: int = 0) -> datetime:
    """The start of the day of ``moment`` in ``zone``, or of the day ``back`` days before it, as UTC.

    The last second of a day counts as the start of the next.
    """
    day = in_zone(moment + timedelta(seconds=1), zone).date() - timedelta(days=back)
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC)


def in_zone(moment: datetime, zone: str) -> datetime:
    """A naive UTC (or aware) moment, as an aware one in ``zone``."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(ZoneInfo(zone))


def as_utc(moment: datetime) -> datetime:
    """``moment`` in UTC; a naive one is in UTC already."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def as_stored(moment: datetime) -> datetime:
    """The aware ``moment`` as tables have it: naive and UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def known_zone(name: object) -> str:
    """``name``, if it is a timezone that this machine knows, else UTC."""
    try:
        return ZoneInfo(str(name)).key
    except (ValueError, OSError, LookupError):
        return "UTC"


@dataclass(frozen=True)
class Week:
    """An ISO week in ``zone``, Monday to Sunday. Its moments are UTC."""

    year: int
    number: int
    zone: str

    def __str__(self) -> str:
        return f"{self.year}-W{self.number:02}"

    @property
    def monday(self) -> date:
        return date.fromisocalendar(self.year, self.number, 1)

    @property
    def days(self) -> list[date]:
        return [self.monday + timedelta(days=number) for number in range(7)]

    @property
    def since(self) -> datetime:
        """Its first moment."""
        return datetime.combine(self.monday, time.min, ZoneInfo(self.zone)).astimezone(UTC)

    @property
    def until(self) -> datetime:
        """Its last moment, as `parse_moment` gives it for a date."""
        return datetime.combine(self.days[-1], time.max, ZoneInfo(self.zone)).astimezone(UTC)

    @property
    def before(self) -> "Week":
        return week_of(self.monday - timedelta(days=7), self.zone)


def week_of(day: date, zone: str) -> Week:
    return Week(*day.isocalendar()[:2], zone)


def parse_week(text: str, zone: str, now: datetime) -> Week:
    """The week ``2026-W46``; for empty text the last one over. Raises UsageError, also for the future."""
    today = in_zone(now, zone).date()
    if not text:
        return week_of(today, zone).before
    match = _WEEK.fullmatch(text)
    try:
        week = week_of(date.fromisocalendar(int(match[1]), int(match[2]), 1), zone) if match else None
        week = week if week and week.since and week.before.since else None
    except (ValueError, OverflowError):  # years that no calendar here has
        week = None
    if week is None:
        raise UsageError(
            f"'{text}' is not an ISO week", f"write {week_of(today, zone).before}, the last one that is over"
        )
    if week.since > now:
        raise UsageError(
            f"the week {week} is yet to come: it begins on {week.monday:%Y-%m-%d}",
            f"the last one that is over is {week_of(today, zone).before}",
        )
    return week


_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")


def moment(when: datetime, timezone: str) -> str:
    local = in_zone(when, timezone)
    return f"{local.day} {local:%b %Y, %H:%M} {timezone}"


def day(when: datetime, timezone: str) -> str:
    local = in_zone(when, timezone)
    return f"{local.day} {local:%b %Y}"
