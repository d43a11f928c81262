"""A push from its order to its outcome, in one order: it is checked, people are asked for, they are sent."""

from dataclasses import dataclass, replace

from usertrack.core.errors import Unknown
from usertrack.core.period import moment
from usertrack.engine.runner import Runner
from usertrack.push import target_named
from usertrack.push.audience import AudienceFilter, PushAudience, audience_of
from usertrack.push.order import PushOrder, PushOutcome
from usertrack.push.slack import LISTED, MOST_LISTED
from usertrack.segments.analysis import Analysis
from usertrack.segments.classify import classify
from usertrack.segments.history.transitions import record_and_compare


@dataclass(frozen=True)
class Push:
    """The people who were sent to a target, or would be, and what came of it. ``gone`` left the segment meanwhile."""

    target: str
    audience: PushAudience
    outcome: PushOutcome
    gone: int = 0


def push_segment(  # noqa: PLR0913
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
    if target == "slack":  # which shows a few: the most urgent ones
        limit = LISTED if limit is None else min(limit or MOST_LISTED, MOST_LISTED)
    audience = ask_audience(analysis, segment, set_name, limit, all_members=all_members, only=only, passing=passing)
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


def _send(analysis: Analysis, target: str, audience: PushAudience, order: PushOrder) -> Push:
    return Push(target, audience, target_named(target).push(audience, order, analysis.runner, analysis.progress))


def ask_audience(  # noqa: PLR0913
    analysis: Analysis,
    segment: str,
    set_name: str,
    limit: int | None,
    *,
    all_members: bool,
    only: AudienceFilter | None = None,
    passing: bool = False,
) -> PushAudience:
    """The people of now, or of the moment of the settings; raises Unknown where it is not known who they are.

    A ``passing`` look at them is no news for the history.
    """
    rules = analysis.rules()
    segment_set = rules.set_or_usual(set_name)
    (segment,) = rules.require(segment_set, [segment])
    classification = classify(analysis.profiles(rules), segment_set)
    # else a segment in which nobody is undecided is complete, whatever is missing
    analysis.incomplete = classification.profiles.incomplete and bool(
        classification.profiles.doubled or classification.count(segment).unknown
    )
    if reason := analysis.runner.opted_out.problem:
        raise Unknown(
            f"nothing was sent: who has opted out is unknown, because {reason}",
            "`usertrack query run posthog/opted_out` asks for that alone, and has to answer before anything is sent",
        )
    since = record_and_compare(classification, analysis.history(), analysis.runner.now, passing=passing)
    timezone = analysis.settings["timezone"]
    audience = audience_of(classification, segment, timezone, limit, all_members=all_members, only=only)
    if only or since is None or segment not in since.counts:  # who moved is counted of the whole segment
        return audience
    return replace(audience, moved=since.counts[segment], since=since.pair.before.as_of)


def moment_words(runner: Runner, timezone: str) -> str:
    """The moment of the people, where that is not now."""
    return moment(runner.as_of, timezone) if runner.as_of < runner.now or runner.future else ""
