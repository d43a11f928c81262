"""Who has opted out of being analysed, and how that is told."""

from collections.abc import Collection
from dataclasses import dataclass

_HAVE_OPTED_OUT = ("people have opted out, and are left out", "person has opted out, and is left out")


@dataclass
class OptedOut:
    """Who does not want to be analysed: ``emails`` as queries have them. ``problem`` says why that is not known."""

    emails: tuple[str, ...] = ()
    without_email: int = 0
    problem: str = ""

    def notes(self, told: Collection[str] = ()) -> tuple[str, ...]:
        """What is to be said of it, without a problem that is ``told`` already."""
        count, nameless = len(self.emails), self.without_email
        lines = (
            (count, f"{count} {_HAVE_OPTED_OUT[count == 1]}"),
            (
                nameless,
                f"{nameless} without an e-mail have opted out: queries tell people by e-mail, so they still count",
            ),
            (self.problem, f"who has opted out is not known{'' if self.problem in told else f': {self.problem}'}"),
        )
        return tuple(text for there, text in lines if there)
