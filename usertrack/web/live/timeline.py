"""The timeline of one person: as lines, newest first, as a flow of routes, and what went wrong."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Document, Facts, Field, Flow, Paragraph, Section, Stop
from usertrack.live.signals.active import ACTIVE
from usertrack.live.signals.occurrence import Occurrence
from usertrack.web.live.words import deed, is_trouble

_STEPS, _STOPS = 6, 6  # columns of the flow, and routes in each
_REST = "other pages"
_ERRORS = 50  # kinds
_MANY = 8  # visits, from which on shares of them say something
_LONGEST_PATH = 12  # pages


@dataclass(frozen=True)
class Line:
    """One act, done ``times`` in a row from ``first`` to ``last``. ``begins``: a visit begins with it."""

    first: Occurrence
    last: Occurrence
    times: int = 1
    begins: bool = False


def lines(occurrences: Sequence[Occurrence]) -> list[Line]:
    """The newest first."""
    result: list[Line] = []
    session = ""
    for occurrence in sorted(occurrences):
        begins = bool(occurrence.session) and occurrence.session != session
        session = occurrence.session or session
        before = result[-1] if result else None
        if before and not begins and _thing(before.last) == _thing(occurrence):
            result[-1] = replace(before, last=occurrence, times=before.times + 1)
        else:
            result.append(Line(occurrence, occurrence, 1, begins))
    return result[::-1]


def _thing(occurrence: Occurrence) -> tuple[object, ...]:
    return occurrence.name, occurrence.route, occurrence.properties.get("message"), occurrence.properties.get("field")


@dataclass(frozen=True)
class Visit:
    """``path`` are its routes in order; seconds since 1970."""

    began: float
    ended: float
    path: Sequence[str]


def visits(occurrences: Iterable[Occurrence]) -> list[Visit]:
    """Return the visits with a page, oldest first."""
    sessions = [list(session) for _, session in groupby(sorted(occurrences), key=lambda occurrence: occurrence.session)]
    paths = [
        [route for route, _ in groupby(occurrence.route for occurrence in session if occurrence.route)]
        for session in sessions
    ]
    return [Visit(session[0].at, session[-1].at, path) for session, path in zip(sessions, paths, strict=True) if path]


def flow(ended: Iterable[Visit]) -> Flow | None:
    """The routes of visits that have ended, or None where nobody got from one page to another."""
    paths = [visit.path[:_STEPS] for visit in ended]
    if not any(len(path) > 1 for path in paths):
        return None
    columns, places = [], []
    for step in range(max(map(len, paths))):
        counts = Counter(path[step] for path in paths if len(path) > step)
        names = [name for name, _ in counts.most_common(_STOPS)]
        place = {name: names.index(name) if name in names else len(names) for name in counts}
        left = Counter(place[path[step]] for path in paths if len(path) == step + 1)
        values = Counter(place[path[step]] for path in paths if len(path) > step)
        shown = [*names, *([_REST] if len(names) < len(counts) else [])]
        columns.append([Stop(name, values[at], left[at], name == _REST) for at, name in enumerate(shown)])
        places.append(place)
    links = Counter(
        (step, places[step][path[step]], places[step + 1][path[step + 1]])
        for path in paths
        for step in range(len(path) - 1)
    )
    caption = "page by page, each visit from its beginning; the hatched end: there the visit ended"
    return Flow(
        "The way through the pages", columns, [(*link, count) for link, count in links.items()], "visits", caption
    )


@dataclass(frozen=True)
class Trouble:
    """A failure on one page, ``times`` in the same way from ``first_at`` to ``last_at`` (seconds since 1970)."""

    words: str
    route: str
    times: int
    first_at: float
    last_at: float


def troubles(occurrences: Iterable[Occurrence]) -> list[Trouble]:
    """The latest first, with their real messages."""
    kinds: dict[tuple[str, str], list[float]] = {}
    for occurrence in filter(is_trouble, occurrences):
        kinds.setdefault((str(occurrence.properties.get("message") or deed(occurrence)), occurrence.route), []).append(
            occurrence.at
        )
    kinds_met = [Trouble(*kind, len(times), min(times), max(times)) for kind, times in kinds.items()]
    return sorted(kinds_met, key=lambda trouble: -trouble.last_at)


def _way(occurrences: Sequence[Occurrence], now: float, timezone: str) -> tuple[Block, ...]:
    """Each visit as a line where there are few; of many a flow, without the one that goes on."""
    known = visits(occurrences)
    ended = [visit for visit in known if now - visit.ended >= ACTIVE.total_seconds()]
    way = flow(ended) if len(ended) >= _MANY else None
    if way:
        return (way,)
    zone = ZoneInfo(timezone)
    return (Facts(tuple((_began(visit, zone), _steps(visit.path)) for visit in known[::-1][:_MANY])),) if known else ()


def _began(visit: Visit, zone: ZoneInfo) -> str:
    at = datetime.fromtimestamp(visit.began, zone)
    return f"{at:%a} {at.day} {at:%b %H:%M}"


def _steps(path: Sequence[str]) -> str:
    return " → ".join((*path[:_LONGEST_PATH], *(["…"] if len(path) > _LONGEST_PATH else [])))


def person_document(occurrences: Sequence[Occurrence], now: datetime, timezone: str) -> Document:
    """The way through the pages, and what went wrong."""
    columns: Columns[Trouble] = Columns(
        Attribute("last_at", "TIMESTAMP", lambda trouble: _moment(trouble.last_at), Field("Last", "when")),
        Attribute("what", "VARCHAR", "words", Field("What", "text", grows=True, lines=4)),
        Attribute("page", "VARCHAR", "route", Field("Page", "text")),
        Attribute("times", "BIGINT", field=Field("Times", "number")),
        Attribute(
            "first_at", "TIMESTAMP", lambda trouble: _moment(trouble.first_at), Field("First", "when", spare=True)
        ),
    )
    way, wrong = _way(occurrences, now.timestamp(), timezone), troubles(occurrences)
    as_of = _moment(max((occurrence.at for occurrence in occurrences), default=0.0))
    nothing = Paragraph("Nothing, as far as events tell.", "dim")
    log: Block = columns.listing(wrong, timezone=timezone, as_of=as_of, limit=_ERRORS) if wrong else nothing
    blocks: list[Block] = [Section("What went wrong", (log,))]
    return Document("", blocks=(*([Section("Their way", way)] if way else []), *blocks), timezone=timezone)


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
