"""Moments and their timezone at the edge: inside, every time is an aware UTC datetime."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from usertrack.errors import UsageError


def parse_moment(text: str, zone: str) -> datetime:
    """``text`` (ISO date or time) as UTC. A date means its end, a naive time is in ``zone``; raises UsageError."""
    try:
        if len(text) == 10:
            moment = datetime.combine(date.fromisoformat(text), time.max)
        else:
            moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"'{text}' is not a date or time", "write 2026-11-20 or 2026-11-20T09:00") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def in_zone(moment: datetime, zone: str) -> datetime:
    """A naive UTC (or aware) moment, as an aware one in ``zone``."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(ZoneInfo(zone))
