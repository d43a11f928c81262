"""Journeys: which steps people take in a session, and where they leave. What is less frequent is counted as one.

Sessions and edges are those of PostHog's paths. The header of posthog/journeys says what its rows count.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, pairwise
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.table import NamedRow, Table
from usertrack.core.words import number
from usertrack.engine.runner import Runner
from usertrack.product.ask import answer
from usertrack.product.scope import GroupName, Scope, values_first

By = Literal["page", "event"]
MOST_STEPS = 20  # as many as PostHog's paths have
_PAGES = ("$pageview", "$screen")
"""The events that are pages, as in posthog/journeys."""
_MOST_ROWS = 1000
"""Of each kind: the thousandth path is not common."""
_ROWS = 40_000
"""Of all kinds and groups: PostHog gives 50 000."""

Steps = tuple[str, ...]


@dataclass(frozen=True)
class JourneysQuery:
    """``start`` and ``goal`` are steps, '' for none. ``patterns`` such as ``/blog/*`` make one page of many.

    With ``urls`` pages are full addresses, as in PostHog's own paths; with ``periods`` sessions are also counted by the
    buckets of the scope.
    """

    start: str = ""
    goal: str = ""
    steps: int = 5
    by: By = "page"
    urls: bool = False
    patterns: tuple[str, ...] = ()
    periods: bool = False

    def __post_init__(self) -> None:
        """Raises UsageError for steps, a start or a goal that make no journey."""
        if not 2 <= self.steps <= MOST_STEPS:
            raise UsageError(
                f"a journey has 2 to {MOST_STEPS} steps, not {self.steps}", "--steps 5 shows the first five"
            )
        for name in (self.start, self.goal) if self.by == "page" else ():
            if name in _PAGES:
                raise UsageError(
                    f"by page '{name}' is no step: each of them is the page that it shows",
                    "name a page such as /pricing, or add --by event",
                )
        if self.start and self.start == self.goal:
            raise UsageError(f"--from and --to are both '{self.start}'", "a journey leads from one step to another")

    @property
    def values(self) -> dict[str, object]:
        """The parameters of posthog/journeys that say what a step is, and from where to where."""
        return {"pages": self.by == "page", "start": self.start, "goal": self.goal}


@dataclass(frozen=True)
class JourneyCount:
    """A number of sessions of persons; ``stayed`` of them ended there, ``reached`` got to the goal.

    ``seconds`` is a mean: of an edge, from the first to the last step of a path, or of a session until its exit.
    ``with_rarer`` persons took this or something less frequent of its kind; ``with_rarer_of_step``: the same among the
    edges of one step.
    """

    sessions: int = 0
    persons: int = 0
    stayed: int = 0
    reached: int = 0
    seconds: float = 0.0
    with_rarer: int = 0
    with_rarer_of_step: int = 0


@dataclass(frozen=True)
class Edge:
    """From the ``step``-th step of a path to the next one; ``target`` is None after its last."""

    step: int
    source: str
    target: str | None
    count: JourneyCount


@dataclass(frozen=True)
class Move:
    """From ``source``, the ``step``-th step of a path (the first is 1), to ``target``, the next one."""

    step: int
    source: str
    target: str

    def __post_init__(self) -> None:
        """Raises UsageError for a step that no path has."""
        if not 1 <= self.step < MOST_STEPS:
            raise UsageError(f"a path has no step {self.step} with one after it", f"steps are 1 to {MOST_STEPS - 1}")


@dataclass(frozen=True)
class JourneyGroup:
    """The journeys of one value of the breakdown; ``name`` is empty without one.

    ``at[i]`` are the sessions that got to step i of their path, ``at[0]`` all. ``begins`` are by their first steps,
    ``nodes`` by number and name of a step, each the most frequent first; so are ``paths``, ``edges``, ``moves`` (edges
    that lead to another step) and ``exits``. ``periods`` are by the number of a bucket, where they were asked for.
    """

    name: GroupName
    at: tuple[JourneyCount, ...]
    begins: dict[Steps, JourneyCount]
    paths: dict[Steps, JourneyCount]
    nodes: dict[tuple[int, str], JourneyCount]
    edges: tuple[Edge, ...]
    moves: dict[Edge, JourneyCount]
    exits: dict[str, JourneyCount]
    periods: dict[int, JourneyCount]

    @property
    def total(self) -> JourneyCount:
        return self.at[0]

    @property
    def entries(self) -> dict[str, JourneyCount]:
        """By their first step."""
        return {steps[0]: count for steps, count in self.begins.items() if len(steps) == 1}

    @property
    def journeys(self) -> int:
        """The number of sessions that have a path: all, or those that got to the goal."""
        return self.at[1].sessions if len(self.at) > 1 else 0

    def completion(self, path: Steps) -> float | None:
        """The share of sessions beginning where ``path`` does that took all of it; None if that is not known."""
        begun = self.begins.get(path[:1])
        return self.paths[path].sessions / begun.sessions if begun and begun.sessions else None

    def drop_offs(self, path: Steps) -> tuple[float | None, ...]:
        """Per step of ``path`` but the last: of those who came so far the share that did not take the next one."""
        counts = [self.begins.get(path[:n]) for n in range(1, len(path) + 1)]
        return tuple(1 - later.sessions / came.sessions if came and later else None for came, later in pairwise(counts))


def sessions_beyond(total: int, parts: Iterable[JourneyCount]) -> int:
    """Return how many of the ``total`` sessions are in none of the ``parts``."""
    return total - sum(part.sessions for part in parts)


Key = TypeVar("Key")


def most_frequent(
    total: int, counts: Mapping[Key, JourneyCount], top: int | None = None
) -> tuple[dict[Key, JourneyCount], JourneyCount | None]:
    """The ``top`` most frequent, and the rest as one; None where there is no rest.

    Sessions of the rest are what is left of ``total``; its persons are ``with_rarer`` of the first in it. Where the
    query did not return all, the last one that it returned is part of the rest.
    """
    known = len(counts) - (sessions_beyond(total, counts.values()) > 0)
    frequent = dict(islice(counts.items(), known if top is None else min(top, known)))
    sessions = sessions_beyond(total, frequent.values())
    first = next(islice(counts.values(), len(frequent), None), None)
    return frequent, JourneyCount(sessions, first.with_rarer) if first else None


@dataclass(frozen=True)
class Journeys:
    """``more`` values of the breakdown are in the group of all others."""

    query: JourneysQuery
    scope: Scope
    groups: tuple[JourneyGroup, ...]
    table: Table
    more: int = 0

    @property
    def at_once(self) -> int:
        """The sessions that got to the goal with no step before it."""
        return sum(count.sessions for group in self.groups for path, count in group.paths.items() if len(path) == 1)


@dataclass(frozen=True)
class JourneyBucket:
    """The sessions that began in a bucket. ``complete``: it is over, and the window does not cut it off."""

    start: datetime
    count: JourneyCount
    complete: bool

    @property
    def reached(self) -> float | None:
        return self.count.reached / self.count.sessions if self.count.sessions else None


def periods(journeys: Journeys, group: JourneyGroup) -> list[JourneyBucket]:
    """Every bucket of the window, also those without a session; none where no periods were requested."""
    scope = journeys.scope
    return [
        JourneyBucket(
            start, group.periods.get(at, JourneyCount()), not scope.unfinished(start) and start >= scope.since
        )
        for at, start in enumerate(scope.starts if journeys.query.periods else ())
    ]


def page_of(text: str, *, urls: bool) -> str:
    """The page that a ``text`` from the command line means, as posthog/journeys names it, but for ids."""
    if not urls:
        text = urlsplit(text).path if "://" in text else re.split("[?#]", text)[0] if text.startswith("/") else text
    return text[:-1] if len(text) > 1 and text.endswith("/") else text


def ask(runner: Runner, query: JourneysQuery, scope: Scope) -> Journeys:
    """Raises UsageError for a start or a goal that nobody ever came to."""
    groups, more = _groups(runner, query, scope)
    table = _ask(runner, query, scope, groups)
    most = _most(query, scope, len(groups))
    ranked = []
    for rank, rows in _ranked(table):
        kinds: dict[str, list[tuple[int, Steps, JourneyCount]]] = {}
        for row in rows:
            counted = int(row["step"]), tuple(map(str, row["names"])), _count(row)
            kinds.setdefault(str(row["kind"]), []).append(counted)
        at = {step: count for step, _, count in kinds["step"]}
        edges = tuple(Edge(step, names[0], (*names, None)[1], count) for step, names, count in kinds.get("edge", []))
        # the groups are numbered without gaps here: a value and who has none have their place, all others the next
        has_place = rank <= len(groups)
        name = scope.group_name(1, groups[rank - 1]) if has_place else scope.group_name(scope.rank_of_others, None)
        ranked.append(
            JourneyGroup(
                name,
                tuple(at[step] for step in sorted(at)),
                {names: count for _, names, count in kinds.get("begin", [])},
                {names: count for _, names, count in kinds.get("path", [])},
                {(step, names[0]): count for step, names, count in kinds.get("node", [])},
                edges,
                # the query may stop earlier at one step: only so many are in order over all steps
                {edge: edge.count for edge in islice((edge for edge in edges if edge.target is not None), most)},
                {names[0]: count for _, names, count in kinds.get("exit", [])},
                {step: count for step, _, count in kinds.get("period", [])},
            )
        )
    journey_groups = tuple(values_first(ranked, lambda group: group.name))
    if (query.start and not journey_groups) or (
        query.goal and not any(group.total.reached for group in journey_groups)
    ):
        everything = _ask(
            runner, JourneysQuery(by=query.by, urls=query.urls, patterns=query.patterns), scope, [None]
        ).dicts()
        events = [str(row[0]) for row in runner.table(runner.bind("posthog/event_names")).rows]
        known = list(dict.fromkeys([*(str(name) for row in everything for name in row["names"]), *events]))
        for step in filter(None, (query.start, query.goal)):
            if step not in known:
                frequent = ", ".join(known[:5])
                hint = did_you_mean(
                    step, known, f"the most frequent are {frequent}" if known else "nobody took any step"
                )
                raise UsageError(f"nobody came to '{step}' in this time", hint)
    return Journeys(query, scope, journey_groups, table, more)


def _groups(runner: Runner, query: JourneysQuery, scope: Scope) -> tuple[list[str | None], int]:
    """The values with a group of their own, the most frequent first, and how many more there are."""
    if not scope.breakdown:
        return [None], 0
    table = answer(runner, "posthog/journey_groups", scope, **query.values)
    values = [None if row[0] is None else str(row[0]) for row in table.rows]
    more = int(table.dicts()[0]["group_values"]) - sum(value is not None for value in values) if values else 0
    return values or [None], more


def _ask(runner: Runner, query: JourneysQuery, scope: Scope, groups: Sequence[str | None]) -> Table:
    return answer(
        runner,
        "posthog/journeys",
        scope,
        **_values(query),
        periods=query.periods,
        most=_most(query, scope, len(groups)),
        groups=["" if value is None else f"={value}" for value in groups],
    )


def _values(query: JourneysQuery) -> dict[str, object]:
    """The parameters that say what the steps are."""
    patterns = list(query.patterns or ("",))
    return {**query.values, "urls": query.urls, "patterns": patterns, "steps": query.steps}


def travellers(runner: Runner, query: JourneysQuery, scope: Scope, move: Move) -> Table:
    """Ask who went from one step to the next, the latest first; their `sessions` are those of the edge."""
    own = {"at": move.step, "source": move.source, "target": move.target}
    return answer(runner, "posthog/journey_people", scope, **_values(query), **own)


def _most(query: JourneysQuery, scope: Scope, groups: int) -> int:
    """Limit the rows of each kind, of edges at each step; raises UsageError where periods are too many."""
    parts = groups + 1
    periods = len(scope.starts) * parts if query.periods else 0
    if periods > _ROWS // 2:
        raise UsageError(
            f"that is {number(len(scope.starts))} {scope.interval}s of {parts} groups", "choose a longer --interval"
        )
    return min(_MOST_ROWS, (_ROWS - periods) // ((5 + query.steps) * parts))


def _ranked(table: Table) -> Iterable[tuple[int, list[NamedRow]]]:
    by_rank: dict[int, list[NamedRow]] = {}
    for row in table.dicts():
        by_rank.setdefault(int(row["group_rank"]), []).append(row)
    return sorted(by_rank.items())


def _count(row: NamedRow) -> JourneyCount:
    names = ("sessions", "persons", "stayed", "reached", "with_rarer", "with_rarer_of_step")
    return JourneyCount(**{name: int(row[name]) for name in names}, seconds=float(row["seconds"]))
