"""Events as users type them, in the light of the events that have occurred."""

from collections.abc import Iterable, Iterator

from usertrack.core.errors import UsageError
from usertrack.engine.runner import Runner
from usertrack.library.events import EventStep, parse_step
from usertrack.product.known_events import known_events, never_occurred


def step_of(runner: Runner, text: str) -> EventStep:
    """Read a step as `parse_step` does. Ask the source for its events if a name has blanks around it."""
    return parse_step(text, lambda name: name in known_events(runner))


def events_of(runner: Runner, text: str) -> tuple[str, ...]:
    """The events of ``a|b``, none for an empty text or ``*``; raises UsageError, also for a condition."""
    step = step_of(runner, text) if text else EventStep("", ())
    if step.condition:
        raise UsageError(f"'{text}': no condition is taken here", "--where takes one for all events")
    return step.events


def require_steps(runner: Runner, steps: Iterable[EventStep], hint: str = "") -> None:
    """Raise UsageError for a step of which no event ever occurred; ``hint`` is added to its hint. One query for all."""
    steps = list(steps)
    known = known_events(runner) if steps else []
    for step in steps:
        if step.events and not any(name in known for name in step.events):
            raise never_occurred(step.events, known, hint)


def event_notes(runner: Runner, typed: Iterable[str]) -> tuple[str, ...]:
    """Notes of events in ``a|b`` that never occurred; the source is asked only where there are several.

    Raises UsageError where none of them did.
    """
    several = [step for text in typed if text and len((step := step_of(runner, text)).events) > 1]
    known = known_events(runner) if several else []
    return tuple(dict.fromkeys(note for step in several for note in _missing(step, known)))


def _missing(step: EventStep, known: list[str]) -> Iterator[str]:
    unknown = [name for name in step.events if name not in known]
    if len(unknown) == len(step.events):
        raise never_occurred(unknown, known)
    for name in unknown:
        error = never_occurred([name], known)
        yield f"{error.message}: {error.hint}"
