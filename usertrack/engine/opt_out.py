"""Who has opted out of being analysed: a condition that stands in every query of PostHog's, and how it is told."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_HAVE_OPTED_OUT = ("people have opted out, and are left out", "person has opted out, and is left out")
_SAYS_NO = """lower(replaceAll(JSONExtractRaw(properties, '{}'), '"', '')) IN ('true', '1', 'yes')"""


def opted_out(names: Sequence[str]) -> str:
    """HogQL over the ``properties`` of a person: whether one of the properties ``names`` says no.

    They are read as they were sent: as PostHog types them, a "yes" among true and false would be nothing at all.
    """
    quoted = (name.replace("\\", "\\\\").replace("'", "\\'") for name in dict.fromkeys(names))
    return f"({' OR '.join(map(_SAYS_NO.format, quoted))})"


@dataclass
class OptedOut:
    """Who does not want to be analysed: ``emails`` as queries have them, ``shared`` those that others have, too.

    ``problem`` says why that is not known.
    """

    emails: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    without_email: int = 0
    problem: str = ""

    @classmethod
    def of(cls, rows: Iterable[Sequence[Any]]) -> "OptedOut":
        """What the query's one row says: how many they are, those without an e-mail, the e-mails, those shared."""
        try:
            [(_, nameless, emails, shared)] = rows
            if isinstance(emails, list) and isinstance(shared, list):
                return cls(tuple(sorted(map(str, emails))), tuple(sorted(map(str, shared))), int(nameless or 0))
        except (TypeError, ValueError):
            pass
        return cls(problem="the answer to posthog/opted_out is not one row of two counts and two lists of e-mails")

    def notes(self, known_messages: Collection[str] = ()) -> tuple[str, ...]:
        """What is to be said of it, without a problem that is ``told`` already."""
        count = len(self.emails) + self.without_email
        notes = (f"{count} {_HAVE_OPTED_OUT[count == 1]}",) if count else ()
        if not self.problem:
            return notes
        reason = "" if self.problem in known_messages else f": {self.problem}"
        return (*notes, f"who has opted out is not known{reason}")

    def emails_to_exclude(self, *, has_condition: bool) -> tuple[str, ...]:
        """E-mails that a query has to be told, which has the condition or has it not."""
        return self.shared if has_condition else self.emails
