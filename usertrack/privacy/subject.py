"""The person that a privacy command is about: an e-mail in all spellings, its PostHog persons and distinct_ids."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from usertrack.core import traces
from usertrack.core.emails import email_in, email_in_hogql
from usertrack.core.errors import NotConnected, UsageError, UsertrackError
from usertrack.core.json_types import JsonObject
from usertrack.core.table import Table
from usertrack.engine.runner import Runner
from usertrack.library.library import Statement
from usertrack.sources.http import NotFound

_EMAIL = email_in_hogql("properties.email")
_NAME = f"({email_in_hogql('distinct_id')} = {{email}} OR distinct_id = {{email}})"
PERSONS = f"""SELECT id AS person_id FROM persons WHERE {_EMAIL} = {{email}}
UNION DISTINCT SELECT person_id FROM person_distinct_ids WHERE {_NAME}"""
OWN = f"toString(person_id) IN {{persons}} OR distinct_id IN {{distinct_ids}} OR {_NAME}"
_STRAYS = f"""SELECT DISTINCT distinct_id FROM events
WHERE {_NAME} AND NOT (toString(person_id) IN {{persons}} OR distinct_id IN {{distinct_ids}})"""

_LONGER_EMAILS = f"""SELECT DISTINCT {_EMAIL} AS email FROM persons
WHERE position({_EMAIL}, {{email}}) > 0 AND {_EMAIL} != {{email}}"""


@dataclass(frozen=True)
class Subject:
    """Everything that PostHog knows under an e-mail; without PostHog all is empty, and ``posthog`` is False.

    ``persons`` are as in PostHog's API. ``strays`` are distinct_ids that are the e-mail, of events without a person.
    ``longer_emails`` are other e-mails that contain this one.
    """

    email: str
    persons: tuple[dict[str, Any], ...] = ()
    strays: tuple[str, ...] = ()
    longer_emails: tuple[str, ...] = ()
    posthog: bool = True

    @property
    def ids(self) -> list[str]:
        return [str(person.get("uuid") or person["id"]) for person in self.persons]

    @property
    def distinct_ids(self) -> list[str]:
        return [*(str(id_) for person in self.persons for id_ in person["distinct_ids"]), *self.strays]

    @property
    def spellings(self) -> list[str]:
        """The e-mail, and other spellings of it that its persons have."""
        known = (person["properties"].get("email") for person in self.persons)
        return sorted({self.email, *(str(email) for email in known if email)})

    @property
    def pattern(self) -> str:
        """A regular expression, of Python and RE2 alike, that finds the e-mail in any text, JSON among them."""
        return traces.pattern(self.email)


def find_subject(runner: Runner, email: str, former_ids: Sequence[str] = ()) -> Subject:
    """The persons of ``email``, or of that distinct_id, in PostHog: none, one or more. Raises UsageError for a blank.

    ``former_ids`` are persons of this e-mail that PostHog has deleted, although it may still have their events.
    """
    key = email_in(email) or email.strip()
    if not key or len(key) > 320:
        raise UsageError(f"'{email}' is no e-mail and no id", "write it as PostHog or Postgres has it")
    try:
        table = ask(runner, "persons", PERSONS, Subject(key))
    except NotConnected:
        return Subject(key, posthog=False)
    known = [str(id_) for (id_,) in table.rows]
    persons = [_person(runner, id_) for id_ in known]
    subject = Subject(key, (*persons, *(_former(id_) for id_ in former_ids if id_ not in known)))
    strays, longer_emails = (
        tuple(str(value) for (value,) in ask(runner, name, sql, subject).rows)
        for name, sql in (("strays", _STRAYS), ("alike", _LONGER_EMAILS))
    )
    return replace(subject, strays=strays, longer_emails=longer_emails)


def _person(runner: Runner, id_: str) -> JsonObject:
    """The person as PostHog has it, which may delete it at this moment, and its queries know later."""
    try:
        return runner.call("GET", f"persons/{id_}/")
    except NotFound:
        return _former(id_)


def _former(id_: str) -> JsonObject:
    return {"id": id_, "distinct_ids": [], "properties": {}}


def ask(runner: Runner, name: str, sql: str, subject: Subject, key: str = "", **values: object) -> Table:
    """The answer to a HogQL query about ``subject``; raises its error."""
    answer = runner.run([statement(name, sql, subject, key, **values)])[0]
    if isinstance(answer, UsertrackError):
        raise answer
    return answer


def statement(name: str, sql: str, subject: Subject, key: str = "", **values: object) -> Statement:
    """``sql`` with the values of the subject that it uses."""
    available = {
        "email": subject.email,
        "persons": _never_empty(subject.ids),
        "distinct_ids": _never_empty(subject.distinct_ids),
        "pattern": subject.pattern,
        **values,
    }
    used = {parameter: value for parameter, value in available.items() if f"{{{parameter}}}" in sql}
    types = {parameter: "list" if isinstance(value, list) else "text" for parameter, value in used.items()}
    return Statement("posthog", sql, used, types, name=f"privacy/{name}", key=key)


def _never_empty(values: Sequence[str]) -> list[str]:
    """HogQL takes no empty list; nobody has the empty id."""
    return list(dict.fromkeys(values)) or [""]
