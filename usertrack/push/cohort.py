"""The target `posthog-cohort`: a static cohort in PostHog, created once, then updated, and counted afterwards.

A push changes only cohorts that a push created; their description says so. PostHog adds persons a thousand at a time
and removes them one by one, so only the difference is sent.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from usertrack.core.emails import email_in_hogql
from usertrack.core.errors import CheckFailed, NotConnected, QueryError, UsageError
from usertrack.core.json_types import JsonObject
from usertrack.core.notify import Notify
from usertrack.core.table import Table
from usertrack.engine.runner import Runner
from usertrack.insights.saved import pages
from usertrack.library.entities import EMAIL
from usertrack.library.library import Statement
from usertrack.push.audience import PushAudience
from usertrack.push.order import PushOrder, PushOutcome, Request
from usertrack.sources.identity import database_of
from usertrack.sources.own_events import own_events

_ADD_AT_ONCE = 1000  # PostHog's DEFAULT_COHORT_INSERT_BATCH_SIZE
_ASK_AT_ONCE = 1000  # e-mails in one query
_PAGE = 1000  # members in one answer
_LONGEST_NAME = 400  # characters that PostHog's column for it has
_SLOW = 480  # requests in a minute: PostHog's limit for a personal key
_NEW = "<new>"  # stands for the id of a cohort that is not there yet

# the e-mail as `posthog/people` reads it; people whom only the backend sends events of have it as their distinct_id
_BY_PROPERTY = f"""SELECT id AS person_id, {email_in_hogql("properties.email")} AS email
FROM persons
WHERE email IN {{emails}}"""
_BY_DISTINCT_ID = f"""SELECT DISTINCT person_id, {email_in_hogql("distinct_id")} AS email
FROM person_distinct_ids
WHERE email IN {{emails}} AND {email_in_hogql("person.properties.email")} IS NULL"""
_BY_ID = "SELECT DISTINCT person_id, distinct_id AS email FROM person_distinct_ids WHERE distinct_id IN {emails}"


_Call = tuple[str, str, dict[str, Any]]
"""Method, path below the project, body."""


@dataclass(frozen=True)
class _CohortPlan:
    """The cohort in PostHog (None when there is none yet), its ``members`` and the ``expected`` ones, in person ids."""

    name: str
    description: str
    cohort: JsonObject | None
    expected: frozenset[str]
    members: frozenset[str]

    @property
    def add(self) -> list[str]:
        return sorted(self.expected - self.members)

    @property
    def remove(self) -> list[str]:
        return sorted(self.members - self.expected)


def check(order: PushOrder) -> None:
    if order.name is not None and not 0 < len(order.name.strip()) <= _LONGEST_NAME:
        raise UsageError(f"--name takes 1 to {_LONGEST_NAME} characters")
    if order.moment and order.name is None:
        raise UsageError(
            f"the cohort holds the people of now, and these are the people of {order.moment}",
            "`usertrack push` names another cohort with --name, and replaces the people of now with --yes",
        )


def push(audience: PushAudience, order: PushOrder, runner: Runner, notify: Notify) -> PushOutcome:
    """Create the cohort, or update it; the outcome's ``problem`` says that its count is wrong afterwards.

    For an empty segment no cohort is created, and an existing one is emptied. Raises a UsertrackError.
    """
    if own_events(order.settings, runner.library):
        raise NotConnected(
            "a cohort is PostHog's, and your own events answer here",
            "`--to csv`, slack or webhook send people elsewhere",
        )
    persons = _persons([person.key for person in audience.people], audience.key, runner)
    name = order.name.strip() if order.name else _usual_name(audience)
    description = _description(audience, order)
    cohort = _cohort_named(runner, name, description, _description(replace(audience, all_members=True), order))
    members = frozenset(_members(runner, cohort["id"])) if cohort else frozenset()
    expected = frozenset(person for ids in persons.values() for person in ids)
    if audience.open and members - expected:  # who was in it, and may still be, stays
        may_be = _persons(audience.open, audience.key, runner)
        expected |= members & {person for ids in may_be.values() for person in ids}
    plan = _CohortPlan(name, description, cohort, expected, members)
    unresolved = tuple(person.key for person in audience.people if person.key not in persons)
    requests = list(_requests(plan))
    notes = tuple(_notes(persons, plan))
    sent = len(audience.people) - len(unresolved)
    if order.dry_run:
        dry_requests = tuple(_request(order, *request) for request in requests)
        return PushOutcome(sent, unresolved, dry_requests, _details(plan, plan.cohort), notes)
    if plan.cohort is None and not plan.expected:
        return PushOutcome(0, unresolved, details=_details(plan, None))
    cohort = _carry_out(plan, requests, runner, notify)
    if requests:  # PostHog fills cohorts by and by
        path, deadline, wait = f"cohorts/{cohort['id']}/", time.monotonic() + order.patience, order.pause / 4
        while (
            not _is_counted(cohort := runner.call("GET", path), len(plan.expected))
            and time.monotonic() + wait <= deadline
        ):
            notify(f"PostHog counts {cohort.get('count')} of {len(plan.expected)} persons so far", passing=True)
            time.sleep(wait)
            wait = min(wait * 1.5, 5)
    problem, late = _verify(cohort, plan, runner)
    details = _details(plan, cohort) | {"verified": problem is None}
    return PushOutcome(sent, unresolved, details=details, notes=(*notes, *late), problem=problem)


def _details(plan: _CohortPlan, cohort: JsonObject | None) -> dict[str, object]:
    return {
        "cohort": {"id": cohort and cohort["id"], "name": plan.name, "count": cohort and cohort.get("count")},
        "created": plan.cohort is None and bool(plan.expected),
        "persons": len(plan.expected),
        "added": len(plan.add),
        "removed": len(plan.remove),
    }


# The persons


def _persons(emails: Sequence[str], key: str, runner: Runner) -> dict[str, list[str]]:
    """The ids of the persons behind each e-mail, or distinct_id, that PostHog knows."""
    if key != EMAIL:
        return _ask(runner, _BY_ID, emails)
    by_property = _ask(runner, _BY_PROPERTY, emails)
    return by_property | _ask(runner, _BY_DISTINCT_ID, [email for email in emails if email not in by_property])


def _ask(runner: Runner, sql: str, emails: Sequence[str]) -> dict[str, list[str]]:
    batches = [emails[start : start + _ASK_AT_ONCE] for start in range(0, len(emails), _ASK_AT_ONCE)]
    statements = [
        Statement("posthog", sql, {"emails": list(batch)}, {"emails": "list"}, name="push/persons", key="person_id")
        for batch in batches
    ]
    ids: dict[str, list[str]] = {}
    for answer in runner.run(statements):
        if not isinstance(answer, Table):
            raise answer
        for person, email in answer.rows:
            ids.setdefault(email, []).append(str(person))
    return ids


# The cohort as it is, and the difference


def _usual_name(audience: PushAudience) -> str:
    """Return the segment's name with the filter: the cohort of a part is not that of all. Raises UsageError."""
    name = f"usertrack: {audience.segment.name}"[:_LONGEST_NAME]
    if not audience.filter:
        return name
    narrowed = f"{name}, {audience.filter}"
    if len(narrowed) > _LONGEST_NAME:
        raise UsageError(f"the cohort's name would have more than {_LONGEST_NAME} characters", "filter by less")
    return narrowed


def _description(audience: PushAudience, order: PushOrder) -> str:
    """Describe the cohort: its segment, how many of its people, at which moment, and from which database."""
    most = "" if audience.most is None else f"the {audience.most} most urgent of "
    segment = f"segment {audience.segment_set.name}/{audience.segment.id}"
    is_first = audience.segment_set.exclusive or audience.segment == audience.segment_set.segments[0]
    people = segment if audience.all_members or is_first else f"those with the primary {segment}"
    moment = f" of {order.moment}" if order.moment else ""
    database = "the demo" if order.settings.uses_demo else database_of(order.settings) or "no database"
    filter_ = f", filtered by {audience.filter}," if audience.filter else ""
    return f"Kept by `usertrack push`: {most}{people}{filter_}{moment} in {database}."


def _cohort_named(runner: Runner, name: str, description: str, all_members_description: str) -> JsonObject | None:
    """The cohort called ``name``; raises UsageError for one that was created of other people.

    ``all_members_description`` is how a cohort of all members of the segment would be described.
    """
    # PostHog refuses searches of more than 200 characters
    cohorts = pages(runner, "cohorts/", {"basic": "true", "search": name[:200], "limit": 100})
    same_name = [cohort for cohort in cohorts if cohort.get("name") == name and not cohort.get("deleted")]
    if not same_name:
        return None
    own = [c for c in same_name if c.get("is_static") and str(c.get("description") or "").startswith(description)]
    if len(own) == 1:
        return own[0]
    if own:
        raise UsageError(f"PostHog has {len(own)} cohorts called '{name}'", "delete all but one of them in PostHog")
    descriptions = (str(cohort.get("description")) for cohort in same_name)
    old_description = next((text for text in descriptions if text.startswith("Kept by `usertrack")), "")
    reason = f"holds other people ({old_description})" if old_description else "was not made by `usertrack push`"
    audience_words = description.removeprefix("Kept by `usertrack push`: ").removesuffix(".")
    hint = f"choose another name with `usertrack push --name` for {audience_words}"
    if old_description.startswith(all_members_description):
        hint += "; or keep it as it is with everybody (`--all-members`)"
    raise UsageError(f"the cohort '{name}' {reason}, so it stays as it is", hint)


def _members(runner: Runner, id_: int) -> Iterator[str]:
    yield from (str(person["uuid"]) for person in pages(runner, f"cohorts/{id_}/persons/", {"limit": _PAGE}))


def _requests(plan: _CohortPlan) -> Iterator[_Call]:
    """Every request that changes the cohort, in order."""
    id_ = plan.cohort["id"] if plan.cohort else _NEW
    if plan.cohort is None and plan.expected:
        fields = {"name": plan.name, "description": plan.description, "is_static": True}
        yield "POST", "cohorts/", {**fields, "_create_static_person_ids": []}
    for start in range(0, len(plan.add), _ADD_AT_ONCE):
        batch = plan.add[start : start + _ADD_AT_ONCE]
        yield "PATCH", f"cohorts/{id_}/add_persons_to_static_cohort/", {"person_ids": batch}
    for person in plan.remove:
        yield "PATCH", f"cohorts/{id_}/remove_person_from_static_cohort/", {"person_id": person}


def _notes(persons: dict[str, list[str]], plan: _CohortPlan) -> Iterator[str]:
    several = sum(len(ids) > 1 for ids in persons.values())
    if several:
        yield f"{several} of them are several persons in PostHog; all {len(plan.expected)} persons count"
    if len(plan.remove) > _SLOW:
        minutes = len(plan.remove) // _SLOW + 1
        yield f"PostHog removes persons one by one: {len(plan.remove)} need {minutes} minutes or more"


def _request(order: PushOrder, method: str, path: str, body: JsonObject) -> Request:
    settings = order.settings
    host, project = (
        ("http://demo", "1") if settings.uses_demo else (settings["posthog.host"], settings["posthog.project_id"])
    )
    headers = {"Authorization": "Bearer [secret]", "Content-Type": "application/json"}
    return Request(method, f"{host.rstrip('/')}/api/projects/{project}/{path}", headers, body)


# Sending the difference


def _carry_out(plan: _CohortPlan, requests: Sequence[_Call], runner: Runner, notify: Notify) -> JsonObject:
    """Send all requests and return the cohort. The next push continues an interrupted one."""
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


def _is_counted(cohort: JsonObject, expected: int) -> bool:
    return not cohort.get("is_calculating") and cohort.get("count") == expected


def _verify(cohort: JsonObject, plan: _CohortPlan, runner: Runner) -> tuple[CheckFailed | None, list[str]]:
    """The problem of the cohort, if any, and notes. Where PostHog's count is wrong, the list of members decides."""
    expected = len(plan.expected)
    if _is_counted(cohort, expected):
        return None, []
    members = frozenset(_members(runner, cohort["id"]))
    posthog_count = f"PostHog says {cohort.get('count')}"
    if members == plan.expected:  # its count may stay behind (PostHog #24046)
        return None, [f"all {expected} persons are in the cohort, though {posthog_count}"]
    missing, extra = len(plan.expected - members), len(members - plan.expected)
    problem = (
        f"the cohort holds {len(members)} of {expected} persons: {missing} missing, {extra} too many; {posthog_count}"
    )
    return CheckFailed(problem, "push again: only what is still wrong is sent"), []
