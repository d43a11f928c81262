"""Finds what names your own people beside the setting `internal`: further addresses, and ids in PostHog and Postgres.

Somebody is internal as soon as one of their names is: what the one source knows of them is looked up in the other.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from usertrack.core.emails import email_in
from usertrack.core.source_names import POSTGRES
from usertrack.core.table import Row

QUERIES = (f"{POSTGRES}/own_accounts", "posthog/own_people")
_ROUNDS = 5
"""Most rounds of questions. A human with an account, a second address and a device needs three; each costs two queries,
and strangers can chain any number of names with the public key of a project."""


def own_rule(item: str) -> str:
    """Return an item of `internal` as queries take it: an e-mail, or a domain, also where it is `%@acme.com`."""
    text = item.strip().lstrip("%*@.")
    return email_in(text) or text.rstrip(".").lower()


def is_rule(text: str) -> bool:
    """Return whether ``text``, as `own_rule` has it, is an e-mail, or a domain with a dot."""
    return bool(email_in(text if "@" in text else f"x@{text}")) and "." in text


def is_named(name: str, rule: str) -> bool:
    """Return whether the e-mail ``name`` is the ``rule``, or lies in that domain or below it."""
    return name == rule or ("@" not in rule and name.endswith((f"@{rule}", f".{rule}")))


@dataclass
class OwnPeople:
    """All ``names`` of your own people; ``beyond`` are those that a query must be given, as no rule says them.

    ``problem`` says why there may be more.
    """

    rules: Sequence[str] = ()
    names: set[str] = field(default_factory=set)
    beyond: set[str] = field(default_factory=set)
    problem: str = ""

    def add(self, id_: str | None, email: str | None, names: Iterable[str]) -> None:
        """Add an account or a person with its id, its present e-mail, and everything else that names it."""
        addresses = {name for name in (email, *names) if name and email_in(name)}
        self.names |= {name for name in (id_, *addresses, *names) if name}
        self.beyond |= {name for name in addresses if not self.says(name)}
        if id_ and not (email and self.says(email)):
            self.beyond.add(id_)

    def knows(self, rule: str) -> bool:
        """Return whether anybody is internal by the ``rule``."""
        return any(is_named(name, rule) for name in self.names)

    def says(self, name: str) -> bool:
        return any(is_named(name, rule) for rule in self.rules)


async def find_own_people(
    rules: Sequence[str], ask: Callable[[str, Collection[str]], Awaitable[Sequence[Row]]]
) -> OwnPeople:
    """Ask each source for who has one of the names so far, until neither knows another one.

    A source is not asked again for ids that it gave itself: an id is of one person. After `_ROUNDS`, `problem` says
    that there may be more names.
    """
    people = OwnPeople(rules)
    known: dict[str, set[str]] = {}
    for _ in range(_ROUNDS):
        for query in QUERIES:
            names = {name for name in people.names if not people.says(name)}
            if query in known and names <= known[query]:
                continue
            known[query] = names
            for id_, email, *more in await ask(query, names):
                listed = more[0] if more else ()
                people.add(id_, email, listed)
                known[query] |= {name for name in (id_, *listed) if name and not email_in(name)}
        if all({name for name in people.names if not people.says(name)} <= names for names in known.values()):
            return people
    people.problem = f"their names lead to more names, and only the first {_ROUNDS} steps were followed"
    return people
