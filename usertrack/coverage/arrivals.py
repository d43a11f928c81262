"""The events that arrived in the last days, with their properties and the libraries that sent them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from usertrack.core.errors import Unknown, UsertrackError
from usertrack.core.period import as_utc
from usertrack.core.table import NamedRow, Table
from usertrack.engine.runner import Runner


@dataclass(frozen=True)
class SentBy:
    """The number of events from a version of an SDK (``$lib``, ``$lib_version``; empty where it does not say)."""

    library: str
    version: str
    events: int


@dataclass(frozen=True)
class PropertyPresence:
    """The ``holders`` of a property among ``total`` events, persons or groups."""

    holders: int = 0
    total: int = 0

    @property
    def rate(self) -> float | None:
        """From 0 to 1; None where there is nothing that could have it."""
        return self.holders / self.total if self.total else None


@dataclass(frozen=True)
class Arrival:
    """One event. ``events`` are those of the window, ``first_at`` and ``last_at`` (UTC) are of all time.

    ``days`` has a count for each day of the window, the oldest first. ``total`` is the events since the release that
    brought the event; the ``properties`` are of these.
    """

    name: str
    events: int
    first_at: datetime
    last_at: datetime
    days: Sequence[int] = ()
    sent_by: Sequence[SentBy] = ()
    total: int = 0
    properties: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Arrivals:
    """All events that ever arrived, by name; the window is the ``days`` up to ``as_of`` (UTC).

    ``persons`` are by property, ``groups`` by type of group and property. A property that no person has is in
    ``persons`` where it was asked for.
    """

    events: Mapping[str, Arrival]
    days: int
    as_of: datetime
    persons: Mapping[str, PropertyPresence] = field(default_factory=dict)
    groups: Mapping[tuple[str, str], PropertyPresence] = field(default_factory=dict)
    timezone: str = "UTC"
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Releases:
    """The parts of a plan that queries need: when what was released, and what an alias of a property means."""

    events: Mapping[str, datetime] = field(default_factory=dict)
    persons: Mapping[str, datetime] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    person_aliases: Mapping[str, str] = field(default_factory=dict)
    group_aliases: Mapping[str, str] = field(default_factory=dict)


LONG_AGO = datetime(1970, 1, 1)
"""Before every release: all of the window counts."""


def ask_arrivals(runner: Runner, days: int, releases: Releases) -> Arrivals:
    """The events of the last ``days``; raises the error of the source, and Unknown for an answer that is cut."""
    values = {
        "arrivals": {},
        "arrival_days": {},
        "arrival_libraries": {},
        "arrival_properties": _release_values(releases.events) | _alias_values(releases.aliases),
        "arrival_person_properties": _release_values(releases.persons) | _alias_values(releases.person_aliases),
        "arrival_group_properties": _alias_values(releases.group_aliases),
    }
    statements = [runner.bind(f"posthog/{name}", {"days": days, **own}) for name, own in values.items()]
    rows: dict[str, _Rows] = {}
    notes: list[str] = []
    for name, answer in zip(values, runner.run(statements), strict=True):
        if isinstance(answer, UsertrackError):
            raise answer
        require_all(answer)
        rows[name] = answer.dicts()
        notes += answer.notes
    by_day, by_library, by_property = (
        _by_event(rows[name]) for name in ("arrival_days", "arrival_libraries", "arrival_properties")
    )
    return Arrivals(
        events={
            row["event"]: Arrival(
                name=row["event"],
                events=row["events"],
                first_at=row["first_at"],
                last_at=row["last_at"],
                days=_line(by_day[row["event"]], days),
                sent_by=[SentBy(sdk["library"], sdk["version"], sdk["events"]) for sdk in by_library[row["event"]]],
                total=max((carried["total"] for carried in by_property[row["event"]]), default=0),
                properties={
                    carried["property"]: carried["events"]
                    for carried in by_property[row["event"]]
                    if carried["property"]
                },
            )
            for row in rows["arrivals"]
        },
        days=days,
        as_of=runner.as_of,
        persons={
            row["property"]: PropertyPresence(row["holders"], row["total"]) for row in rows["arrival_person_properties"]
        },
        groups=_groups(rows["arrival_group_properties"]),
        timezone=runner.settings["timezone"],
        notes=tuple(dict.fromkeys(notes)),
    )


def require_all(table: Table) -> None:
    """Raise Unknown when the source had more rows: a share of some of them would be wrong."""
    if table.truncated:
        raise Unknown(f"{table.title}: there are more rows than were read", "ask for fewer days with --days")


def _release_values(moments: Mapping[str, datetime]) -> dict[str, list[str]]:
    known = moments or {"": LONG_AGO}
    texts = [as_utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ") for moment in known.values()]
    return {"releases": list(known), "release_times": texts}


def _alias_values(aliases: Mapping[str, str]) -> dict[str, list[str]]:
    known = aliases or {"": ""}
    return {"aliases": list(known), "alias_of": list(known.values())}


_Rows = Sequence[NamedRow]


def _by_event(rows: Iterable[NamedRow]) -> defaultdict[str, list[NamedRow]]:
    grouped: defaultdict[str, list[NamedRow]] = defaultdict(list)
    for row in rows:
        grouped[row["event"]].append(row)
    return grouped


def _line(rows: _Rows, days: int) -> tuple[int, ...]:
    """Counts by day, the oldest first. Of the day on which the window begins only a part is in it: it is left out."""
    counts = {row["age"]: row["events"] for row in rows}
    return tuple(counts.get(age, 0) for age in range(days - 1, -1, -1))


def _groups(rows: _Rows) -> dict[tuple[str, str], PropertyPresence]:
    totals = {row["kind"]: row["holders"] for row in rows if not row["property"]}
    return {
        (row["kind"], row["property"]): PropertyPresence(row["holders"], totals.get(row["kind"], 0)) for row in rows
    }
