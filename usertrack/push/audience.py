"""The people of one segment to act on, most urgent first, each with the reason. Who is undecided is in no audience.

Your own people are in no audience: profiles leave them out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from usertrack.core.spool import identifier, quote
from usertrack.core.words import plural
from usertrack.library.entities import EMAIL
from usertrack.segments.classify import Classification, words_sql
from usertrack.segments.profiles import Profiles
from usertrack.segments.rules import Segment, SegmentSet
from usertrack.segments.view import other_segments_note


@dataclass(frozen=True)
class AudienceMember:
    """``key`` is that of the profile. ``facts`` are the values that the rule uses, ``evidence`` the same in words."""

    key: str
    priority: float | None
    reason: str
    evidence: str
    facts: Mapping[str, object]
    email: str | None = None


@dataclass(frozen=True)
class AudienceFilter:
    """A filter of people in a segment: ``words`` say it, and ``condition`` is SQL over the facts of profiles.

    ``condition`` raises a UsertrackError for what these profiles cannot be asked.
    """

    words: str
    condition: Callable[[Profiles], str]


@dataclass(frozen=True)
class PushAudience:
    """``people`` are all ``total`` whose primary segment it is, or the most urgent of them. ``as_of`` is UTC.

    ``members_elsewhere`` counts members whose primary segment is a more urgent one; with ``all_members`` they are in
    ``people``. ``most`` is the limit on ``people``; None is no limit. ``moved`` counts who entered and who left the
    segment since ``since``, where the history has both snapshots. ``facts_of_today`` are the labels of the rule's facts
    that have today's values although ``as_of`` is in the past. ``filter`` says in words who is left of the segment,
    where somebody narrowed it; ``filtered_out`` counts the others. ``undecided`` counts people who may belong to them,
    for want of a fact: nobody sends these. ``open`` are the keys of those of whom a later run may know the fact: nobody
    takes them out where they were sent before.
    """

    segment_set: SegmentSet
    segment: Segment
    as_of: datetime
    timezone: str
    total: int
    people: tuple[AudienceMember, ...]
    members_elsewhere: int = 0
    all_members: bool = False
    most: int | None = None
    notes: tuple[str, ...] = ()
    moved: tuple[int, int] | None = None
    since: datetime | None = None
    facts_of_today: tuple[str, ...] = ()
    key: str = EMAIL
    filter: str = ""
    filtered_out: int = 0
    undecided: int = 0
    open: tuple[str, ...] = ()

    def names(self, person: AudienceMember) -> dict[str, str | None]:
        """By what a target finds ``person``: the key, and the e-mail."""
        return {EMAIL: person.key} if self.key == EMAIL else {self.key: person.key, EMAIL: person.email}

    @property
    def members(self) -> int:
        """The number of people in the segment."""
        return self.total + self.filtered_out + self.members_elsewhere

    @property
    def command(self) -> str:
        """The command that lists them."""
        set_option = "" if self.segment_set.name == "action" else f" --set {self.segment_set.name}"
        return f"usertrack segments {self.segment.id}{set_option}{' --all-members' * self.all_members}"


def audience_of(
    classification: Classification,
    id_: str,
    timezone: str,
    limit: int | None = None,
    *,
    all_members: bool = False,
    only: AudienceFilter | None = None,
) -> PushAudience:
    """Return people whose primary segment is ``id_``, or everybody in it; the ``limit`` most urgent of them (0: all).

    ``only`` leaves those for whom it is true.

    Raises UsageError for no such segment, Unknown when a source that the segment needs did not answer.
    """
    (id_,) = classification.segment_set.require([id_])
    classification.require_known(id_, "nothing was sent: ", to_act_on=not all_members)
    profiles = classification.profiles
    facts = [profiles.facts[name] for name in classification.evidence([id_]) if name != profiles.key]
    labelled = [
        f"{quote(fact.label + ': ')} || {words_sql(identifier(fact.name), fact.type, fact.unit)}" for fact in facts
    ]
    cells = [
        identifier(profiles.key),
        "priority",
        f"because[list_position(segments, {quote(id_)})]",
        f"concat_ws('; ', {', '.join(labelled)})" if labelled else "''",
        EMAIL if EMAIL in profiles.facts else "NULL",
        *(identifier(fact.name) for fact in facts),
    ]
    unfiltered = f"FROM classified {classification.whose([id_], to_act_on=not all_members, decided=True)}"
    open_, count = classification.open(id_), classification.count(id_)
    if not all_members:
        unsure = f"{classification.whose([id_], to_act_on=True)} AND NOT decided"
        rows = profiles.connection.execute(f"SELECT {identifier(profiles.key)} FROM classified {unsure}").fetchall()
        open_ += [str(key) for (key,) in rows]
    undecided = count.undecided + len(open_) - count.open
    where = f"{unfiltered} AND {only.condition(profiles)}" if only else unfiltered
    most = f"LIMIT {limit}" if limit else ""
    rows = profiles.connection.execute(
        f"SELECT {', '.join(cells)} {where} {classification.by_urgency} {most}"
    ).fetchall()
    total = profiles.row(f"SELECT count(*) {where}")[0]
    in_question = profiles.row(f"SELECT count(*) {unfiltered}")[0]
    in_it = profiles.row(f"SELECT count(*) FROM classified {classification.whose([id_], to_act_on=False)}")[0]
    members_elsewhere = in_it - in_question - (len(open_) - count.open)
    return PushAudience(
        segment_set=classification.segment_set,
        segment=classification.segment_set[id_],
        as_of=profiles.as_of,
        timezone=timezone,
        total=total,
        people=tuple(
            AudienceMember(
                key, priority, reason, evidence, dict(zip([fact.name for fact in facts], values, strict=True)), email
            )
            for key, priority, reason, evidence, email, *values in rows
        ),
        members_elsewhere=members_elsewhere,
        all_members=all_members,
        most=limit or None,
        notes=(*profiles.notes, *other_segments_note(members_elsewhere), *_undecided_note(undecided)),
        facts_of_today=tuple(fact.label for fact in facts if fact.current) if profiles.past else (),
        key=profiles.key,
        filter=only.words if only else "",
        filtered_out=in_question - total,
        undecided=undecided,
        open=tuple(open_),
    )


def _undecided_note(undecided: int) -> list[str]:
    """Note how many people are left out, as it is not known whether they are to be sent."""
    words = plural(undecided, "person is", "people are")
    return [f"{words} undecided, and left out: `usertrack segments --undecided` lists them"] if undecided else []
