"""Which events of PostHog play the roles that the library names, by the words of their names."""

import re
from collections.abc import Mapping, Sequence

from usertrack.core.document import Document, Facts
from usertrack.library.events import NONE, ROLES, parse_step
from usertrack.mapping.names import words
from usertrack.mapping.rules import EVENT_ROLES


def proposed_roles(names: Sequence[str]) -> dict[str, str]:
    """The step of each role whose usual event is not among ``names``, the most frequent first; none for no event.

    Of a project without any events nothing can be said.
    """
    return (
        {}
        if not names
        else {
            role: _step(role, names)
            for role, usual in ROLES.items()
            if not set(parse_step(usual.default).events) & set(names)
        }
    )


def _step(role: str, names: Sequence[str]) -> str:
    for pattern in EVENT_ROLES.get(role, ()):
        for name in names:
            if set(pattern.split()) <= set(words(name)) and not name.startswith("$"):
                return re.sub(r"([\\|\[])", r"\\\1", name)
    return NONE


def roles_document(roles: Mapping[str, str], names: Sequence[str]) -> Document:
    """Each role with its event: as proposed in ``roles``, else the usual one, which is among ``names``."""
    usual = {
        role: " or ".join(event for event in parse_step(ROLES[role].default).events if event in names)
        for role in ROLES.keys() - roles.keys()
    }
    pairs = [
        (role, f"{roles[role] if role in roles else f'{usual[role]}, as usual'}  ({about.about})")
        for role, about in ROLES.items()
    ]
    return Document("events: what they are called in your PostHog", (Facts(tuple(pairs)),))
