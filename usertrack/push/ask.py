"""Asks the sources for the people of a segment that are to be sent to a target."""

from dataclasses import replace

from usertrack.core.errors import Unknown
from usertrack.core.period import moment
from usertrack.engine.runner import Runner
from usertrack.push.audience import Audience, AudienceFilter, audience_of
from usertrack.push.slack import LISTED, MOST_LISTED
from usertrack.segments.analysis import Analysis
from usertrack.segments.classify import classify
from usertrack.segments.history.transitions import record_and_compare


def ask_audience(
    analysis: Analysis,
    segment: str,
    set_name: str,
    limit: int | None,
    *,
    all_members: bool,
    only: AudienceFilter | None = None,
    passing: bool = False,
) -> Audience:
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


def limit_of(target: str, limit: int | None) -> int | None:
    """Return how many people to send: all, but only the most urgent ones to Slack."""
    if target != "slack":
        return limit
    return LISTED if limit is None else min(limit or MOST_LISTED, MOST_LISTED)
