"""Writes answers to standard output or to a file; no other module does.

A file is complete or not written at all. A reader who closes the pipe early is no error.
"""

import codecs
import contextlib
import errno
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from usertrack.cli import pager
from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.temporary import temporary_folder

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from usertrack.core.document import Document
    from usertrack.core.table import Table

FORMATS = ("table", "json", "jsonl", "csv", "tsv", "markdown", "html", "parquet", "xlsx")
_BINARY = ("parquet", "xlsx")
_SUFFIXES = {f".{fmt}": fmt for fmt in FORMATS[1:]} | {
    ".ndjson": "jsonl",
    ".md": "markdown",
    ".htm": "html",
    ".txt": "table",
    "": "table",
}
_ENDLESS = 100_000  # columns of a pipe or a file: plain lines are not wrapped there


def emit(
    answer: "Document | Table",
    *,
    fmt: str = "",
    output: Path | None = None,
    limit: int | None = None,
    note: Callable[[str], None] | None = None,
) -> None:
    """Write a document or a table to standard output, or to the file ``output`` (``-`` is standard output).

    Without ``fmt`` the suffix of ``output`` decides, else it is ``table``. ``limit`` is the user's: None is every row
    in data formats and files, and elsewhere the listings' own limits, as in reports; 0 is all. Notes are in the format
    where it has a place for them, else they go to ``note`` (standard error). Raises UsageError for an unknown format,
    one that the answer does not have, and an unwritable file; an existing file only changes when the new one is
    complete.
    """
    from usertrack.core.document import of_table
    from usertrack.core.table import Table

    path = file_of(output)
    fmt = format_of(fmt, path)
    document = of_table(answer) if isinstance(answer, Table) else answer
    _require_format(document, fmt)
    if path is not None:
        is_report = document.provenance is not None  # its figures are the visible ones
        _to_file(document, fmt, path, 0 if limit is None and not is_report else limit)
    else:
        _to_stdout(document, fmt, limit)
    if fmt in ("table", "jsonl", "csv", "tsv", "parquet"):
        for line in document.notes:
            (note or _note)(line)


def emit_bytes(pieces: Iterable[bytes], output: Path | None, *, secret: bool = False) -> None:
    """Write exactly these bytes to standard output, or to a file; of a ``secret``, only the owner can read the file.

    Raises UsageError for an unwritable file; an existing file only changes when the new one is complete.
    """
    path = file_of(output)
    try:
        if path is None:
            sys.stdout.flush()
            with _standard_output(sys.stdout) as stdout:
                for piece in pieces:
                    stdout.write(piece)
            return
        with _replacing(path.expanduser()) as target, target.open("wb") as file:
            for piece in pieces:
                file.write(piece)
        if secret and path.is_file():
            path.chmod(0o600)
    except BrokenPipeError:
        discard_stdout()
    except OSError as error:
        raise UsageError(
            f"cannot write '{output or 'standard output'}': {_reason(error)}", "choose another place"
        ) from error


def file_of(output: Path | None) -> Path | None:
    """The file that ``output`` names; None where that is standard output."""
    return None if output is None or str(output) == "-" else output


def format_of(fmt: str, output: Path | None) -> str:
    """The format to use; raises UsageError for an unknown format or file ending."""
    if fmt:
        if fmt not in FORMATS:
            raise UsageError(f"no format named '{fmt}'", did_you_mean(fmt, FORMATS, "formats: " + ", ".join(FORMATS)))
        return fmt
    suffix = output.suffix.lower() if output else ""
    if suffix not in _SUFFIXES:
        raise UsageError(f"there is no format for '{suffix}'", "choose one with --format: " + ", ".join(FORMATS))
    return _SUFFIXES[suffix]


def _require_format(document: "Document", fmt: str) -> None:
    if document.table is None:
        require_page_format(fmt, has_json=bool(document.data))


def require_page_format(fmt: str, *, has_json: bool = True) -> None:
    """Raise UsageError for a format of tables: this answer is a page."""
    known = ["table", *(["json"] if has_json else []), "markdown", "html"]
    if fmt not in known:
        raise UsageError(f"this command has no {fmt} output", f"use --format {', '.join(known[:-1])} or {known[-1]}")


def _note(note: str) -> None:
    from usertrack.render.safe import visible

    sys.stderr.write(f"note: {visible(note)}\n")


def _write(document: "Document", fmt: str, target: Path | BinaryIO, limit: int | None) -> None:
    """Write the document in any format except ``table``."""
    if fmt in ("markdown", "html"):
        from usertrack.render import pages
        from usertrack.render.safe import utf8

        with _open_target(target) as file:
            for piece in pages.render(document, fmt, limit):
                file.write(utf8(piece))
        return
    from usertrack.render import data

    if fmt == "json" and document.data is not None:
        with _open_target(target) as file:
            file.write(data.document(document))
    elif document.table is not None:
        data.write(_head(document.table, limit), fmt, target)


def _head(table: "Table", limit: int | None) -> "Table":
    if not limit or limit >= len(table.rows):
        return table
    return replace(table, rows=list(islice(table.rows, limit)), truncated=True)


@contextlib.contextmanager
def _open_target(target: Path | BinaryIO) -> Iterator[BinaryIO]:
    if isinstance(target, Path):
        with target.open("wb") as file:
            yield file
    else:
        yield target


def _print(document: "Document", file: TextIO, limit: int | None) -> None:
    from rich.console import Console

    from usertrack.render import terminal

    class Screen(Console):
        def on_broken_pipe(self) -> None:
            """Rich would exit with 1."""
            raise BrokenPipeError

    wide = None if file.isatty() or os.environ.get("COLUMNS") else _ENDLESS
    plain = None if file is sys.stdout or file.isatty() else False  # FORCE_COLOR does not apply to files
    terminal.render(document, Screen(file=file, width=wide, force_terminal=plain, highlight=False), limit)


# Standard output


def _to_stdout(document: "Document", fmt: str, limit: int | None) -> None:
    if fmt in _BINARY and sys.stdout.isatty():
        raise UsageError(f"{fmt} is binary and would garble the terminal", f"add --output FILE.{fmt}")
    try:
        sys.stdout.flush()
        with pager.screen(sys.stdout) as stdout:
            if fmt == "table":
                _print(document, _with_escapes(stdout), limit)
            else:
                with _standard_output(stdout) as file:
                    _write(document, fmt, file, limit)
        sys.stdout.flush()
    except BrokenPipeError:
        discard_stdout()
    except OSError as error:
        raise unwritable(error) from error


@contextlib.contextmanager
def _standard_output(stdout: TextIO) -> Iterator[BinaryIO]:
    """Standard output for data: a pipe or file gets the exact bytes, a terminal no control characters."""
    if not stdout.isatty():
        yield stdout.buffer
    else:
        with io.BufferedWriter(_TerminalBytes(stdout.buffer)) as screen:
            yield screen
    stdout.flush()


class _TerminalBytes(io.RawIOBase):
    """A stream to a terminal that makes control characters visible."""

    def __init__(self, terminal: BinaryIO) -> None:
        self._terminal = terminal
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def writable(self) -> bool:
        return True

    def write(self, data: "Buffer") -> int:
        from usertrack.render.safe import on_screen, utf8

        self._terminal.write(utf8(on_screen(self._decoder.decode(data))))
        return memoryview(data).nbytes


def _with_escapes(stream: Any) -> TextIO:  # noqa: ANN401
    """The stream, which now writes an escape for a character that its encoding does not have."""
    with contextlib.suppress(AttributeError):
        stream.reconfigure(errors="backslashreplace")
    return stream  # type: ignore[no-any-return]


_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


def is_unwritable(problem: OSError) -> bool:
    """Whether standard output could not be written: Typer writes the help, for example, without `emit`."""
    return problem.errno in _UNWRITABLE and not problem.filename


def unwritable(error: OSError) -> UsageError:
    """The error for an answer that standard output does not take; drops what is still in its buffer."""
    discard_stdout()
    hint = "make room, or use --output" if error.errno != errno.EBADF else "open it, or use --output"
    return UsageError(f"cannot write to standard output: {_reason(error)}", hint)


def discard_stdout() -> None:
    """Send buffered and later output to /dev/null, so that a closed pipe causes no error at exit."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


# Files


def _to_file(document: "Document", fmt: str, path: Path, limit: int | None) -> None:
    try:
        with _replacing(path.expanduser()) as target:
            if fmt == "table":
                with target.open("w", encoding="utf-8", errors="backslashreplace") as file:
                    _print(document, file, limit)
            else:
                _write(document, fmt, target, limit)
    except OSError as error:
        raise _unwritable_file(path, error) from error


def require_writable(output: Path) -> None:
    """Raise the UsageError of `emit` for a file that cannot be written; nothing is made or changed."""
    try:
        path = output.expanduser()
        if file_of(output) and not _is_stream(path):
            path = _replaceable(path)
            with tempfile.TemporaryFile(dir=path.parent):  # a file without a name
                pass
    except OSError as error:
        raise _unwritable_file(output, error) from error
    except RuntimeError as error:  # `~nobody`
        raise UsageError(f"cannot write '{output}': there is no such user", "write the whole path") from error


def _unwritable_file(path: Path, error: OSError) -> UsageError:
    is_there = error.errno != errno.ENAMETOOLONG and path.exists()
    hint = f"'{path}' is unchanged" if is_there else "choose another place for --output"
    return UsageError(f"cannot write '{path}': {_reason(error)}", hint)


def _is_stream(path: Path) -> bool:
    """Whether it is a pipe, a device or the like, which is written to directly."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _replaceable(path: Path) -> Path:
    """The file that ``path`` is, or links to; raises OSError where there cannot be one."""
    path = path.resolve()
    if path.is_dir():
        raise IsADirectoryError(21, "it is a directory")
    if not path.parent.is_dir():
        raise NotADirectoryError(20, f"there is no folder '{path.parent}'")
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(13, "it is read-only")
    return path


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A temporary path that replaces ``path`` at the end, unless there was an error. No other file is left behind.

    Links are followed. A pipe, /dev/null and the like are written to directly.
    """
    if _is_stream(path):
        yield path
        return
    path = _replaceable(path)
    with temporary_folder(path.parent) as folder:
        target = folder / "output"
        yield target
        if path.exists():
            shutil.copymode(path, target)
        os.replace(target, path)


def _reason(error: OSError) -> str:
    return "it is closed" if error.errno == errno.EBADF else error.strerror or str(error)
