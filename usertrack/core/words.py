"""Numbers, ages and sizes as text: parsing ``2h`` and ``500MB``, and formatting with blanks between thousands."""

import re
from datetime import timedelta

from usertrack.core.errors import UsageError

_AGES = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_CENTURY = 100 * 366 * 86_400  # seconds; what is so long ago is still a date
_SIZES = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_MEASURE = re.compile(r"([0-9]{1,6}) ?([a-z]+)", re.ASCII | re.IGNORECASE)


def parse_age(text: str) -> timedelta:
    """``30m``, ``2h`` or ``1d`` as a time span above 0, of a century at the most; raises UsageError."""
    seconds = _measure(text, _AGES)
    if not 0 < seconds <= _CENTURY:
        raise UsageError(f"'{text}' is not an age", "write 30m, 2h or 1d; a century at the most")
    return timedelta(seconds=seconds)


def parse_size(text: str) -> int:
    """``500MB`` or ``1GiB`` in bytes, above 0; raises UsageError."""
    if size := _measure(text, _SIZES):
        return size
    raise UsageError(f"'{text}' is not a size", "write 500MB or 2GiB")


def _measure(text: str, units: dict[str, int]) -> int:
    """The number in the smallest unit; 0 where ``text`` is not a number with one of the ``units``."""
    match = _MEASURE.fullmatch(text.strip())
    return int(match[1]) * units.get(match[2].lower(), 0) if match else 0


def age_words(age: timedelta) -> str:
    """``45 s``, ``30 min``, ``3 h``, ``2 d``: whole units, rounded down."""
    seconds = max(0, int(age.total_seconds()))
    for unit, word in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit or (seconds >= unit and word == "min"):
            return f"{seconds // unit} {word}"
    return f"{seconds} s"


def size_words(size: int) -> str:
    """``812 B``, ``4.2 MB``."""
    for unit, word in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.1f} {word}"
    return f"{size} B"


def number(value: float, places: int = 0) -> str:
    """``1 234.5``: a number with blanks between thousands."""
    text = f"{value:,}" if isinstance(value, int) and not places else f"{value:,.{places}f}"
    return text.replace(",", " ")


def signed(value: float, places: int = 0) -> str:
    """``+3``, ``−0.5``; ``0`` has no sign."""
    text = f"{value:+,.{places}f}".replace(",", " ").replace("-", "−")
    return text if any(digit in text for digit in "123456789") else text[1:]


def growth(now: float, before: float, places: int = 1) -> str:
    """The change from ``before``, which is not 0: ``+12.5 %``, ``−3.0 %``, and ``×12`` from ten times on."""
    times = now / before
    return f"×{number(round(times))}" if times >= 10 else f"{signed(100 * (times - 1), places)} %"


def shortened(text: str, most: int) -> str:
    """``text`` of that many characters at the most: a row stays a row, whatever somebody calls themselves."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def people_words(count: int) -> str:
    """``1 person``, ``1 234 people``."""
    return plural(count, "person", "people")


def plural(count: int, noun: str, many: str = "") -> str:
    """``1 day``, ``1 234 days``; ``many`` is the plural where it is not the noun with an s."""
    return f"{number(count)} {noun if count == 1 else many or f'{noun}s'}"
