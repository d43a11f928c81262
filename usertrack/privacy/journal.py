"""The journal of an erasure that is under way, so that the next command finishes one that was killed.

It is a file from before the first deletion until every place was read again. It holds the person's e-mail and ids, and
which workspace, profile, folder and sources were meant; no secret. The process at work holds a lock on it.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from usertrack.core.errors import UsageError
from usertrack.core.temporary import sync_folder, temporary_folder
from usertrack.privacy.subject import Subject

_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError)  # what a journal of another form causes


@dataclass(frozen=True)
class ErasureOrigin:
    """The options of the command, and ``sources`` by name, which must be the same for another one to go on."""

    workspace: str | None
    profile: str | None
    demo: bool
    data: str | None
    sources: Mapping[str, str]


@dataclass(frozen=True)
class ErasureJournal:
    """The erasures in ``folder``; those that this process begins are of ``origin``."""

    folder: Path
    origin: ErasureOrigin

    @contextmanager
    def kept(self, subject: Subject) -> Iterator[None]:
        """Note that ``subject`` is erased in this block, after which nothing of it is noted unless it failed.

        Raises UsageError where that cannot be written.
        """
        path = self.folder / f"{uuid4().hex}.json"
        text = json.dumps({"origin": asdict(self.origin), "subject": asdict(_without_facts(subject))})
        with ExitStack() as stack:
            try:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                with temporary_folder(self.folder) as fresh:
                    descriptor = os.open(fresh / path.name, os.O_RDWR | os.O_CREAT, 0o600)
                    file = stack.enter_context(os.fdopen(descriptor, "w"))
                    fcntl.flock(file, fcntl.LOCK_EX)
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                    (fresh / path.name).rename(path)
                    sync_folder(self.folder)  # else a power cut could bring back the folder without the journal
            except OSError as error:
                hint = "nothing was deleted; set XDG_CONFIG_HOME to a folder that can be written"
                raise UsageError(f"cannot note the erasure in {self.folder} ({error.strerror})", hint) from error
            yield
            path.unlink()
        for begun in interrupted(self.folder):
            if begun.is_of(self.origin, subject.email):
                begun.close()

    def with_interrupted(self, subject: Subject) -> Subject:
        """``subject`` with the ids of interrupted erasures, which PostHog may have forgotten by now."""
        for begun in interrupted(self.folder):
            if begun.is_of(self.origin, subject.email):
                subject = begun.added_to(subject)
        return subject


@dataclass(frozen=True)
class Interrupted:
    """An erasure whose process ended before it did."""

    path: Path
    origin: ErasureOrigin
    subject: Subject

    def is_of(self, origin: ErasureOrigin, email: str) -> bool:
        return (self.origin, self.subject.email) == (origin, email)

    def added_to(self, subject: Subject) -> Subject:
        """``subject`` with what it had when this one began."""
        ids = set(subject.ids)
        former = tuple(person for person in self.subject.persons if person["id"] not in ids)
        strays = dict.fromkeys([*subject.strays, *self.subject.strays])
        longer_emails = dict.fromkeys([*subject.longer_emails, *self.subject.longer_emails])
        return replace(
            subject, persons=(*subject.persons, *former), strays=tuple(strays), longer_emails=tuple(longer_emails)
        )

    def close(self) -> None:
        self.path.unlink(missing_ok=True)


def interrupted(folder: Path) -> Iterator[Interrupted]:
    """Yield the erasures that nobody is at work on, each locked until the next is asked for."""
    for path in sorted(folder.glob("*.json")):
        # somebody is at work, or has finished; or it is one of `unreadable`, on which no command may depend
        with suppress(OSError, *_UNREADABLE), path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            begun = _read(path)
            if path.exists():  # else another process has finished it meanwhile
                yield begun


def unreadable(folder: Path) -> list[Path]:
    """Return the journals that are damaged, of another version, or not ours to read."""
    return [path for path in sorted(folder.glob("*.json")) if not _is_readable(path)]


def _is_readable(path: Path) -> bool:
    try:
        _read(path)
    except FileNotFoundError:  # its erasure has ended
        return True
    except (OSError, *_UNREADABLE):
        return False
    return True


def _read(path: Path) -> Interrupted:
    noted = json.loads(path.read_text())
    subject = Subject(**{name: _tuple(value) for name, value in noted["subject"].items()})
    return Interrupted(path, ErasureOrigin(**noted["origin"]), subject)


def _tuple(value: object) -> Any:  # noqa: ANN401
    return tuple(value) if isinstance(value, list) else value


def _without_facts(subject: Subject) -> Subject:
    """``subject`` without what PostHog knows of its persons beside their ids."""
    known = zip(subject.ids, subject.persons, strict=True)
    return replace(
        subject,
        persons=tuple({"id": id_, "distinct_ids": person["distinct_ids"], "properties": {}} for id_, person in known),
    )
