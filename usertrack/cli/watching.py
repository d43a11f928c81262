"""`--watch`: a command that reads, asked again and again until Ctrl-C or until nobody reads its output any more.

On a terminal each answer takes the place of the one before; elsewhere it follows it, whole. What goes wrong in one
round is shown, and the next round may go well; only what was typed wrongly ends the first.
"""

import contextlib
import io
import os
import select
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

from usertrack.cli import diagnostics, interrupts
from usertrack.core.errors import UsageError, UsertrackError
from usertrack.render.safe import visible

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

_FORMATS = ("table", "json", "jsonl", "csv", "tsv", "markdown")

Ask = Callable[[int], None]
"""A round of the command; the number of the round counts from 1."""


def watch(seconds: int, ask: Ask) -> None:
    """Call ``ask``, and again ``seconds`` after each answer. Ends when standard output is closed; else with Ctrl-C."""
    reader = os.dup(1)  # what is written to a closed pipe is discarded, and standard output is another one after that
    try:
        if sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
            _redraw(seconds, ask, reader)
        else:
            _append(seconds, ask, reader)
    finally:
        os.close(reader)


def require_watchable(fmt: str, *, to_file: bool) -> None:
    """Raise UsageError for an answer of which only one fits into a file, or that goes to a file."""
    if to_file:
        raise UsageError("--watch and --output are two different things", "append instead: `… --watch 60 >> FILE`")
    if fmt and fmt not in _FORMATS:
        raise UsageError(f"--watch has no {fmt}: one {fmt} cannot follow another", f"use {', '.join(_FORMATS)}")


def stamp(fmt: str, timezone: str, round_number: int) -> None:
    """Say when the answer that follows was given: above it, or as a note where the format has no place for it."""
    now = datetime.now(ZoneInfo(timezone))
    moment = f"{now.day} {now:%b %Y, %H:%M:%S %Z}"
    if fmt in ("table", "markdown"):
        sys.stdout.write(f"{'' if round_number == 1 or sys.stdout.isatty() else chr(10)}{moment}\n\n")
    else:
        diagnostics.note(moment)


def _ask(ask: Ask, number: int, reader: int) -> bool:
    """Whether this round had an answer, if an incomplete one; an error is written.

    Raises what was typed wrongly, and the error for a standard output that takes no more.
    """
    try:
        ask(number)
    except typer.Exit:
        return True
    except UsertrackError as problem:
        typed_wrongly = number == 1 and isinstance(problem, UsageError)
        if interrupts.was_interrupted() or typed_wrongly or not os.path.sameopenfile(1, reader):
            raise
        diagnostics.error(problem)
        return False
    return True


def _append(seconds: int, ask: Ask, reader: int) -> None:
    number = 1
    while True:
        _ask(ask, number, reader)
        if _is_closed(reader, seconds):
            return
        number += 1


def _is_closed(reader: int, seconds: float) -> bool:
    """Whether nobody reads ``reader`` any more; waits up to ``seconds`` for that."""
    poll = select.poll()
    poll.register(reader, 0)  # an error or a hang-up is always told
    return bool(poll.poll(seconds * 1000))


# On a terminal


class _Capture(io.TextIOWrapper):
    """What a round writes for the terminal."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors="backslashreplace")

    def isatty(self) -> bool:
        return True

    @property
    def text(self) -> str:
        self.flush()
        self.seek(0)
        return self.read()


def _redraw(seconds: int, ask: Ask, reader: int) -> None:
    from rich.console import Console
    from rich.live import Live

    stdout, answer = sys.stdout, ""
    console = Console(file=stdout, highlight=False)
    title = f"every {seconds} s · usertrack {visible(shlex.join(sys.argv[1:]))}"
    number, messages = 1, ""
    try:
        with Live(
            console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        ) as live:
            while True:
                _draw(live, f"{title} · asking …", answer, messages)
                out, err = _Capture(), io.StringIO()
                with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                    has_answer = _ask(ask, number, reader)
                answer, messages = out.text if has_answer else answer, err.getvalue()
                if _drawn_until_next(live, title, answer, messages, seconds, reader):
                    return
                number += 1
    finally:
        stdout.write(answer)  # the last one stays, whole


def _drawn_until_next(live: "Live", title: str, answer: str, messages: str, seconds: int, reader: int) -> bool:
    """Draw, and again when the terminal changes its size, for ``seconds``. Whether the terminal was closed."""
    end, size = time.monotonic() + seconds, None
    while (left := end - time.monotonic()) > 0:
        if size != (size := shutil.get_terminal_size()):
            _draw(live, title, answer, messages)
        if _is_closed(reader, min(1.0, left)):
            return True
    return False


def _draw(live: "Live", title: str, answer: str, messages: str) -> None:
    """One screen: the title, as much of the answer as fits, and below it what went to standard error."""
    from rich.console import Group
    from rich.text import Text

    width, height = live.console.size
    below = _rows(messages, width)[: height // 2]
    room = height - 2 - len(below) - bool(below)
    above = _rows(answer, width)
    if len(above) > room:
        hidden = len(above) - room + 1
        above[room - 1 :] = [Text(f" {hidden} more lines · a higher terminal shows more, a pipe all", style="dim")]
    head = Text(title, style="dim", no_wrap=True, overflow="ellipsis")
    live.update(Group(head, Text(), *above, *([Text(), *below] if below else [])), refresh=True)


def _rows(text: str, width: int) -> list["Text"]:
    """``text`` in rows, as a terminal of this width shows it."""
    from rich.console import Console
    from rich.text import Text

    console = Console(width=width)
    rows: list[Text] = []
    for line in text.rstrip("\n").split("\n"):
        row = Text.from_ansi(line)
        row.expand_tabs(8)
        rows += [row] if row.cell_len <= width else row.wrap(console, width)
    return rows if text else []
