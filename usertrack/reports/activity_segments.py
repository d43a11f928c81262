"""The segments part of a report on activity: people, rule, engagement and revenue of each segment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from usertrack.engine.runner import Runner
from usertrack.product.activity.numbers import Engagement, engagements
from usertrack.product.scope import MOST_PEOPLE, Scope
from usertrack.segments.classify import classify, condition
from usertrack.segments.expressions import atoms, base_columns
from usertrack.segments.profiles import Profiles
from usertrack.segments.rules import Rules, Segment

REVENUE = "revenue"
"""The fact of segments.yaml with what a person pays, in a workspace that has it."""

_TECHNICAL = ("browser", "device", "os", "system", "app_version")


@dataclass(frozen=True)
class SegmentActivity:
    """``people`` is None where it is unknown, ``revenue`` is the mean of the fact, ``rule`` are the conditions.

    ``engagement`` is None where the segment is empty, or has more people than one query takes.
    """

    set_name: str
    segment: Segment
    kind: str
    rule: tuple[str, ...]
    people: int | None
    engagement: Engagement | None = None
    revenue: float | None = None


def ask(runner: Runner, profiles: Profiles, rules: Rules, scope: Scope) -> list[SegmentActivity]:
    """Every segment of every set, or those of the scope's user; asks for the engagement of all of them together."""
    user_emails = scope.user.emails if scope.user else None
    members = [
        (segment, emails)
        for segment, emails in _members(profiles, rules)
        if user_emails is None or user_emails & set(emails)
    ]
    askable = [at for at, (_, emails) in enumerate(members) if 0 < len(emails) <= MOST_PEOPLE]
    scopes = [
        replace(scope, user=None, breakdown="", segment=segment.segment.id, people=emails)
        for segment, emails in (members[at] for at in askable)
    ]
    engagement = dict(zip(askable, engagements(runner, scopes), strict=True))
    return [replace(segment, engagement=engagement.get(at)) for at, (segment, _) in enumerate(members)]


def _members(profiles: Profiles, rules: Rules) -> Iterator[tuple[SegmentActivity, tuple[str, ...]]]:
    for segment_set in rules.sets.values():
        classification = classify(profiles, segment_set)
        for count in classification.counts:
            rule = condition(profiles, count.segment)
            people = classification.people([count.segment.id])
            key = people.names.index(profiles.key)
            paid = _amounts(people.rows, people.names.index(REVENUE)) if REVENUE in people.names else []
            yield (
                SegmentActivity(
                    segment_set.name,
                    count.segment,
                    kind_of(profiles, base_columns(rule, profiles.derived)),
                    tuple(f"{atom.before} {atom.sql}{atom.after}".strip() for atom in atoms(rule)),
                    count.people,
                    revenue=sum(paid) / len(paid) if paid else None,
                ),
                profiles.e_mails([str(row[key]) for row in people.rows]),
            )


def kind_of(profiles: Profiles, facts: Sequence[str]) -> str:
    """``technographic`` if a rule uses facts on devices, ``behavioral`` if facts of a time window or ``as_of``.

    Else ``demographic``.
    """
    if any(name in _TECHNICAL or name.endswith(tuple(f"_{word}" for word in _TECHNICAL)) for name in facts):
        return "technographic"
    origins = {profiles.facts[name].origin for name in facts if name in profiles.facts}
    timed = any("days" in profiles.queries[origin].params for origin in origins if origin in profiles.queries)
    return "behavioral" if timed or "as_of" in facts else "demographic"


def _amounts(rows: Sequence[tuple[object, ...]], at: int) -> list[float]:
    return [float(row[at]) for row in rows if isinstance(row[at], int | float)]  # type: ignore[arg-type]
