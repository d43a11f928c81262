"""A segment as a static cohort in PostHog: made once, then brought up to date, and counted afterwards.

Only a cohort that a push made is ever changed; it is known by its description. PostHog adds persons a thousand at a
time and takes them out one by one, so that what is right already is left alone.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from usertrack.core.errors import CheckFailed, QueryError, UsageError
from usertrack.core.notify import Notify
from usertrack.core.table import Table
from usertrack.engine.runner import Answer, Runner
from usertrack.insights.saved import pages
from usertrack.library.library import Statement
from usertrack.push.audience import Audience
from usertrack.push.order import Outcome, PushOrder, Request
from usertrack.sources.identity import database_of

_ADD_AT_ONCE = 1000  # PostHog's DEFAULT_COHORT_INSERT_BATCH_SIZE
_ASK_AT_ONCE = 1000  # e-mails in one query
_PAGE = 1000  # members in one answer
_LONGEST_NAME = 400
_SLOW = 480  # requests in a minute: PostHog's limit for a personal key
_NEW = "<new>"  # stands for the id of a cohort that is not there yet

# the e-mail as `posthog/people` reads it; people whom only the backend sends events of have it as their distinct_id
_BY_PROPERTY = """SELECT id AS person_id, lowerUTF8(trim(properties.email)) AS email
FROM persons
WHERE lowerUTF8(trim(properties.email)) IN {emails}"""
_BY_DISTINCT_ID = """SELECT DISTINCT person_id, lowerUTF8(trim(distinct_id)) AS email
FROM person_distinct_ids
WHERE lowerUTF8(trim(distinct_id)) IN {emails} AND empty(ifNull(toString(person.properties.email), ''))"""


_Change = tuple[str, str, dict[str, Any]]
"""Method, path below the project, body."""


@dataclass(frozen=True)
class _Plan:
    """What is there (``cohort`` is None when nothing is), and what must change, in person ids."""

    name: str
    description: str
    cohort: dict[str, Any] | None
    wanted: frozenset[str]
    members: frozenset[str]

    @property
    def add(self) -> list[str]:
        return sorted(self.wanted - self.members)

    @property
    def remove(self) -> list[str]:
        return sorted(self.members - self.wanted)


def check(order: PushOrder) -> None:
    if order.name is not None and not 0 < len(order.name.strip()) <= _LONGEST_NAME:
        raise UsageError(f"--name takes 1 to {_LONGEST_NAME} characters")
    if order.moment and order.name is None:
        raise UsageError(
            f"the cohort holds the people of now, and these are those of {order.moment}",
            "give them a cohort of their own with --name, or put them in the place of those of now with --yes",
        )


def push(audience: Audience, order: PushOrder, runner: Runner, notify: Notify) -> Outcome:
    """Make the cohort, or bring it up to date; the outcome's ``problem`` is a count that did not come out.

    Of an empty segment no cohort is made, and one that is there is emptied. Raises a UsertrackError.
    """
    persons = _persons(audience, runner)
    plan = _plan(audience, order, runner, persons)
    unresolved = tuple(person.email for person in audience.people if person.email not in persons)
    requests = list(_requests(plan))
    notes = tuple(_notes(persons, plan))
    sent = len(audience.people) - len(unresolved)
    if order.dry_run:
        shown = tuple(_shown(order, *request) for request in requests)
        return Outcome(sent, unresolved, shown, _details(plan, plan.cohort), notes)
    if plan.cohort is None and not plan.wanted:
        return Outcome(0, unresolved, details=_details(plan, None))
    cohort = _carry_out(plan, requests, runner, notify)
    if requests:  # PostHog fills cohorts by and by
        cohort = _counted(cohort, len(plan.wanted), order, runner, notify)
    problem, late = _verified(cohort, plan, runner)
    details = _details(plan, cohort) | {"verified": problem is None}
    return Outcome(sent, unresolved, details=details, notes=(*notes, *late), problem=problem)


def _details(plan: _Plan, cohort: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "cohort": {"id": cohort and cohort["id"], "name": plan.name, "count": cohort and cohort.get("count")},
        "created": plan.cohort is None and bool(plan.wanted),
        "persons": len(plan.wanted),
        "added": len(plan.add),
        "removed": len(plan.remove),
    }


# Who


def _persons(audience: Audience, runner: Runner) -> dict[str, list[str]]:
    """The ids of the persons behind each e-mail that PostHog knows."""
    emails = [person.email for person in audience.people]
    found = _ask(runner, _BY_PROPERTY, emails)
    return found | _ask(runner, _BY_DISTINCT_ID, [email for email in emails if email not in found])


def _ask(runner: Runner, sql: str, emails: Sequence[str]) -> dict[str, list[str]]:
    batches = [emails[start : start + _ASK_AT_ONCE] for start in range(0, len(emails), _ASK_AT_ONCE)]
    statements = [
        Statement("posthog", sql, {"emails": list(batch)}, {"emails": "list"}, name="push/persons", key="person_id")
        for batch in batches
    ]
    found: dict[str, list[str]] = {}
    for answer in runner.run(statements):
        for person, email in _whole(answer).rows:
            found.setdefault(email, []).append(str(person))
    return found


def _whole(answer: Answer) -> Table:
    if not isinstance(answer, Table):
        raise answer
    return answer


# What is there, and what must change


def _plan(audience: Audience, order: PushOrder, runner: Runner, persons: dict[str, list[str]]) -> _Plan:
    name = order.name.strip() if order.name else f"usertrack: {audience.segment.name}"[:_LONGEST_NAME]
    description = _description(audience, order)
    cohort = _found(runner, name, description, _description(replace(audience, all_members=True), order))
    members = frozenset(_members(runner, cohort["id"])) if cohort else frozenset()
    wanted = frozenset(person for ids in persons.values() for person in ids)
    return _Plan(name, description, cohort, wanted, members)


def _description(audience: Audience, order: PushOrder) -> str:
    """Whose cohort it is: of which segment, which and how many of it, of which moment, and whose database says so."""
    most = "" if audience.most is None else f"the {audience.most} most urgent of "
    segment = f"segment {audience.segment_set.name}/{audience.segment.id}"
    first = (
        audience.segment_set.exclusive or audience.segment == audience.segment_set.segments[0]
    )  # of all who are in it
    whose = segment if audience.all_members or first else f"those with the primary {segment}"
    then = f" of {order.moment}" if order.moment else ""
    database = "the demo" if order.settings.uses_demo else database_of(order.settings) or "no database"
    return f"Kept by `usertrack push`: {most}{whose}{then} in {database}."


def _found(runner: Runner, name: str, description: str, of_all: str) -> dict[str, Any] | None:
    """The cohort called ``name``; raises UsageError for one that was made of other people.

    ``of_all`` is what that of all members is called.
    """
    # PostHog refuses searches of more than 200 characters
    listed = pages(runner, "cohorts/", {"basic": "true", "search": name[:200], "limit": 100})
    called = [cohort for cohort in listed if cohort.get("name") == name and not cohort.get("deleted")]
    if not called:
        return None
    own = [c for c in called if c.get("is_static") and str(c.get("description") or "").startswith(description)]
    if len(own) == 1:
        return own[0]
    if own:
        raise UsageError(f"PostHog has {len(own)} cohorts called '{name}'", "delete all but one of them in PostHog")
    kept = next((c["description"] for c in called if str(c.get("description")).startswith("Kept by `usertrack")), "")
    whose = f"holds other people ({kept})" if kept else "was not made by `usertrack push`"
    wanted = description.removeprefix("Kept by `usertrack push`: ").removesuffix(".")
    hint = f"choose another name with --name for {wanted}"
    if kept.startswith(of_all):
        hint += "; or keep it as it is with --all-members"
    raise UsageError(f"the cohort '{name}' {whose}, so it stays as it is", hint)


def _members(runner: Runner, id_: int) -> Iterator[str]:
    yield from (str(person["uuid"]) for person in pages(runner, f"cohorts/{id_}/persons/", {"limit": _PAGE}))


def _requests(plan: _Plan) -> Iterator[_Change]:
    """Everything that changes something, in order."""
    id_ = plan.cohort["id"] if plan.cohort else _NEW
    if plan.cohort is None and plan.wanted:
        fields = {"name": plan.name, "description": plan.description, "is_static": True}
        yield "POST", "cohorts/", {**fields, "_create_static_person_ids": []}
    for start in range(0, len(plan.add), _ADD_AT_ONCE):
        batch = plan.add[start : start + _ADD_AT_ONCE]
        yield "PATCH", f"cohorts/{id_}/add_persons_to_static_cohort/", {"person_ids": batch}
    for person in plan.remove:
        yield "PATCH", f"cohorts/{id_}/remove_person_from_static_cohort/", {"person_id": person}


def _notes(persons: dict[str, list[str]], plan: _Plan) -> Iterator[str]:
    several = sum(len(ids) > 1 for ids in persons.values())
    if several:
        yield f"{several} of them are several persons in PostHog; all {len(plan.wanted)} persons count"
    if len(plan.remove) > _SLOW:
        minutes = len(plan.remove) // _SLOW + 1
        yield f"PostHog takes persons out one by one, so that {len(plan.remove)} need {minutes} minutes or more"


def _shown(order: PushOrder, method: str, path: str, body: dict[str, Any]) -> Request:
    settings = order.settings
    host, project = (
        ("http://demo", "1") if settings.uses_demo else (settings["posthog.host"], settings["posthog.project_id"])
    )
    headers = {"Authorization": "Bearer [secret]", "Content-Type": "application/json"}
    return Request(method, f"{host.rstrip('/')}/api/projects/{project}/{path}", headers, body)


# Doing it


def _carry_out(plan: _Plan, requests: Sequence[_Change], runner: Runner, notify: Notify) -> dict[str, Any]:
    """The cohort, once every request was answered. What was interrupted is gone on with by the next push."""
    cohort = plan.cohort
    for number, (method, path, body) in enumerate(requests, start=1):
        notify(f"changing the cohort: {number} of {len(requests)}", passing=True)
        answer = runner.call(method, path.replace(_NEW, str(cohort["id"]) if cohort else _NEW), body)
        if method == "POST":
            if "id" not in answer:
                raise QueryError("PostHog did not say which cohort it made", "look into PostHog, then push again")
            cohort = answer
    assert cohort is not None
    return cohort


def _counted(cohort: dict[str, Any], want: int, order: PushOrder, runner: Runner, notify: Notify) -> dict[str, Any]:
    """The cohort as soon as PostHog counts ``want`` persons in it, else as it is when patience ends."""
    path, deadline, pause = f"cohorts/{cohort['id']}/", time.monotonic() + order.patience, order.pause / 4
    while True:
        cohort = runner.call("GET", path)
        if _has(cohort, want) or time.monotonic() + pause > deadline:
            return cohort
        notify(f"PostHog counts {cohort.get('count')} of {want} persons so far", passing=True)
        time.sleep(pause)
        pause = min(pause * 1.5, 5)


def _has(cohort: dict[str, Any], want: int) -> bool:
    return not cohort.get("is_calculating") and cohort.get("count") == want


def _verified(cohort: dict[str, Any], plan: _Plan, runner: Runner) -> tuple[CheckFailed | None, list[str]]:
    """What is wrong with the cohort, and what is worth a note: where the count is another one, members decide."""
    want = len(plan.wanted)
    if _has(cohort, want):
        return None, []
    members, said = frozenset(_members(runner, cohort["id"])), f"PostHog says {cohort.get('count')}"
    if members == plan.wanted:  # its count may stay behind (PostHog #24046)
        return None, [f"all {want} persons are in the cohort, though {said}"]
    missing, extra = len(plan.wanted - members), len(members - plan.wanted)
    problem = f"the cohort holds {len(members)} of {want} persons: {missing} missing, {extra} too many; {said}"
    return CheckFailed(problem, "push again: only what is still wrong is sent"), []
