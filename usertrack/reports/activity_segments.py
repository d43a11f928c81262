"""Segments as groups: how many people each has, what its rule says, and how engaged they are together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from usertrack.engine.runner import Runner
from usertrack.product.activity.numbers import Engagement, engagements
from usertrack.product.scope import MOST_PEOPLE, Frame
from usertrack.segments.classify import classify, condition
from usertrack.segments.expressions import atoms, columns, expand
from usertrack.segments.profiles import Workbench
from usertrack.segments.rules import Rules, Segment

REVENUE = "revenue"
"""The fact of segments.yaml that says what somebody pays, in a workspace that has one."""

_TECHNICAL = ("browser", "device", "os", "system", "app_version")


@dataclass(frozen=True)
class Standing:
    """A segment. ``people`` is None where it is unknown, ``revenue`` the mean of the fact, ``rule`` its conditions.

    ``engagement`` is None where nobody is in it, or more people than one query takes.
    """

    set_name: str
    segment: Segment
    kind: str
    rule: tuple[str, ...]
    people: int | None
    engagement: Engagement | None = None
    revenue: float | None = None


def ask(runner: Runner, bench: Workbench, rules: Rules, frame: Frame) -> list[Standing]:
    """Every segment of every set, or those of the frame's user; their engagement is asked for at once."""
    emails = frame.user.emails if frame.user else None
    members = [one for one in _members(bench, rules) if emails is None or emails & set(one[1])]
    able = [at for at, (_, emails) in enumerate(members) if 0 < len(emails) <= MOST_PEOPLE]
    frames = [
        replace(frame, user=None, breakdown="", segment=members[at][0].segment.id, people=members[at][1]) for at in able
    ]
    found = dict(zip(able, engagements(runner, frames), strict=True))
    return [replace(standing, engagement=found.get(at)) for at, (standing, _) in enumerate(members)]


def _members(bench: Workbench, rules: Rules) -> Iterator[tuple[Standing, tuple[str, ...]]]:
    for chosen in rules.sets.values():
        found = classify(bench, chosen)
        for count in found.counts:
            rule = condition(bench, count.segment)
            people = found.people([count.segment.id])
            key = people.names.index(bench.key)
            paid = _known(people.rows, people.names.index(REVENUE)) if REVENUE in people.names else []
            yield (
                Standing(
                    chosen.name,
                    count.segment,
                    kind_of(bench, columns(expand(rule, bench.derived))),
                    tuple(f"{atom.before} {atom.sql}{atom.after}".strip() for atom in atoms(rule)),
                    count.people,
                    revenue=sum(paid) / len(paid) if paid else None,
                ),
                tuple(str(row[key]) for row in people.rows),
            )


def kind_of(bench: Workbench, facts: Sequence[str]) -> str:
    """``technographic`` if a rule looks at devices, ``behavioral`` if at what was done in a time, or is of the clock.

    Else it looks at what people are alone: ``demographic``.
    """
    if any(name in _TECHNICAL or name.endswith(tuple(f"_{word}" for word in _TECHNICAL)) for name in facts):
        return "technographic"
    origins = {bench.facts[name].origin for name in facts if name in bench.facts}
    timed = any("days" in bench.queries[origin].params for origin in origins if origin in bench.queries)
    return "behavioral" if timed or "as_of" in facts else "demographic"


def _known(rows: Sequence[tuple[object, ...]], at: int) -> list[float]:
    return [float(row[at]) for row in rows if isinstance(row[at], int | float)]  # type: ignore[arg-type]
