"""How the people of each segment stood a week ago: new in it since, there and something moved, or there as before."""

from dataclasses import dataclass, field

from usertrack.core.table import Table


@dataclass
class Standing:
    """Whom to act on in one segment, most urgent first: (person, why), or of those who ``moved`` (person, what did).

    ``same`` counts those who were there and of whom nothing moved; ``unknown`` are people whose last week is not known.
    """

    new: list[tuple[str, str]] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)
    same: int = 0


def by_segment(standing: Table) -> dict[str, Standing]:
    """`Moves.standing` by segment."""
    standings: dict[str, Standing] = {}
    for person, segment, _, because, new, moved in standing.rows:
        each = standings.setdefault(segment, Standing())
        if new is None:
            each.unknown.append((person, because))
        elif new:
            each.new.append((person, because))
        elif moved:
            each.moved.append((person, moved))
        else:
            each.same += 1
    return standings
