"""The session of a command that queries sources: settings, library, rules, a runner, and the output."""

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usertrack.cli import diagnostics, output
from usertrack.cli.common import Common, settings_of
from usertrack.core.errors import INCOMPLETE, ConnectionFailed, SourceBusy
from usertrack.segments.analysis import Analysis
from usertrack.workspace.files import library_of

if TYPE_CHECKING:
    from usertrack.core.document import Document
    from usertrack.core.table import Table
    from usertrack.engine.runner import Runner
    from usertrack.workspace.settings import Settings


@dataclass
class Session(Analysis):
    """The analysis of a command. ``incomplete`` makes the exit code 6, after the answer is written."""

    progress: diagnostics.Progress
    common: Common = field(default_factory=Common)
    name: str = ""  # of the person, where the answer is about one

    @property
    def watched_runner(self) -> "Runner":
        """The runner, with a bar of what the checks ask: each query, and some three questions about each entity."""
        library = self.runner.library
        self.progress.expect(len(library.files) + 3 * len(library.entities.present))
        return self.runner.watched(self.progress.done)

    def emit(self, answer: "Document | Table", limit: int | None = None) -> None:
        self.progress.stop()
        emit(self._with_own_notes(answer), self.settings, self.common, limit)

    def pseudonymised(self, document: "Document", limit: int | None = None) -> "Document":
        """``document`` with pseudonyms instead of e-mails, and without the name of its person."""
        from usertrack.core.pseudonyms import Pseudonyms
        from usertrack.workspace.key import pseudonym_key

        also = {self.name: "[name]"}
        return Pseudonyms(pseudonym_key(self.settings), self.settings["internal"], also).document(document, limit)

    def _with_own_notes(self, answer: "Document | Table") -> "Document | Table":
        """``answer`` with its age, where it is from the cache, and the damage of the store that it is from."""
        from usertrack.core.document import Document

        notes = tuple(filter(None, [self.runner.stale, *self.runner.damage]))
        if not notes:
            return answer
        age = {"asked_at": self.runner.asked_at} if self.runner.stale else {}
        noted = replace(answer, notes=tuple(dict.fromkeys((*notes, *answer.notes))))
        if isinstance(noted, Document) and (data := noted.data):
            return replace(noted, data=lambda: _with_notes(data(), notes, age))
        return noted


def _with_notes(data: Any, notes: Sequence[str], age: dict[str, Any]) -> Any:  # noqa: ANN401
    """A command's own JSON with these notes, and with the time at which the sources were asked."""
    if not isinstance(data, dict):
        return data
    return data | age | {"notes": list(dict.fromkeys((*notes, *data.get("notes", ()))))}


@contextmanager
def open_session(common: Common, *, cached: bool = True, settings: "Settings | None" = None) -> Iterator[Session]:
    """A session on the sources of the workspace, closed afterwards; exits with 6 when the answer was incomplete.

    Without ``cached`` the cache is not used. ``settings`` replace those of ``common``.
    """
    import typer

    from usertrack.engine.connect import open_runner

    settings = settings or settings_of(common)
    library = library_of(settings)
    format_of(settings, common)  # a wrong one is an error before any query runs
    say_demo(settings)
    for note in () if settings.uses_demo else settings.notes:
        diagnostics.note(note)
    now, purpose = datetime.now(UTC), common.purpose
    with (
        diagnostics.Progress() as progress,
        open_runner(settings, library, now=now, notify=progress, purpose=purpose, cached=cached) as runner,
    ):
        if runner.future:
            diagnostics.note(f"{runner.future} is in the future: the answer assumes that nothing happens until then")
        session = Session(settings, runner, progress, common=common)
        try:
            yield session
        except (ConnectionFailed, SourceBusy) as problem:
            asking = shlex.join(["usertrack", *(word for word in sys.argv[1:] if word != "--offline")])
            keeping = f"`{asking}` asks, and keeps the answers" if problem.code == "not_kept" else ""
            problem.hint = "; ".join(filter(None, [problem.hint or keeping, runner.fallback]))
            raise
    if session.incomplete or session.runner.damage:
        for remedy in runner.remedies:
            diagnostics.hint(remedy)
        if runner.fallback:
            diagnostics.note(runner.fallback)
        if not (settings.has_posthog and settings.has_postgres):
            say_unread_env_file(settings)
        raise typer.Exit(INCOMPLETE)


@contextmanager
def open_data_session(common: Common, data: Path | None) -> Iterator[Session]:
    """A session on the configured sources, or with the embedded server of ``data`` in place of PostHog; uncached."""
    if data is None:
        with open_session(common, cached=False) as session:
            yield session
        return
    from usertrack.server.serve import serving
    from usertrack.workspace.setting import Setting

    settings = settings_of(common)
    with serving(data, os.environ) as (url, keys):
        options = {"host": url, "project_id": str(keys.project_id), "personal_api_key": keys.personal_api_key}
        values = {f"posthog.{name}": Setting(value, "--data") for name, value in options.items()}
        own = replace(settings, values={**settings.values, **values}, demo=False)
        with open_session(common, cached=False, settings=own) as session:
            yield session


def say_demo(settings: "Settings") -> None:
    """Note that the data is the demo's, unless `--demo` was given."""
    if settings.uses_demo and not settings.demo:
        if settings.root is None:
            diagnostics.note("demo data · connect your own with `usertrack login`")
        else:
            todo = "`usertrack login` connects yours"
            name = settings.root.resolve().name
            diagnostics.note(f"demo data, since workspace '{name}' has no sources yet · {todo}")
        say_unread_env_file(settings)
    if settings.uses_demo and settings.offline:
        diagnostics.note("the demo is on this machine, and needs no network")


def say_unread_env_file(settings: "Settings") -> None:
    """Note the `.env` that somebody may take for the workspace's."""
    if settings.unread_env_file:
        diagnostics.note(settings.unread_env_file)


def emit(answer: "Document | Table", settings: "Settings", common: Common, limit: int | None = None) -> None:
    """Write the answer to standard output or ``--output``."""
    fmt = format_of(settings, common)
    output.emit(answer, fmt=fmt, output=common.output, limit=limit, note=diagnostics.note)
    _say_what_was_written(answer, fmt, common.output, limit)
    _say_what_was_cut(answer, fmt, limit)


def _say_what_was_written(answer: "Document | Table", fmt: str, path: Path | None, limit: int | None) -> None:
    from usertrack.core.document import Document
    from usertrack.core.words import plural

    if output.file_of(path) is None:
        return
    table = answer.table if isinstance(answer, Document) else answer
    if table is None or fmt in ("table", "json", "markdown", "html"):
        diagnostics.note(f"wrote {path}")
    else:
        count = min(limit or len(table.rows), len(table.rows))
        diagnostics.note(f"wrote {path} ({plural(count, 'row')})")


def format_of(settings: "Settings", common: Common) -> str:
    """The format to use: the ending of `--output` goes before a default. UsageError: an unknown one."""
    fmt = "" if common.output is not None and common.format is None else settings["format"] or ""
    return output.format_of(fmt, common.output)


def _say_what_was_cut(answer: "Document | Table", fmt: str, limit: int | None) -> None:
    """Note what `--limit` left out, for formats that have no place for it."""
    from usertrack.core.document import Document
    from usertrack.segments.view import cut_note

    table = answer.table if isinstance(answer, Document) else answer
    if table is not None and fmt not in ("table", "json", "markdown", "html"):
        for line in cut_note(len(table.rows), limit):
            diagnostics.note(line)
