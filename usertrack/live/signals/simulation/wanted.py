"""The outcome that somebody asks for, as text: churned, converted, segment:ID or event:NAME."""

from dataclasses import dataclass, replace
from datetime import timedelta

from usertrack.core.errors import UsageError
from usertrack.library.events import NONE, parse_step
from usertrack.live.signals.audience import Audience
from usertrack.live.signals.patterns import ANY, Count, EventMatch, Kind, Pattern, Patterns
from usertrack.live.signals.simulation.numbers import Simulation
from usertrack.live.signals.simulation.outcomes import Outcome, churned, event_happens, in_segment
from usertrack.workspace.settings import Settings

_SHORTEST_CHURN = timedelta(days=2)  # each half, in which somebody leaves and stays away, is a day
_NEVER = Count(Kind(ANY, (EventMatch(ANY),)), within=1.0, more_than=10_000)


@dataclass(frozen=True)
class OutcomeText:
    """``kind`` is churned, converted, segment or event; ``name`` that of the segment or event."""

    kind: str
    name: str
    within: timedelta

    def asking(self, patterns: Patterns) -> Patterns:
        """``patterns`` with one more, so that the audience knows who is in the segment."""
        if self.kind != "segment":
            return patterns
        return replace(patterns, patterns=(*patterns.patterns, self._member))

    @property
    def _member(self) -> Pattern:
        return Pattern("outcome", "outcome", _NEVER, segment=self.name)

    def events(self, settings: Settings) -> tuple[str, ...]:
        """The events whose times are to be noted. Raises UsageError where nobody can convert."""
        if self.kind == "event":
            return (self.name,)
        if self.kind != "converted":
            return ()
        step = settings["events.setup_done"]
        if step == NONE:
            raise UsageError("there is no event of a conversion here", "write --outcome event:NAME")
        return parse_step(step).events

    def outcome(self, simulation: Simulation, audience: Audience) -> Outcome:
        presence = simulation.presence
        if self.kind == "churned":
            return churned(presence, self.within)
        if self.kind == "segment":
            people = frozenset(person for person in presence.last if audience.includes(self._member, person))
            return in_segment(people, self.name)
        text = "converted" if self.kind == "converted" else f"did {self.name}"
        return event_happens(presence, self.within, text, first=self.kind == "converted")


def parse_outcome(text: str, within: timedelta) -> OutcomeText:
    """Raises UsageError for what is no outcome."""
    kind, _, name = text.partition(":")
    if text == "churned" and within < _SHORTEST_CHURN:
        raise UsageError("churn needs 2 days at the least to be seen", "write --within 14d")
    if text in ("churned", "converted") or (kind in ("event", "segment") and name):
        return OutcomeText(kind, name, within)
    raise UsageError(f"'{text}' is no outcome", "write churned, converted, segment:ID or event:NAME")
