"""Leaves people who opted out of analysis out of PostHog's queries, and words the notes on it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from usertrack.core.table import Row
from usertrack.engine.own_people import OwnPeople

_HAVE_OPTED_OUT = ("people have opted out, and are left out", "person has opted out, and is left out")
_SAYS_NO = """lower(replaceAll(JSONExtractRaw(properties, '{}'), '"', '')) IN ('true', '1', 'yes')"""


def opted_out(names: Sequence[str]) -> str:
    """HogQL over the ``properties`` of a person: whether one of the properties ``names`` says no to analytics.

    It reads the raw values: where most values are true or false, PostHog's typed property would make NULL of a "yes".
    """
    quoted = (name.replace("\\", "\\\\").replace("'", "\\'") for name in dict.fromkeys(names))
    return f"({' OR '.join(map(_SAYS_NO.format, quoted))})"


@dataclass
class OptedOut:
    """People who opted out: their ``emails`` in PostHog, and emails ``shared`` with persons who have not.

    ``ids`` are their distinct_ids; ``accounts`` are further names, of their accounts in Postgres.
    ``problem`` says why that is not known. Your ``own`` people are left out likewise, by all of their names.
    """

    emails: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    without_email: int = 0
    problem: str = ""
    own: OwnPeople = field(default_factory=OwnPeople)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "OptedOut":
        """From the query's one row: how many opted out, how many without an e-mail, and the three lists."""
        try:
            [(_, nameless, *lists)] = rows
            if all(isinstance(names, list) for names in lists):  # a query of one's own may give no ids
                emails, shared, ids = (tuple(sorted(map(str, names))) for names in [*lists, []][:3])
                return cls(emails, shared, ids, without_email=int(nameless or 0))
        except (TypeError, ValueError):
            pass
        return cls(problem="the answer to posthog/opted_out is not one row of two counts and two lists of e-mails")

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that names those who opted out, in either source."""
        return (*self.emails, *self.ids, *self.accounts)

    def notes(self, known_messages: Collection[str] = ()) -> tuple[str, ...]:
        """Notes on how many are left out, or why that is unknown, unless ``known_messages`` has the reason."""
        count = len(self.emails) + self.without_email
        notes = [f"{count} {_HAVE_OPTED_OUT[count == 1]}"] if count else []
        if self.own.problem and self.own.problem not in known_messages:
            notes.append(f"your own people are left out by `internal` alone: {self.own.problem}")
        if not self.problem:
            return tuple(notes)
        reason = "" if self.problem in known_messages else f": {self.problem}"
        return (*notes, f"who has opted out is not known{reason}")

    def names_to_exclude(self, *, has_condition: bool) -> list[str]:
        """Names to exclude by a parameter: your own, and e-mails; where the query has the condition, shared ones."""
        return [*(self.shared if has_condition else self.emails), *self.accounts, *sorted(self.own.beyond)]
