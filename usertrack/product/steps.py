r"""Events as users type them: ``a|b`` is a or b, ``a[condition]`` is an a that fulfils it, ``*`` is any event.

``\|`` and ``\[`` are characters of the name.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from usertrack.core.errors import UsageError
from usertrack.engine.runner import Runner
from usertrack.library.sql import condition_of
from usertrack.product.known_events import known_events, never_occurred

_SIGN = re.compile(r"\\[|\[\\]|.", re.DOTALL)
_QUOTED = r"in the name of an event they are \| and \["


@dataclass(frozen=True)
class EventStep:
    """One of ``events``, any where there are none, fulfilling the HogQL ``condition`` if there is one.

    ``text`` is what the user typed; for ``*`` it is "any event".
    """

    text: str
    events: tuple[str, ...]
    condition: str = ""


def parse_step(text: str, spelled: Callable[[str], bool] = lambda name: False) -> EventStep:
    """``event``, ``event|event``, ``event[condition]`` or ``*`` for any event; raises UsageError.

    Blanks around a name are left out, unless an event is ``spelled`` with them.
    """
    names, rest = [""], ""
    for sign in _SIGN.finditer(text):
        if sign[0] == "[":
            rest = text[sign.start() :]
            break
        names = [*names, ""] if sign[0] == "|" else [*names[:-1], names[-1] + sign[0][-1]]
    events = tuple(name if name != (bare := name.strip()) and spelled(name) else bare for name in names)
    if not all(events):
        raise UsageError(f"'{text}' is no step", f"a step is an event, a|b, event[condition], or * for any; {_QUOTED}")
    if rest and not rest.endswith("]"):
        raise UsageError(f"'{text}' lacks the ] that ends its condition", f"[ begins a condition; {_QUOTED}")
    condition = condition_of(rest[1:-1], "posthog") if rest else ""
    return EventStep(f"any event{rest}", (), condition) if events == ("*",) else EventStep(text, events, condition)


def step_of(runner: Runner, text: str) -> EventStep:
    """The step as `parse_step` reads it. For a name with blanks around it, the source is asked for its events."""
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
