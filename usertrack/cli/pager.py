"""A pager for an answer that is longer than the terminal.

It is a command for the shell, as in git and man, and comes from the environment alone: no file of a workspace chooses
what runs. It gets the answer on its standard input. It starts when the command has closed its sources, so that nobody
waits for a lock while somebody reads; only a very long answer is shown while it is still written. Notes follow it.
"""

import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import IO, TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from typing_extensions import Buffer

_OFF = ("", "cat", "off")
_CANNOT_RUN = (126, 127)  # the shell's exit codes for a command that it cannot start
_DEFAULTS = {"LESS": "FRX", "LV": "-c"}  # as git sets them: colours, and the text stays on the screen
_LONG = 1 << 20  # bytes, more than any screen has

_pages: list[IO[bytes]] | None = None  # of the command that runs; None: there is no pager for it
_notes: list[Callable[[], None]] = []


@contextmanager
def paging() -> Iterator[None]:
    """Show what a command writes to the terminal in a pager, at its end, where it is longer than the screen."""
    global _pages
    command = _command()
    if not (sys.stdout.isatty() and command and os.environ.get("TERM", "dumb") != "dumb"):
        yield
        return
    _pages = []
    try:
        yield
    except Exception:  # an error, or an exit code, that follows the answer
        _show(command)
        raise
    else:
        _show(command)
    finally:
        _pages = None
        _notes.clear()


@contextmanager
def screen(stdout: TextIO) -> Iterator[TextIO]:
    """``stdout``, or, where there is a pager, a stand-in for it that keeps what does not fit on the screen."""
    if _pages is None:
        yield stdout
        return
    screen = _Screen(_command())
    stand_in = io.TextIOWrapper(io.BufferedWriter(screen), encoding=stdout.encoding, errors="backslashreplace")
    try:
        yield stand_in
        stand_in.flush()
    except BrokenPipeError:  # somebody has left the pager
        if screen.process is None:
            raise
    finally:
        screen.end()
    if screen.process is None and (_pages or _is_long(screen.file)):
        _pages.append(screen.file)
    elif screen.process is None:
        _print(screen.file)


def after_pager(write: Callable[[], None]) -> None:
    """Call ``write`` now or, while something waits for the pager, behind that."""
    if _pages:
        _notes.append(write)
    else:
        write()


class _Screen(io.RawIOBase):
    """Keeps what is written for the terminal. What is very long goes to the pager at once, and then piece by piece."""

    def __init__(self, command: str) -> None:
        self.file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed when it has been shown
        self.process: subprocess.Popen[bytes] | None = None
        self._command = command
        self._target: IO[bytes] | None = self.file  # None: nobody reads any more
        self._stack = ExitStack()

    def isatty(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def write(self, data: "Buffer") -> int:
        if self._target:
            try:
                self._target.write(data)
                if self._target is self.file and self.file.tell() > _LONG:
                    self._begin()
            except BrokenPipeError:
                self._target = None
                raise
        return memoryview(data).nbytes

    def _begin(self) -> None:
        self.file.seek(0)
        self.process = self._stack.enter_context(_pager(self._command, subprocess.PIPE))
        assert self.process.stdin
        try:
            shutil.copyfileobj(self.file, self.process.stdin)
            self._target = self.process.stdin
        except BrokenPipeError:
            if self.process.wait() not in _CANNOT_RUN:
                raise
            _print(self.file)
            self._target = sys.stdout.buffer

    def end(self) -> None:
        self._stack.close()


def _command() -> str:
    """The pager's command line; empty for none."""
    for name in ("USERTRACK_PAGER", "PAGER"):
        if name in os.environ:
            command = os.environ[name].strip()
            return "" if command in _OFF else command
    return "less" if shutil.which("less") else ""


def _is_long(held: IO[bytes]) -> bool:
    """Whether it takes more lines than the terminal has above its prompt."""
    from rich.text import Text

    size = shutil.get_terminal_size()
    held.seek(0)
    text = held.read(_LONG).decode(errors="replace")
    lines = [Text.from_ansi(line).cell_len for line in text.split("\n")[: size.lines + 1]]
    return sum(max(1, -(-width // size.columns)) for width in lines[:-1]) + bool(lines[-1]) > size.lines - 1


def _show(command: str) -> None:
    pages, notes = list(_pages or ()), list(_notes)
    if _pages:
        _pages.clear()
    sys.stdout.flush()
    for page in pages:
        if _run(command, page) in _CANNOT_RUN:
            _print(page)
        page.close()
    for write in notes:
        write()


def _run(command: str, page: IO[bytes]) -> int:
    """The exit code of the shell that runs ``command`` with ``page``."""
    page.seek(0)
    with _pager(command, page) as process:
        return process.wait()


@contextmanager
def _pager(command: str, stdin: IO[bytes] | int) -> Iterator["subprocess.Popen[bytes]"]:
    """The shell that runs ``command``, until it ends. Meanwhile Ctrl-C is for the pager."""
    recorded = signal.set_wakeup_fd(-1)
    handler = signal.signal(signal.SIGINT, lambda number, scope: None)  # the pager would inherit SIG_IGN
    try:
        process = subprocess.Popen(command, shell=True, stdin=stdin, env=_DEFAULTS | dict(os.environ))
        yield process
        if process.stdin:
            with suppress(BrokenPipeError):
                process.stdin.close()
        process.wait()
    finally:
        signal.signal(signal.SIGINT, handler)
        signal.set_wakeup_fd(recorded, warn_on_full_buffer=False)


def _print(page: IO[bytes]) -> None:
    page.seek(0)
    shutil.copyfileobj(page, sys.stdout.buffer)
    sys.stdout.flush()
