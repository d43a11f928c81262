"""Journeys as a Sankey flow from step to step: the most frequent pages of each step, and the rest as one."""

from collections.abc import Iterator, Sequence

from usertrack.core.document import Flow, Stop
from usertrack.core.words import number, plural
from usertrack.product.journeys.numbers import JourneyGroup, JourneysQuery
from usertrack.product.journeys.tree import REST, short

_STOPS = 8  # of a step, beside all others


def flow(group: JourneyGroup, query: JourneysQuery) -> Flow:
    """The sessions of ``group`` at each step of their path."""
    names = [_names(group, query.goal, step) for step in range(1, len(group.at))]
    columns = [list(_stops(group, step, step_names)) for step, step_names in enumerate(names, start=1)]
    links = [
        (step - 1, source, target, value)
        for step in range(1, len(names))
        for source, target, value in _links(group, step, names[step - 1 : step + 1], columns[step - 1 : step + 1])
        if value > 0 and columns[step - 1][source].name != query.goal
    ]
    return Flow("Where journeys go", columns, links, "journeys", _caption(group, query.goal))


def _caption(group: JourneyGroup, goal: str) -> str:
    """Say how to read the drawing, and how many of the sessions are in it."""
    if goal:
        return f"the {number(group.journeys)} of {plural(group.total.sessions, 'journey')} that got to {short(goal)}"
    drawn = group.at[2].sessions if len(group.at) > 2 else 0
    share = f"the {number(drawn)} of {plural(group.total.sessions, 'journey')} that took a second step"
    return f"drawn: {share}; of each step the share that left there"


def _names(group: JourneyGroup, goal: str, step: int) -> list[str]:
    """The most frequent pages or events at ``step``, and the goal, because nothing goes on from there."""
    names = [name for at, name in group.nodes if at == step]
    return [name for place, name in enumerate(names) if place < _STOPS or name == goal]


def _stops(group: JourneyGroup, step: int, names: Sequence[str]) -> Iterator[Stop]:
    counts = [group.nodes[step, name] for name in names]
    for name, count in zip(names, counts, strict=True):
        yield Stop(name, count.sessions, count.stayed)
    total = group.at[step]
    if rest := total.sessions - sum(count.sessions for count in counts):
        yield Stop(REST, rest, total.stayed - sum(count.stayed for count in counts), other=True)


def _links(
    group: JourneyGroup, step: int, names: Sequence[Sequence[str]], columns: Sequence[Sequence[Stop]]
) -> Iterator[tuple[int, int, int]]:
    """(place, place in the next column, sessions); links to and from the rest have what the known links leave."""
    counts = {(edge.source, edge.target): edge.count.sessions for edge in group.edges if edge.step == step}
    known = [[counts.get((source, target), 0) for target in names[1]] for source in names[0]]
    going = [int(stop.value - stop.left) for stop in columns[0]]
    coming = [int(stop.value) for stop in columns[1]]
    for place, row in enumerate(known):
        for target, value in enumerate(row):
            yield place, target, value
        yield place, len(row), going[place] - sum(row)
    from_others = [coming[at] - sum(row[at] for row in known) for at in range(len(names[1]))]
    for target, value in enumerate(from_others):
        yield len(known), target, value
    if len(going) > len(known) and len(coming) > len(from_others):
        yield len(known), len(from_others), going[-1] - sum(from_others)
