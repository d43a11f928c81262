"""Values as text for people, the same in the terminal, in Markdown and in HTML. All texts are made `visible`."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from usertrack.core.document import Change, Field, Heatmap, Kind, Link, Listing, Section
from usertrack.core.table import Column, Row
from usertrack.core.words import number, plural
from usertrack.render import charts, palette, safe, text
from usertrack.render.safe import visible

MISSING = "·"
SAMPLE = 5_000  # rows that widths, decimals and full bars are taken from
_NUMERIC = ("number", "percent", "bar")
_PEOPLE = frozenset(
    {"email", "person", "person_id", "account_id", "distinct_id"}
)  # a list with such a column is of people


@dataclass(frozen=True)
class Clock:
    """The reader's timezone, and the moment that relative times such as ``2 d ago`` start from.

    In an ``absolute`` one there are none.
    """

    timezone: str = "UTC"
    as_of: datetime | None = None
    absolute: bool = False

    def local(self, moment: datetime) -> datetime:
        zone = UTC if self.timezone == "UTC" else ZoneInfo(self.timezone)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(zone)

    def exact(self, moment: datetime) -> str:
        local = self.local(moment)
        return f"{local:%Y-%m-%d %H:%M:%S}" if local.second else f"{local:%Y-%m-%d %H:%M}"

    def day(self, day: date) -> str:
        """``4 Sep``, with the year when it is not that of ``as_of``."""
        current = self.as_of is not None and self.local(self.as_of).year == day.year
        return f"{day.day} {day:%b}" if current else f"{day.day} {day:%b %Y}"

    def when(self, value: date) -> str:
        if not isinstance(value, datetime):
            return self.day(value)
        ago = self.local(self.as_of) - self.local(value) if self.as_of else timedelta(days=-1)
        if self.absolute:
            today = self.as_of is not None and self.local(self.as_of).date() == self.local(value).date()
            return self.day(self.local(value)) + f"{self.local(value): %H:%M}" * today
        if timedelta() <= ago < timedelta(hours=1):
            return f"{ago.seconds // 60} min ago" if ago.seconds >= 60 else "just now"
        if timedelta() <= ago < timedelta(days=7):
            return f"{ago.days} d ago" if ago.days else f"{ago.seconds // 3600} h ago"
        return self.day(self.local(value))


@dataclass(frozen=True)
class Cell:
    """``text`` is what people read; ``bar`` is the share of a full bar, 0 … 1; ``spark`` are the drawn values.

    ``tone`` is the name of its colour in the `palette`. ``url`` is where the text leads, empty for nowhere; the page
    knows where a ``person`` and a ``segment`` lead. ``moment`` is a time in ISO 8601, and ``exact`` the same in words.
    """

    text: str
    known: bool = True
    bar: float | None = None
    tone: str = ""
    spark: Sequence[float | None] = ()
    url: str = ""
    person: str = ""
    segment: str = ""
    moment: str = ""
    exact: str = ""


@dataclass(frozen=True)
class View:
    """One visible column of a listing; ``name`` is the table's, and ``at`` its position in a row."""

    name: str
    label: str
    kind: Kind
    right: bool
    grows: bool
    at: int
    show: Callable[[Any], Cell]
    spare: bool = False
    lines: int = 8

    @property
    def wraps(self) -> bool:
        return self.kind in ("text", "list", "tag", "person") and not self.right

    def cell(self, row: Row) -> Cell:
        value = row[self.at]
        unknown = value is None or (isinstance(value, float) and math.isnan(value))
        return Cell(MISSING, known=False) if unknown else self.show(value)


def views(listing: Listing) -> list[View]:
    """The visible columns of ``listing``, in order."""
    table = listing.table
    sample = list(islice(table.rows, SAMPLE))
    # a list of people is passed on, and read on another day
    of_people = not _PEOPLE.isdisjoint(table.names) or any(field.kind == "person" for field in listing.fields.values())
    clock = Clock(table.timezone, table.as_of, of_people)
    return [_view(table.columns[at], at, _field_at(listing, at), sample, clock) for at in _positions(listing)]


def _positions(listing: Listing) -> list[int]:
    """Positions of the visible columns: a query may give two columns the same name."""
    names = listing.table.names
    if listing.columns:
        return [names.index(name) for name in listing.columns]
    return [at for at in range(len(names)) if not _field_at(listing, at).hidden]


def _field_at(listing: Listing, at: int) -> Field:
    return listing.fields.get(listing.table.names[at], Field())


def rows(listing: Listing, limit: int | None) -> tuple[Iterator[Row], int]:
    """The rows to show, and how many are left out. ``limit`` is the user's, if there is one."""
    total = len(listing.table.rows)
    count = _seen(total, listing.limit, limit)
    return (iter(listing.table.rows) if count == total else islice(listing.table.rows, count)), total - count


def heatmap(block: Heatmap, limit: int | None, *, takes_options: bool = True) -> tuple[Heatmap, str]:
    """The heatmap with the rows to show, and the line under it: how many are left out."""
    count = _seen(len(block.rows), block.limit, limit)
    left_out = len(block.rows) - count
    if not left_out:
        return block, ""
    visible_rows = slice(left_out, None) if block.latest else slice(count)
    more = _more(left_out, takes_options=takes_options)
    more = more.replace(" more", " earlier", 1) if block.latest else more
    return replace(block, rows=block.rows[visible_rows], values=block.values[visible_rows]), more


def _seen(total: int, own: int | None, limit: int | None) -> int:
    at_most = 0 if own is None else own if limit is None else limit
    return min(at_most, total) if at_most else total


def _more(left_out: int, *, takes_options: bool) -> str:
    return f"{number(left_out)} more{' · `--limit 0` shows all' * takes_options}"


def rest(listing: Listing, left_out: int, *, takes_options: bool = True) -> str:
    """The line under a listing: how many rows are left out, and what to do next, where its reader can."""
    count = _more(left_out, takes_options=takes_options) if left_out else ""
    return visible(" · ".join(part for part in (count, listing.more) if part))


def few_origins(section: Section) -> str:
    """``from QUERY, QUERY and 8 more queries``."""
    names = queries(section)
    more = f" and {plural(len(names) - 2, 'more query', 'more queries')}" if len(names) > 2 else ""
    return f"from {', '.join(names[:2])}{more}" if names else ""


def queries(section: Section) -> list[str]:
    """The queries that the figures of a section come from, each once."""
    return list(dict.fromkeys(visible(origin.query) for origin in section.origins))


def _view(column: Column, at: int, field: Field, sample: list[Row], clock: Clock) -> View:
    kind = _kind(column) if field.kind == "auto" else field.kind
    values = [row[at] for row in sample if row[at] is not None]
    right = field.align == "right" if field.align else kind in _NUMERIC
    show = _cell_maker(kind, column, field, values, clock)
    name, label = visible(column.name), visible(field.label or column.name)
    return View(name, label, kind, right, field.grows, at, show, field.spare, field.lines)


def _kind(column: Column) -> Kind:
    """The kind of a column by its type. Ids and years are text: numbers without separators."""
    if column.name.lower() in ("id", "year") or column.name.lower().endswith("_id"):
        return "text"
    if column.type.endswith("[]"):
        return "list"
    return (
        "number" if column.type in (*text.NUMBERS, "DOUBLE", "FLOAT") or column.type.startswith("DECIMAL") else "text"
    )


def _cell_maker(kind: Kind, column: Column, field: Field, values: list[Any], clock: Clock) -> Callable[[Any], Cell]:
    if kind in _NUMERIC:
        return _numeric(kind, column, field, values)
    if kind == "spark":
        return lambda value: Cell(charts.spark(value), spark=value)
    if kind == "link":
        return lambda value: Cell(visible(str(value)), url=safe.url(value.url) if isinstance(value, Link) else "")
    return partial(_NAMED.get(kind, _plain), field, clock)


def _when(_: Field, clock: Clock, value: Any) -> Cell:
    if not isinstance(value, date):
        return Cell(value_text(value, clock))
    utc = "Z" if isinstance(value, datetime) and value.tzinfo is None else ""
    exact = clock.exact(value) if isinstance(value, datetime) else f"{value}"
    return Cell(clock.when(value), moment=value.isoformat() + utc, exact=exact)


def _tag(field: Field, clock: Clock, value: Any) -> Cell:
    tag, label = field.tags.get(str(value)), value_text(value, clock)
    return Cell(label, tone=palette.of_tag(tag) or palette.of_verdict(label), segment=tag.id if tag else "")


def _change(_: Field, clock: Clock, value: Any) -> Cell:
    return Cell(value_text(value, clock), tone=palette.of_change(value.good) if isinstance(value, Change) else "")


def _person(_: Field, clock: Clock, value: Any) -> Cell:
    return Cell(value_text(value, clock), person=str(value))


def _plain(_: Field, clock: Clock, value: Any) -> Cell:
    return Cell(value_text(value, clock))


_NAMED = {"when": _when, "tag": _tag, "change": _change, "person": _person}


def _numeric(kind: Kind, column: Column, field: Field, values: list[Any]) -> Callable[[Any], Cell]:
    known = [float(value) for value in values if _is_number(value) and math.isfinite(value)]
    share = kind == "percent" or (kind == "bar" and column.type == "DOUBLE" and all(0 <= value <= 1 for value in known))
    places = _decimals([value * 100 for value in known], 1) if share else _decimals(known)
    full = field.full or max(known, default=0.0)

    def show(value: Any) -> Cell:
        if not _is_number(value):
            return Cell(visible(str(value)))
        text_of = percent(value, places) if share else number(value, places)
        filled = min(1.0, max(0.0, float(value) / full)) if kind == "bar" and full > 0 else None
        return Cell(text_of, bar=filled)

    return show


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or (hasattr(value, "as_integer_ratio") and not isinstance(value, bool))


def _decimals(values: Sequence[float], most: int | None = None) -> int:
    """Return how many decimals all cells of a column have: fewer for larger numbers, none for whole ones."""
    if most is None:
        top = max((abs(value) for value in values), default=0.0)
        most = 0 if top >= 1000 else 1 if top >= 100 else 2 if top >= 1 else 4
    needed = (places for places in range(most) if all(math.isclose(round(v, places), v, abs_tol=1e-9) for v in values))
    return next(needed, most)


def percent(share: float, places: int = 1) -> str:
    """0.123 → ``12.3 %``. A share that is not exactly 0 or 1 is never rounded to it: ``<0.1 %``."""
    digits, step = number(share * 100, places), 10**-places
    if share > 0 and float(digits.replace(" ", "")) == 0:
        return f"<{number(step, places)} %"
    if share < 1 and float(digits.replace(" ", "")) == 100:
        return f">{number(100 - step, places)} %"
    return f"{digits} %"


def fact(value: Any, clock: Clock) -> str:
    """A value on a line of its own: as `value_text`, with blanks between thousands."""
    return number(value) if isinstance(value, int) and not isinstance(value, bool) else value_text(value, clock)


def value_text(value: Any, clock: Clock) -> str:
    """Any single value as text."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value, _decimals([value]))
    if isinstance(value, datetime):
        return clock.exact(value)
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(value_text(item, clock) for item in value)
    return visible(text.json_text(value) if isinstance(value, dict) else str(value))
