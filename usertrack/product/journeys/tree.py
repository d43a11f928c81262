"""The tree of how sessions go on. The sessions of a row are those of its branches, of who left, and of the rest."""

from collections.abc import Iterator
from dataclasses import dataclass

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Field, Listing
from usertrack.core.words import number
from usertrack.product.journeys.numbers import JourneyCount, JourneyGroup, Journeys, Steps, sessions_beyond

_LINES, _BRANCHES = 24, 6  # in all, and below one
_RARE = 500  # one in so many sessions is worth a line
_NAME = 48
REST = "(all others)"
# before a branch, and before what is below it; the blanks do not break, not even in HTML
_NEXT, _LAST = ("├─\u00a0", "│\u00a0\u00a0"), ("└─\u00a0", "\u00a0\u00a0\u00a0")


@dataclass(frozen=True)
class TreeLine:
    """``guides`` is drawn before the name; ``count`` is None for the rest."""

    guides: str
    name: str
    sessions: int
    count: JourneyCount | None

    @property
    def left(self) -> float | None:
        """The share of its sessions that ended there."""
        return self.count.stayed / self.sessions if self.count and self.sessions else None

    @property
    def reached(self) -> float | None:
        """The share of its sessions that got to the goal."""
        return self.count.reached / self.sessions if self.count and self.sessions else None


def tree(journeys: Journeys, group: JourneyGroup) -> Listing:
    """The most frequent beginnings of sessions, with the shares that left there and that got to the goal."""
    query, total = journeys.query, group.total.sessions
    columns: Columns[TreeLine] = Columns(
        Attribute("sessions", "VARCHAR", lambda line: number(line.sessions), Field("Journeys", align="right")),
        Attribute("share", "DOUBLE", lambda line: line.sessions / total, Field("Share", "bar", full=1.0)),
        Attribute("step", "VARCHAR", lambda line: line.guides + short(line.name), Field(f"First {query.steps} steps")),
        Attribute("left", "DOUBLE", field=Field("Left here", "percent")),
        Attribute("reached", "DOUBLE", field=Field("Got to the goal", "percent") if query.goal else None),
    )
    heading = f"What they do after {short(query.start)}" if query.start else "How journeys begin"
    return columns.listing(lines(group), heading, as_of=journeys.scope.as_of)


def lines(group: JourneyGroup) -> list[TreeLine]:
    """The ``_LINES`` most frequent beginnings in the order of a tree, and a line for the rest at each branch."""
    # The children of each beginning. Its parent is shorter and as frequent, so that it comes first.
    children: dict[Steps, list[Steps]] = {(): []}
    for steps in group.begins:
        siblings = children.get(steps[:-1])
        common = group.begins[steps].sessions * _RARE >= group.total.sessions
        if siblings is not None and common and len(siblings) < _BRANCHES and len(children) <= _LINES:
            siblings.append(steps)
            children[steps] = []
    return list(_branches(group, children, (), ""))


def _branches(group: JourneyGroup, children: dict[Steps, list[Steps]], at: Steps, guides: str) -> Iterator[TreeLine]:
    count, below = group.begins.get(at, group.total), children[at]
    beyond = sessions_beyond(count.sessions, [group.begins[steps] for steps in below]) - (count.stayed if at else 0)
    for place, steps in enumerate(below):
        before, beside = ("", "") if not at else _LAST if place == len(below) - 1 and not beyond else _NEXT
        yield TreeLine(guides + before, steps[-1], group.begins[steps].sessions, group.begins[steps])
        yield from _branches(group, children, steps, guides + beside)
    if below and beyond:
        yield TreeLine(guides + (_LAST[0] if at else ""), REST, beyond, None)


def short(name: str, width: int = _NAME) -> str:
    """``name``, cut in the middle where it is too long: pages differ in their beginning and their end."""
    return name if len(name) <= width else f"{name[: width // 2 - 1]}…{name[-(width // 2) :]}"
