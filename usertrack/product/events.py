"""Events as users type them, in the light of those that occurred: a count of one that never did is wrong, even 0."""

from collections.abc import Iterable, Iterator, Sequence

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.engine.runner import Runner
from usertrack.library.events import EventStep, parse_step


def known_events(runner: Runner) -> list[str]:
    """Every event that occurred up to the runner's moment, the most frequent first."""
    return [str(row[0]) for row in runner.table(runner.bind("posthog/event_names")).rows]


def require_events(runner: Runner, names: Iterable[str]) -> None:
    """Raise UsageError for an event that never occurred up to the runner's moment. One query for all names."""
    names = list(names)
    known = known_events(runner) if names else []
    for name in names:
        if name not in known:
            raise never_occurred([name], known)


def never_occurred(names: Sequence[str], known: Sequence[str], more: str = "") -> UsageError:
    """The error for events that are not among the ``known`` ones; ``more`` is added to its hint."""
    frequent = f"the most frequent are {', '.join(known[:5])}" if known else "there are no events at all"
    suggestion = " ".join(dict.fromkeys(hint for name in names if (hint := did_you_mean(name, known))))
    quoted_names = " or ".join(f"'{name}'" for name in names)
    hint = f"{suggestion} {more}".strip() if suggestion else "; ".join(filter(None, (frequent, more)))
    return UsageError(f"no event {quoted_names} ever occurred", hint)


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


def event_notes(runner: Runner, steps: Iterable[str]) -> tuple[str, ...]:
    """Notes of events in ``a|b`` that never occurred; the source is asked only where there are several.

    Raises UsageError where none of them did.
    """
    several = [step for text in steps if text and len((step := step_of(runner, text)).events) > 1]
    known = known_events(runner) if several else []
    return tuple(dict.fromkeys(note for step in several for note in _missing(step, known)))


def _missing(step: EventStep, known: list[str]) -> Iterator[str]:
    unknown = [name for name in step.events if name not in known]
    if len(unknown) == len(step.events):
        raise never_occurred(unknown, known)
    for name in unknown:
        error = never_occurred([name], known)
        yield f"{error.message}: {error.hint}"
