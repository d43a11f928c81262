"""The effect of incidents on the people in a segment: the reason of each without the failures of the incident."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from usertrack.core.words import number
from usertrack.failures.investigation import Investigation
from usertrack.reports.weekly import Weekly
from usertrack.segments.classify import Classification, condition
from usertrack.segments.expressions import base_columns
from usertrack.segments.rules import Segment
from usertrack.segments.what_if import members, otherwise


@dataclass(frozen=True)
class Effect:
    """On one segment. ``reasons``: why people whom an incident hit are in it without that; ``spared`` would not be."""

    segment: Segment
    reasons: Mapping[str, str] = field(default_factory=dict)
    spared: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """``3 of the people hit are in Failing Users, 1 only because of it: a@x.example``."""
        count = len(self.reasons) + len(self.spared)
        only = f", {len(self.spared)} only because of it: {', '.join(self.spared)}" if self.spared else ""
        verb = "is" if count == 1 else "are"
        return f"{number(count)} of the people hit {verb} in {self.segment.name}{only}"


def incident_effects(weekly: Weekly) -> dict[str, Effect]:
    """By segment, for those whose rule or reason counts failed runs and which have somebody whom an incident hit."""
    failed: Counter[str] = Counter()
    for incident in weekly.failures.incidents if isinstance(weekly.failures, Investigation) else ():
        if incident.level == "workflow":
            failed.update(incident.failed_of)
    effects = (effect_on(weekly.classification, count.segment, failed) for count in weekly.classification.counts)
    return {effect.segment.id: effect for effect in effects if effect.reasons or effect.spared}


_FAILED = "runs_failed"


def effect_on(classification: Classification, segment: Segment, failed: Mapping[str, int]) -> Effect:
    """The effect on one segment of incidents that ``failed`` so many runs of each person."""
    profiles = classification.profiles
    if not failed or _FAILED not in base_columns(condition(profiles, segment), profiles.derived):
        return Effect(segment)
    connection = profiles.connection
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE hit AS SELECT unnest(?::VARCHAR[]) AS person, unnest(?::BIGINT[]) AS failed",
        [list(failed), list(failed.values())],
    )
    fewer = {name: f"base.{name} - hit.failed" for name in ("run_count", "runs_recent", _FAILED)}
    without = otherwise(
        profiles,
        {**fewer, "top_failure": "NULL::VARCHAR"},  # the most frequent of the others is not known
        f'JOIN hit ON hit.person = base."{profiles.key}"',
    )
    reasons: dict[str, str] = dict(members(profiles, classification.segment_set, segment, without))
    hit = connection.execute(
        f'SELECT person FROM hit JOIN classified ON person = "{profiles.key}" WHERE list_contains(segments, ?) '
        "ORDER BY person",
        [segment.id],
    ).fetchall()
    return Effect(
        segment,
        {person: _with_incident(reasons[person], failed[person]) for (person,) in hit if person in reasons},
        tuple(person for (person,) in hit if person not in reasons),
    )


def _with_incident(reason: str, failed: int) -> str:
    return f"{reason}; {number(failed)} more in the platform's incident"
