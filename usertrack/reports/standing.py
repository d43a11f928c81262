"""Compares the people of each segment with a week ago: new since, there and moved, or there as before."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from usertrack.core.table import Table
from usertrack.reports.incident_effect import Effect


@dataclass
class Standing:
    """The people to act on in a segment, most urgent first: (person, why), or of those who ``moved`` (person, change).

    ``same`` counts those who were there and of whom nothing moved; ``unknown`` are people whose last week is not known.
    ``spared`` counts whom only an incident brought in.
    """

    new: list[tuple[str, str]] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)
    same: int = 0
    spared: int = 0


def by_segment(standing: Table, effects: Mapping[str, Effect]) -> dict[str, Standing]:
    """`Moves.standing` by segment, with the reasons that people have without an incident."""
    standings: dict[str, Standing] = {}
    for person, segment, _, reason, new, moved in standing.rows:
        of_segment, effect = standings.setdefault(segment, Standing()), effects.get(segment)
        because = effect.reasons.get(person, reason) if effect else reason
        if effect and person in effect.spared:
            of_segment.spared += 1
        elif new is None:
            of_segment.unknown.append((person, because))
        elif new:
            of_segment.new.append((person, because))
        elif moved:
            of_segment.moved.append((person, moved))
        else:
            of_segment.same += 1
    return standings
