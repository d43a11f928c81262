"""Generates the code: the same plan gives the same bytes."""

import keyword
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from usertrack.core.errors import UsageError
from usertrack.plan.codegen import Language
from usertrack.plan.codegen.identifiers import identifiers, pascal
from usertrack.plan.codegen.python import PYTHON
from usertrack.plan.codegen.syntax import Syntax
from usertrack.plan.codegen.typescript import TYPESCRIPT
from usertrack.plan.model import Plan, PlannedEvent, PlannedProperty

if TYPE_CHECKING:
    import jinja2


CLIENTS = ("usertrack", "posthog")
_SYNTAX: Mapping[Language, Syntax] = {Language.python: PYTHON, Language.typescript: TYPESCRIPT}


@dataclass(frozen=True)
class Field:
    """A property of a type; ``literal`` is its name in quotes, ``is_plain`` whether it goes without them."""

    name: str
    literal: str
    is_plain: bool
    type: str
    required: bool
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Event:
    """An event as the code names it: the ``constant`` of its name, and the ``type`` of its properties.

    ``is_open``: the plan lists no properties of its own, so that it may have any.
    """

    literal: str
    constant: str
    type: str
    fields: tuple[Field, ...]
    is_open: bool
    sentences: tuple[str, ...]

    @property
    def requires_properties(self) -> bool:
        return any(field.required for field in self.fields)


def generate(plan: Plan, language: Language, client: str = "usertrack") -> str:
    """Return the module of ``plan`` in ``language``.

    Args:
        plan: The tracking plan.
        language: The language of the module.
        client: What the `track` in Python calls: "usertrack", "posthog" or a function as `package.module.function`.

    Raises:
        UsageError: The plan has no events, or ``client`` is none of these.
    """
    if not plan.events:
        raise UsageError(f"{plan.path}: the plan has no events", "add them below `events:`")
    if client not in CLIENTS and not ("." in client and all(_is_name(word) for word in client.split("."))):
        raise UsageError(
            f"there is no client '{client}'",
            "take usertrack, posthog, or a function such as shop.analytics.send",
        )
    syntax = _SYNTAX[language]
    names = identifiers(plan.group_properties)
    text: str = _template(language).render(
        client=client,
        events=list(_events(plan, syntax)),
        person=_fields(plan.person_properties.values(), syntax),
        groups={
            f"{pascal(names[group])}Group": _fields(properties.values(), syntax)
            for group, properties in plan.group_properties.items()
        },
        own_keys=set(_OWN_KEYS) - {use.name for event in plan.events.values() for use in event.properties},
    )
    return text


def _is_name(word: str) -> bool:
    return word.isascii() and word.isidentifier() and not keyword.iskeyword(word)


def is_current(file: Path, code: str) -> bool:
    """Whether ``file`` holds ``code``; its lines may end as on Windows. Raises ``UsageError`` if it cannot be read."""
    try:
        return file.read_text(encoding="utf-8") == code
    except (FileNotFoundError, UnicodeDecodeError):
        return False
    except OSError as error:
        raise UsageError(
            f"cannot read '{file}': {error.strerror}", "name the file that the code was written to"
        ) from error


@cache
def _template(language: Language) -> "jinja2.Template":
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("usertrack.plan.codegen"),
        autoescape=False,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["comment"] = _SYNTAX[language].comment
    return environment.get_template(f"{language}.j2")


def _events(plan: Plan, syntax: Syntax) -> Iterator[Event]:
    names = identifiers(plan.events)
    for event in plan.events.values():
        yield Event(
            literal=syntax.literal(event.name),
            constant=names[event.name].upper(),
            type=f"{pascal(names[event.name])}Properties",
            fields=tuple(
                _field(plan.properties.get(use.name) or PlannedProperty(use.name), syntax, required=use.required)
                for use in event.properties
            ),
            is_open=all(use.scope for use in event.properties),
            sentences=tuple(filter(None, (event.description, _deprecation(event, plan, syntax)))),
        )


def _fields(properties: Iterable[PlannedProperty], syntax: Syntax) -> tuple[Field, ...]:
    return tuple(_field(planned, syntax, required=False) for planned in properties)


def _field(planned: PlannedProperty, syntax: Syntax, *, required: bool) -> Field:
    return Field(
        planned.name,
        syntax.literal(planned.name),
        syntax.is_field(planned.name),
        syntax.type_of(planned),
        required,
        tuple(filter(None, (planned.description, planned.unit and f"Unit: {planned.unit}."))),
    )


def _deprecation(event: PlannedEvent, plan: Plan, syntax: Syntax) -> str:
    """A sentence with what to send instead of a deprecated event; empty for any other."""
    if event.status != "deprecated":
        return ""
    successors = " or ".join(other.name for other in plan.events.values() if event.name in other.replaces)
    return f"{syntax.deprecated} {f'send {successors} instead' if successors else 'do not send it'}"


_OWN_KEYS = (*("$groups", "$set", "$set_once", "$unset"), *("$session_id", "$current_url", "$process_person_profile"))
