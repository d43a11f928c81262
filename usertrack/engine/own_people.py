"""Finds what names your own people beside the setting `internal`: further addresses, and ids in PostHog and Postgres.

Somebody is internal as soon as one of their names is: what the one source knows of them is looked up in the other.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from usertrack.core.emails import email_in
from usertrack.core.table import Row

QUERIES = ("neon/own_accounts", "posthog/own_people")


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
    """Ask each source for who has one of the names so far, until neither knows another one."""
    people, asked = OwnPeople(rules), dict.fromkeys(QUERIES, -1)
    while any(count < len(people.names) for count in asked.values()):
        for query in QUERIES:
            if asked[query] < len(people.names):
                for id_, email, *more in await ask(query, people.names):
                    people.add(id_, email, more[0] if more else ())
                asked[query] = len(people.names)
    return people
