"""A push from its order to its outcome, in one order: it is checked, people are asked for, they are sent."""

from dataclasses import dataclass, replace

from usertrack.push import target_named
from usertrack.push.ask import ask_audience, limit_of
from usertrack.push.audience import Audience, AudienceFilter
from usertrack.push.order import Outcome, PushOrder
from usertrack.segments.analysis import Analysis


@dataclass(frozen=True)
class Push:
    """The people who were sent to a target, or would be, and what came of it. ``gone`` left the segment meanwhile."""

    target: str
    audience: Audience
    outcome: Outcome
    gone: int = 0


def push_segment(
    analysis: Analysis,
    target: str,
    segment: str,
    set_name: str,
    order: PushOrder,
    limit: int | None = None,
    *,
    all_members: bool,
    only: AudienceFilter | None = None,
    passing: bool = False,
) -> Push:
    """Send the people of a segment, or in a dry run say what would be sent. Raises a UsertrackError.

    A wrong order is refused before any query runs. ``only`` leaves some of the people.
    A ``passing`` look at them is no news for the history.
    """
    target_named(target).check(order)
    most = limit_of(target, limit)
    audience = ask_audience(analysis, segment, set_name, most, all_members=all_members, only=only, passing=passing)
    return _send(analysis, target, audience, order)


def push_after_dry_run(analysis: Analysis, dry_run: Push, order: PushOrder) -> Push:
    """Send the people of a ``dry_run`` that was seen, but for who left the segment since, such as who was erased."""
    audience = dry_run.audience
    target_named(dry_run.target).check(order)
    segment, set_name = audience.segment.id, audience.segment_set.name
    members = ask_audience(analysis, segment, set_name, None, all_members=True, passing=True)
    keys = {person.key for person in members.people}
    people = tuple(person for person in audience.people if person.key in keys)
    gone = len(audience.people) - len(people)
    audience = replace(audience, people=people, total=audience.total - gone)
    return replace(_send(analysis, dry_run.target, audience, order), gone=gone)


def _send(analysis: Analysis, target: str, audience: Audience, order: PushOrder) -> Push:
    return Push(target, audience, target_named(target).push(audience, order, analysis.runner, analysis.progress))
