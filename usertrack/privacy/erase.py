"""Deleting all that is held on a person, in an order in which whoever was interrupted can begin again.

PostHog goes first and the files here last: as long as anything is left, the person is known, and a second run goes on.
"""

import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from usertrack.core.errors import CheckFailed, UsageError
from usertrack.core.notify import Notify
from usertrack.core.traces import files_with
from usertrack.engine.runner import Runner
from usertrack.privacy import local
from usertrack.privacy.jobs import forgets, result
from usertrack.privacy.places import Holding, LocalFiles, asked_of_server, silent, survey
from usertrack.privacy.subject import Subject
from usertrack.segments.history.file import Place

_AT_ONCE = 1000  # persons or distinct_ids that PostHog deletes with one request
_PENDING = "persons/deletion_status/?status=pending&person_uuid={}"


@dataclass(frozen=True)
class Erasure:
    """What a place held, and what it holds now that it was read again."""

    held: Holding
    left: int | None
    note: str = ""


def delete(
    runner: Runner, subject: Subject, where: LocalFiles, notify: Notify, patience: float = 60, pause: float = 0.5
) -> bool:
    """Delete everywhere. Says whether PostHog was done within ``patience`` seconds; raises a UsertrackError."""
    done = _from_posthog(runner, subject, notify, patience, pause)
    if subject.posthog and forgets(runner):
        result(runner, "forget", asked_of_server(subject), notify)
    notify("writing the history anew", passing=True)
    with local.opened(where.history, write=True) as connection:
        if connection and where.history and _in_history(connection, where.history, subject):
            local.rewrite(connection, where.history, "DELETE FROM history.person WHERE key = ?", [subject.email])
    if where.cache:
        try:
            where.cache.clear()
        except OSError as error:
            raise UsageError(f"cannot clear {where.cache.folder} ({error.strerror})", "remove it yourself") from error
    return done


def _in_history(connection: object, place: Place, subject: Subject) -> bool:
    """Also when rows went in a run that was cut short before the file was written anew."""
    others = [*subject.longer_emails, *local.alike(connection, subject.email)]
    return bool(local.history_count(connection, subject.email) or files_with(local.files(place), subject.email, others))


def _from_posthog(runner: Runner, subject: Subject, notify: Notify, patience: float, pause: float) -> bool:
    if not subject.persons and not subject.strays:
        return True
    for name, values in (("ids", subject.ids), ("distinct_ids", list(subject.strays))):
        for start in range(0, len(values), _AT_ONCE):
            part = {name: values[start : start + _AT_ONCE], "delete_events": True, "delete_recordings": True}
            runner.call("POST", "persons/bulk_delete/", part)
    deadline = time.monotonic() + patience
    while pending(runner, subject):
        if time.monotonic() + pause > deadline:
            return False
        notify("PostHog deletes the events", passing=True)
        time.sleep(pause)
    return True


def pending(runner: Runner, subject: Subject) -> bool:
    """Whether PostHog has yet to delete what one of the persons did."""
    return subject.posthog and any(_is_pending(runner, id_) for id_ in subject.ids)


def _is_pending(runner: Runner, person: str) -> bool:
    listed = runner.call("GET", _PENDING.format(quote(person))).get("results") or []
    return any(isinstance(each, dict) and each.get("person_uuid") == person for each in listed)


def prove(
    runner: Runner, subject: Subject, where: LocalFiles, before: Sequence[Holding], notify: Notify = silent
) -> list[Erasure]:
    """Every place of ``before`` read again."""
    after = {(each.place, each.content): each for each in survey(runner, subject, where, notify)}
    return [
        Erasure(each, (now := after.get((each.place, each.content), replace(each, count=0))).count, now.note)
        for each in before
    ]


def raise_left(subject: Subject, results: Sequence[Erasure], *, done: bool) -> None:
    """Raise CheckFailed when a place that is ours still holds something, or could not be read again.

    Unless PostHog is ``done``, what is left there is said to be pending, with the command that proves it later.
    """
    left = [each for each in results if each.held.ours and each.left != 0]
    if not left:
        return
    names = ", ".join(f"{each.left} {each.held.content} in {each.held.place}" for each in left)
    if not done:
        empty = dict.fromkeys(each.held.place for each in results if each.left == 0 and each.held.place != "PostHog")
        proven = f"; proven to hold nothing: {', '.join(empty)}" if empty else ""
        raise CheckFailed(f"PostHog has yet to delete {subject.email}: {names}{proven}", _later(subject))
    if any("name the e-mail" in each.held.content for each in left):
        hint = "what others did names the e-mail: `usertrack privacy pseudonymize` replaces it in the embedded store"
    else:
        hint = "run this again; it goes on where it ended"
    raise CheckFailed(f"something is left of {subject.email}: {names}", hint)


def _later(subject: Subject) -> str:
    persons = "".join(f" --person {id_}" for id_ in subject.ids)
    return (
        "it deletes events in batches, by Sunday 05:00 UTC; then "
        f"`usertrack privacy prove {shlex.quote(subject.email)}{persons}` proves it"
    )
