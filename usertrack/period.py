"""Moments and their timezone at the edge: inside, every time is an aware UTC datetime."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from usertrack.errors import UsageError


def parse_moment(text: str, zone: str) -> datetime:
    """``text`` (ISO date or time) as UTC. A date means its end, a naive time is in ``zone``; raises UsageError."""
    try:
        return _local(text, ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"'{text}' is not a date or time", "write 2026-11-20 or 2026-11-20T09:00") from error


def span(text: str, zone: str) -> tuple[datetime, datetime]:
    """The first and the last moment of what ``text`` says, as UTC: of a date its day, of a time itself twice."""
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

    The end of a day may be given as its last second, and is the start of the next.
    """
    day = in_zone(moment + timedelta(seconds=1), zone).date() - timedelta(days=back)
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC)


def in_zone(moment: datetime, zone: str) -> datetime:
    """A naive UTC (or aware) moment, as an aware one in ``zone``."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(ZoneInfo(zone))


def known_zone(name: Any) -> str:
    """``name``, if it is a timezone that this machine knows, else UTC."""
    try:
        return ZoneInfo(name).key
    except (TypeError, ValueError, OSError, LookupError):
        return "UTC"
