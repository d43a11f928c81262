"""Deletes all data on a person, in an order that allows an interrupted run to start again.

PostHog comes first and local files last. What PostHog no longer knows of the person, the journal has.
"""

import shlex
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from urllib.parse import quote

from usertrack.core.errors import CheckFailed, UsageError
from usertrack.core.notify import Notify
from usertrack.engine.runner import Runner
from usertrack.live.alerts import erasure
from usertrack.privacy import local
from usertrack.privacy.jobs import can_forget, run_job
from usertrack.privacy.places import Holding, LocalFiles, forget_request, person_of, silent, survey
from usertrack.privacy.subject import Subject

_AT_ONCE = 1000  # persons or distinct_ids that PostHog deletes with one request
_PENDING = "persons/deletion_status/?status=pending&person_uuid={}"


@dataclass(frozen=True)
class Erasure:
    """The content of a place, and how much is ``left`` now that it was read again; None when that is not known."""

    held: Holding
    left: int | None
    note: str = ""


@dataclass(frozen=True)
class ErasureOutcome:
    """The places as they are when read again; whether PostHog is ``done``, or deletes the rest later."""

    subject: Subject
    erasures: Sequence[Erasure]
    done: bool

    def require_nothing_left(self) -> None:
        """Raise CheckFailed otherwise."""
        raise_left(self.subject, self.erasures, done=self.done)


def erase_everywhere(
    runner: Runner,
    subject: Subject,
    files: LocalFiles,
    holdings: Sequence[Holding],
    notify: Notify,
    *,
    when_deleted: Callable[[], None] = lambda: None,
) -> ErasureOutcome:
    """Delete in every place, then read all of ``holdings`` again. Raises a UsertrackError where it was interrupted.

    ``when_deleted`` is called between the two, also where something could not be deleted: the reading takes long.
    """
    with ExitStack() as journal:
        try:
            with local.unwatched(files.alerts, runner.now):
                if files.journal:
                    journal.enter_context(files.journal.kept(subject))
                done = delete(runner, subject, files, notify)
        finally:
            when_deleted()
        return ErasureOutcome(subject, prove(runner, subject, files, holdings, notify), done)


def delete(
    runner: Runner, subject: Subject, files: LocalFiles, notify: Notify, patience: float = 60, pause: float = 0.5
) -> bool:
    """Delete in every place. True when PostHog was done within ``patience`` seconds; raises a UsertrackError."""
    for name, values in (("ids", subject.ids), ("distinct_ids", list(subject.strays))):
        for start in range(0, len(values), _AT_ONCE):
            body = {name: values[start : start + _AT_ONCE], "delete_events": True, "delete_recordings": True}
            runner.call("POST", "persons/bulk_delete/", body)
    deadline, known_to_posthog = time.monotonic() + patience, bool(subject.persons or subject.strays)
    while (waits := known_to_posthog and pending(runner, subject)) and time.monotonic() + pause <= deadline:
        notify("PostHog deletes the events", passing=True)
        time.sleep(pause)
    if subject.posthog and can_forget(runner):
        run_job(runner, "forget", forget_request(subject), notify)
    notify("writing the history anew", passing=True)
    with local.open_history(files.history, write=True) as connection:
        if connection and files.history:  # also without a row of theirs: a killed run leaves bytes in free blocks
            local.rewrite(connection, files.history, "DELETE FROM history.person WHERE key = ?", [subject.email])
    with local.open_alerts(files.alerts) as store:
        if store:
            erasure.erase(store, person_of(subject))
    with local.open_signals(files.alerts) as state:
        if state:
            state.erase(person_of(subject).is_in)
    if files.cache:
        try:
            files.cache.clear()
        except OSError as error:
            raise UsageError(f"cannot clear {files.cache.folder} ({error.strerror})", "remove it yourself") from error
    return not waits


def pending(runner: Runner, subject: Subject) -> bool:
    """Whether PostHog has not deleted all events of these persons yet."""
    return subject.posthog and any(_is_pending(runner, id_) for id_ in subject.ids)


def _is_pending(runner: Runner, person: str) -> bool:
    listed = runner.call("GET", _PENDING.format(quote(person))).get("results") or []
    return any(isinstance(status, dict) and status.get("person_uuid") == person for status in listed)


def prove(
    runner: Runner, subject: Subject, files: LocalFiles, before: Sequence[Holding], notify: Notify = silent
) -> list[Erasure]:
    """Every place of ``before``, read again."""
    after = {(holding.place, holding.content): holding for holding in survey(runner, subject, files, notify)}
    return [
        Erasure(held, (now := after.get((held.place, held.content), replace(held, count=0))).count, now.note)
        for held in before
    ]


def raise_left(subject: Subject, results: Sequence[Erasure], *, done: bool) -> None:
    """Raise CheckFailed when a place that is ours still holds something, or could not be read again.

    Unless PostHog is ``done``, the message calls the rest pending, and names the command that proves it later.
    """
    left = [erasure for erasure in results if erasure.held.ours and erasure.left != 0]
    if not left:
        return
    names = ", ".join(f"{erasure.left} {erasure.held.content} in {erasure.held.place}" for erasure in left)
    if not done:
        places = (erasure.held.place for erasure in results if erasure.left == 0)
        empty = dict.fromkeys(place for place in places if place != "PostHog")
        proven = f"; proven to hold nothing: {', '.join(empty)}" if empty else ""
        raise CheckFailed(f"PostHog has yet to delete {subject.email}: {names}{proven}", _later(subject))
    if any("name the e-mail" in erasure.held.content for erasure in left):
        hint = "what others did names the e-mail: `usertrack privacy pseudonymize` replaces it in the embedded store"
    else:
        hint = "end every other usertrack that is at work, and run this again: it continues where it stopped"
    raise CheckFailed(f"something is left of {subject.email}: {names}", hint)


def _later(subject: Subject) -> str:
    persons = "".join(f" --person {id_}" for id_ in subject.ids)
    return (
        "it deletes events in batches, by Sunday 05:00 UTC; then "
        f"`usertrack privacy prove {shlex.quote(subject.email)}{persons}` proves it"
    )
