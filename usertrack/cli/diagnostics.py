"""Writes errors, hints, notes and progress to standard error; no other module does. Data never goes there."""

import json
import os
import shutil
import sys
import textwrap
from itertools import takewhile, zip_longest
from types import TracebackType
from typing import Any

from usertrack.cli import pager
from usertrack.core.errors import UsertrackError


def error(problem: UsertrackError) -> None:
    """Write ``error: …`` and ``hint: …``; with `--format json`, one line of JSON, as the last line."""
    _error(problem.code, problem.message, problem.hint, problem.exit_code)


def _error(code: str, message: str, hint: str, exit_code: int) -> None:
    if _requested_format() in ("json", "jsonl"):
        payload = {"code": code, "message": message, "hint": hint, "exit": exit_code}
        sys.stderr.write(json.dumps({"error": payload}) + "\n")
        sys.stderr.flush()
        return
    _line("error", message)
    if hint:
        _line("hint", hint)


def _requested_format() -> str:
    """The format in the command line, read without Typer: parsing may be what failed."""
    fmt = os.environ.get("USERTRACK_FORMAT", "")
    words = list(takewhile("--".__ne__, sys.argv[1:]))
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        if word in ("-f", "--format"):
            fmt = following
        elif word.startswith(("-f", "--format=")):
            fmt = word.removeprefix("--format=").removeprefix("-f")
    return fmt


def note(text: str) -> None:
    pager.after_pager(lambda: _line("note", text))


def hint(text: str) -> None:
    pager.after_pager(lambda: _line("hint", text))


def confirm(action: str) -> bool:
    """Ask at the terminal whether to do ``action``; raises UsageError without a terminal."""
    from usertrack.core.errors import UsageError
    from usertrack.render.safe import visible

    if not has_terminal():
        raise UsageError(f"there is no terminal to ask whether to {action}", "add --yes to do it without asking")
    sys.stderr.write(f"{visible(action)}? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def says_yes(question: str) -> bool:
    """Whether somebody at the terminal answers with yes, or with nothing."""
    return ask(question, "yes").lower() in ("y", "yes")


def ask(question: str, default: str = "", *, hidden: bool = False) -> str:
    """The answer typed at the terminal, ``default`` for an empty one. A ``hidden`` one is not shown, nor its default.

    Raises UsageError where a terminal cannot hide what is typed, typer.Abort at the end of the input.
    """
    import getpass
    import warnings

    import typer

    from usertrack.core.errors import UsageError
    from usertrack.render.safe import visible

    prompt = f"{visible(question)}{f' [{visible(default)}]' if default and not hidden else ''}: "
    try:
        if hidden:
            with warnings.catch_warnings():
                warnings.simplefilter("error", getpass.GetPassWarning)
                return getpass.getpass(prompt, stream=sys.stderr).strip() or default
        sys.stderr.write(prompt)
        sys.stderr.flush()
        line = sys.stdin.readline()
    except getpass.GetPassWarning as error:
        raise UsageError("this terminal cannot hide what is typed", "pipe the answers to standard input") from error
    except EOFError:
        line = ""
    if not line:
        raise typer.Abort
    return line.strip() or default


def has_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def unexpected(problem: BaseException) -> None:
    """Write one line about a bug of usertrack, without values, which may be secret."""
    trace = problem.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f" at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else ""
    hint = "this is a bug, please report it; USERTRACK_DEBUG=1 shows the whole trace"
    _error("bug", f"usertrack itself failed ({type(problem).__name__}{place})", hint, 1)


def _line(kind: str, text: str) -> None:
    from usertrack.render.safe import visible

    message = f"{kind}: {visible(text)}"
    if sys.stderr.isatty():  # a terminal would break words in two
        message = "\n".join(textwrap.wrap(message, shutil.get_terminal_size().columns, break_on_hyphens=False))
    sys.stderr.write(f"{_coloured(kind)}{message.removeprefix(kind)}\n")
    sys.stderr.flush()


_COLOURS = {"error": "31", "hint": "36", "note": "33"}


def _coloured(kind: str) -> str:
    if not sys.stderr.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return kind
    return f"\x1b[1;{_COLOURS[kind]}m{kind}\x1b[0m"


_BAR = 20  # characters


class Progress:
    """A spinner on a terminal; without a terminal only lines that matter later, such as retries.

    A call writes a line. With ``passing`` the message is shown in the spinner until the next one; with ``unseen`` it is
    a line where there is no spinner.
    """

    def __init__(self) -> None:
        self._status: Any = None
        self._total = self._count = 0

    def __enter__(self) -> "Progress":
        if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            from rich.console import Console

            self._status = Console(stderr=True).status("starting", spinner="dots")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Clear the line, before data is printed."""
        if self._status:
            self._status.stop()
            self._status = None

    def __call__(self, message: str, *, passing: bool = False, unseen: bool = False) -> None:
        if not passing or (unseen and not self._status):
            self._above(message)
        elif self._status:
            from rich.text import Text

            self._status.update(Text(message))

    def expect(self, total: int) -> None:
        """``total`` more queries are about to run."""
        self._total, self._count = total, 0
        self(f"running {total} queries", passing=True)

    def done(self, statement: Any, answer: Any) -> None:  # noqa: ANN401
        self._count += 1
        self._total = max(self._total, self._count)
        part = self._count * _BAR // self._total
        bar = "━" * part + "╌" * (_BAR - part)
        self(f"{bar} {self._count} of {self._total} answered, last {statement.name}", passing=True)

    def _above(self, message: str) -> None:
        if self._status:
            self._status.stop()
        note(message)
        if self._status:
            self._status.start()
