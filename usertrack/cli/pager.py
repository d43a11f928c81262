"""A pager for an answer that is longer than the terminal: pydoc's, which is rich's, too.

It is a command for the shell, as in git and man, and comes from the environment alone: no file of a workspace chooses
what runs. It gets the answer on its standard input. It starts when the command has closed its sources, so that nobody
waits for a lock while somebody reads. Notes follow it.
"""

import io
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from typing_extensions import Buffer

_OFF = ("", "cat", "off")
_DEFAULTS = {"LESS": "FRX", "LV": "-c"}  # as git sets them: colours, and the text stays on the screen
MOST_BYTES = 16 << 20  # bytes, some 100 000 rows: nobody reads more, and memory should not hold it

_pages: "_Pages | None" = None  # of the command that runs; None: there is no pager for it
_notes: list[Callable[[], None]] = []


@contextmanager
def paging() -> Iterator[None]:
    """Show what a command writes to the terminal in a pager, at its end, where it is longer than the screen."""
    global _pages
    command = _command()
    if not (sys.stdout.isatty() and command and os.environ.get("TERM", "dumb") != "dumb"):
        yield
        return
    _pages = _Pages()
    try:
        yield
    except Exception:  # an error, or an exit code, that follows the answer
        _show(command, _pages)
        raise
    else:
        _show(command, _pages)
    finally:
        _pages = None
        _notes.clear()


@contextmanager
def screen(stdout: TextIO) -> Iterator[TextIO]:
    """Yield ``stdout`` or, where there is a pager, a stand-in for it that keeps what is written."""
    if _pages is None:
        yield stdout
        return
    stand_in = io.TextIOWrapper(_pages, encoding=stdout.encoding, errors="backslashreplace", write_through=True)
    try:
        yield stand_in
        stand_in.flush()
    finally:
        stand_in.detach()


def after_pager(write: Callable[[], None]) -> None:
    """Call ``write`` now or, while something waits for the pager, behind that."""
    if _pages and _pages.tell():
        _notes.append(write)
    else:
        write()


class _Pages(io.BytesIO):
    """The answer until its end, or until it is too long to be held: then the terminal gets it as it comes."""

    _is_too_long = False

    def isatty(self) -> bool:
        return True

    def write(self, data: "Buffer") -> int:
        count = super().write(data)
        if self._is_too_long or self.tell() > MOST_BYTES:
            self._is_too_long = True
            self.print()
        return count

    def print(self) -> None:
        sys.stdout.buffer.write(self.getvalue())
        self.seek(0)
        self.truncate()

    def text(self) -> str:
        return self.getvalue().decode(errors="replace")

    def is_longer_than_the_screen(self) -> bool:
        from rich.text import Text

        size = shutil.get_terminal_size()
        lines = self.text().split("\n", size.lines + 1)[: size.lines + 1]
        widths = (Text.from_ansi(line).cell_len for line in lines)
        return sum(max(1, -(-width // size.columns)) for width in widths) > size.lines


def _command() -> str:
    """The pager's command line; empty for none, and for a program that is not there."""
    command = os.environ.get("USERTRACK_PAGER", os.environ.get("PAGER", "less")).strip()
    try:
        program = next((word for word in shlex.split(command) if "=" not in word), "")
    except ValueError:  # a quote that is open
        return ""
    return command if command not in _OFF and shutil.which(program) else ""


def _show(command: str, pages: _Pages) -> None:
    sys.stdout.flush()
    if pages.is_longer_than_the_screen():
        import pydoc

        os.environ.update(_DEFAULTS | os.environ)
        handler = signal.signal(signal.SIGINT, lambda number, frame: None)  # the pager would inherit SIG_IGN
        try:
            pydoc.pipepager(pages.text(), command)
        finally:
            signal.signal(signal.SIGINT, handler)
    else:
        pages.print()
        sys.stdout.flush()
    for write in _notes:
        write()
