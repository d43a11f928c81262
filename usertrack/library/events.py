r"""Events: the roles that queries name in braces, and events as users type them.

``a|b`` is a or b, ``a[condition]`` is an a that fulfils it, ``*`` is any event. ``\|`` and ``\[`` are characters of the
name. ``{rage}`` in a query of PostHog stands for the events that `events.rage` in usertrack.yaml names.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from usertrack.core.errors import Absent, UsageError
from usertrack.library.sql import condition_of, quoted

EVENTS = "events"
"""What is absent where a company has no events at all."""
NONE = "none"
"""The value of a setting ``tables.runs`` or ``events.rage`` where a company has no such thing."""
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

    @property
    def sql(self) -> str:
        """A HogQL condition on events, in brackets."""
        texts = [quoted(event) for event in self.events]
        names = f"event = {texts[0]}" if len(texts) == 1 else f"event IN ({', '.join(texts)})" if texts else "true"
        return f"({names} AND ({self.condition}))" if self.condition else f"({names})"


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


@dataclass(frozen=True)
class Role:
    """A meaning that an event has for the library; ``default`` is the event's usual name, as a step."""

    about: str
    default: str


ROLES: Mapping[str, Role] = {
    "signed_up": Role("the event of a signup: cohorts begin with it", "user_signed_up|signed_up"),
    "connect_clicked": Role(
        "what shows that somebody wants more: to connect something, or to upgrade", "mcp_connect_clicked"
    ),
    "setup_done": Role("the event that ends the setup of what was connected", "mcp_url_copied"),
    "feature_used": Role("the use of a feature", "feature_used"),
    "rage": Role("clicks in anger", "$rageclick"),
    "exception": Role("errors in the browser", "$exception"),
}


def connects_servers(roles: Mapping[str, str], absent: Collection[str]) -> bool:
    """Return whether customers connect MCP servers, which is what the usual event of ``connect_clicked`` says."""
    return EVENTS not in absent and roles["connect_clicked"] == ROLES["connect_clicked"].default


def role_text(value: object, where: str) -> str:
    """The step of a role in usertrack.yaml: an event, a list of events, or an event[condition]; raises UsageError."""
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        text = "|".join(re.sub(r"([|\[\\])", r"\\\1", name) for name in value)
    elif isinstance(value, str):
        text = value.strip()
    else:
        raise UsageError(f"{where} is no event", "write an event, a list of events, event[condition], or none")
    if re.search(r"[\n{}]", text) or (isinstance(value, list) and text in (NONE, "*")):
        raise UsageError(f"{where} is no event", "an event has no line break and no brace; none and * stand alone")
    try:
        parse_step(text)
    except UsageError as error:
        raise UsageError(f"{where}: {error.message}", error.hint) from error
    return text


def require_role(name: str, text: str) -> str:
    """``text``, the step of a role; raises Absent where this company has no such event."""
    if text == NONE:
        raise Absent("the question", [f"events.{name}"])
    return text
