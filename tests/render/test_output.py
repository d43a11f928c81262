"""Where output goes: a whole file or the old one, nothing left behind, and a reader who leaves early is no error."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from usertrack.cli.output import FORMATS, emit
from usertrack.core.document import Document, Paragraph
from usertrack.core.errors import UsageError
from usertrack.core.table import Column, Row, Table

from . import documents
from .conftest import OnDisk

TABLE = Table(
    (Column("n", "BIGINT"), Column("name")), [(1, "a"), (2, "b"), (3, "c")], name="letters", notes=("a note",)
)


class Failing(Sequence[Row]):
    """Rows that stop half-way, as an interrupted or broken source does."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: Any) -> Any:
        raise self.error

    def __iter__(self) -> Iterator[Row]:
        yield (1, "a")
        raise self.error


def test_a_table_is_the_default_and_notes_are_talk(capsys: pytest.CaptureFixture[str]) -> None:
    emit(TABLE)
    out, err = capsys.readouterr()
    assert out == " letters · 3 rows\n\n  n  name\n  1  a\n  2  b\n  3  c\n"
    assert err == "note: a note\n"


def test_plain_lines_are_not_wrapped(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)  # xdist gives its workers one
    emit(Table((Column("x"),), [("word " * 100,)]))
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) > 400


def test_a_limit_that_the_user_gave_cuts_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    emit(TABLE, fmt="csv", limit=1)
    assert capsys.readouterr().out == "n,name\n1,a\n"
    emit(TABLE, fmt="csv", limit=0)
    assert capsys.readouterr().out.count("\n") == 4
    emit(TABLE, limit=2)
    assert "1 more" in capsys.readouterr().out


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_format_to_a_file(fmt: str, tmp_path: Path) -> None:
    emit(documents.segments(), fmt=fmt, output=tmp_path / "out")
    assert (tmp_path / "out").stat().st_size > 100
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("fmt", ["csv", "parquet"])
def test_every_format_to_a_pipe_is_the_same_as_to_a_file(
    fmt: str, tmp_path: Path, on_disk: OnDisk, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    for table in (TABLE, on_disk(TABLE)):
        emit(table, fmt=fmt)
        emit(table, fmt=fmt, output=tmp_path / "out")
        assert capsysbinary.readouterr().out == (tmp_path / "out").read_bytes()


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a.csv", b"n,name"),
        ("a.TSV", b"n\tname"),
        ("a.ndjson", b'{"n":1'),
        ("a.json", b'{"columns"'),
        ("a.md", b"# letters"),
        ("a.htm", b"<!doctype html>"),
        ("a.parquet", b"PAR1"),
        ("a.xlsx", b"PK"),
        ("a.txt", b" letters"),
        ("a", b" letters"),
    ],
)
def test_the_suffix_says_the_format(name: str, start: bytes, tmp_path: Path) -> None:
    emit(TABLE, output=tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)


def test_unknown_formats_are_named_with_their_neighbours(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no format named 'cvs'") as caught:
        emit(TABLE, fmt="cvs")
    assert "did you mean 'csv'?" in caught.value.hint
    with pytest.raises(UsageError, match=r"there is no format for '\.pdf'"):
        emit(TABLE, output=tmp_path / "a.pdf")


def test_a_document_without_a_table_has_no_csv() -> None:
    with pytest.raises(UsageError, match="no csv output") as caught:
        emit(Document("x", (Paragraph("y"),), data=dict), fmt="csv")
    assert caught.value.hint == "use --format table, json, markdown or html"


def test_a_documents_own_json(capsys: pytest.CaptureFixture[str]) -> None:
    emit(Document("x", data=lambda: {"at": documents.AS_OF, "rate": float("nan"), "who": "שירה"}), fmt="json")
    assert capsys.readouterr().out == '{\n  "at": "2026-11-20T08:00:00Z",\n  "rate": null,\n  "who": "שירה"\n}\n'


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("boom")])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(error: BaseException, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("old")
    with pytest.raises(type(error)):
        emit(Table(TABLE.columns, Failing(error)), output=path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


ENDLESS = """
class Endless:
    def __len__(self): return 10**12
    def __iter__(self): return iter(())
    def scan(self): return "range(1000000000000) t(n)"
    def reader(self): return connect()
emit(Table(table.columns, Endless()), output=Path(sys.argv[1]))
"""


def test_ctrl_c_stops_an_export_that_duckdb_writes(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("old")
    started = subprocess.Popen([sys.executable, "-c", HEAD + ENDLESS, path], stderr=subprocess.DEVNULL)
    while not any(file.stat().st_size for file in tmp_path.glob(".usertrack-*/*")):
        assert started.poll() is None
        time.sleep(0.02)
    started.send_signal(signal.SIGINT)
    assert started.wait(timeout=20) != 0
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it is a directory"):
        emit(TABLE, fmt="csv", output=tmp_path)
    with pytest.raises(UsageError, match=r"there is no folder '.*missing'"):
        emit(TABLE, output=tmp_path / "missing" / "a.csv")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"there is no folder '.*file'"):
        emit(TABLE, output=tmp_path / "file" / "a.csv")


def test_links_are_followed_and_modes_kept(tmp_path: Path) -> None:
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    emit(TABLE, output=link)
    assert link.is_symlink()
    assert real.read_text().startswith("n,name")
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    for fmt in FORMATS:
        emit(TABLE, fmt=fmt, output=tmp_path / fmt)
        assert (tmp_path / fmt).stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_pipe_of_the_shell_is_written_to() -> None:
    reading, writing = os.pipe()
    with open(reading) as pipe:
        emit(TABLE, fmt="csv", output=Path(f"/dev/fd/{writing}"))
        os.close(writing)
        assert pipe.read().startswith("n,name")


def test_a_device_is_written_to_and_not_replaced() -> None:
    emit(TABLE, fmt="csv", output=Path(os.devnull))
    assert Path(os.devnull).is_char_device()


HEAD = """
import os, signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell ignores it
from usertrack.cli.output import emit
from usertrack.core.spool import connect
from usertrack.core.errors import UsageError
from usertrack.core.table import Column, Table
table = Table((Column('n', 'BIGINT'),), [(n,) for n in range(100_000)])
"""


def run(code: str, **options: Any) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([sys.executable, "-c", HEAD + code], stderr=subprocess.PIPE, check=False, **options)


FULL_DISK = """
rows = [(n, os.urandom(40).hex()) for n in range(4_000)]
columns = (Column("n", "BIGINT"), Column("name"))
folder, fmt = Path(sys.argv[1]), sys.argv[2]
path = folder / "people"
path.write_text("old")
try:
    emit(Table(columns, rows), fmt=fmt, output=path)
except UsageError as error:
    print(error.message.replace(str(folder), ""), "|", error.hint.replace(str(folder), ""))
print(path.read_text(), os.listdir(folder))
"""


@pytest.mark.parametrize("fmt", FORMATS)
def test_a_full_disk_leaves_the_old_file(fmt: str, tmp_path: Path) -> None:
    """A file system of 64 KiB, in a mount namespace that ends with the process."""
    mount = f"mount -t tmpfs -o size=64k tmpfs '{tmp_path}'"
    if subprocess.run(["unshare", "-m", "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a tmpfs here")
    shell = ["unshare", "-m", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    done = subprocess.run(
        [*shell, sys.executable, "-c", HEAD + FULL_DISK, tmp_path, fmt], capture_output=True, text=True, check=False
    )
    error, content = done.stdout.splitlines()
    assert error.startswith("cannot write '/people': ")
    assert "No space left on device" in error
    assert error.endswith("| '/people' is unchanged")
    assert content == "old ['people']"
    assert done.stderr == ""


@pytest.mark.parametrize("fmt", ["table", "csv", "json", "html"])
def test_a_reader_who_leaves_early_is_no_error(fmt: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run(f"emit(table, fmt='{fmt}'); raise SystemExit(6)", stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (6, b"")


@pytest.mark.parametrize("fmt", ["table", "csv"])
def test_a_full_device_behind_standard_output(fmt: str) -> None:
    code = f"try: emit(table, fmt='{fmt}')\nexcept UsageError as error: raise SystemExit(error.message)"
    with Path("/dev/full").open("wb") as full:
        done = run(code, stdout=full)
    assert done.stderr == b"cannot write to standard output: No space left on device\n"


def test_binary_formats_do_not_go_to_a_terminal() -> None:
    main, terminal = os.openpty()
    code = (
        "try: emit(table, fmt='xlsx')\nexcept UsageError as error: raise SystemExit(error.message + ': ' + error.hint)"
    )
    done = run(code, stdout=terminal)
    os.close(terminal)
    os.close(main)
    assert done.stderr == b"xlsx is binary and would garble the terminal: add --output FILE.xlsx\n"


def seen_on_a_terminal(**environment: str) -> bytes:
    main, terminal = os.openpty()
    env = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    code = "emit(Table((Column('primary'),), [('[bold]x',)], title='T'))"
    done = run(code, stdout=terminal, env=env | {"TERM": "xterm-256color"} | environment)
    os.close(terminal)
    with open(main, "rb", buffering=0) as stream:
        printed = stream.read(4096)
    assert done.returncode == 0, done.stderr
    assert b"[bold]x" in printed
    return printed


def written_to_a_terminal(code: str) -> bytes:
    main, terminal = os.openpty()
    done = run(code, stdout=terminal)
    os.close(terminal)
    with open(main, "rb", buffering=0) as stream:
        printed = stream.read(4096)
    assert done.returncode == 0, done.stderr
    return printed.replace(b"\r\n", b"\n")


def test_data_on_a_terminal_cannot_command_it() -> None:
    code = "emit(Table((Column('a'), Column('b')), [('\\x1b]0;x\\x07\\x9b', 'é')]), fmt='{}')"
    assert written_to_a_terminal(code.format("csv")).decode() == "a,b\n␛]0;x␇\\x9b,é\n"
    assert written_to_a_terminal(code.format("jsonl")).decode() == '{"a":"\\u001B]0;x\\u0007\\x9b","b":"é"}\n'
    piped = run(code.format("csv"), stdout=subprocess.PIPE).stdout
    assert piped.decode() == "a,b\n\x1b]0;x\x07\x9b,é\n"


def test_colour_is_for_terminals_only_and_can_be_refused() -> None:
    assert b"\x1b[1mT\x1b[0m" in seen_on_a_terminal()
    assert b"\x1b[38" not in seen_on_a_terminal(NO_COLOR="1")
    assert b"\x1b" not in run("emit(Table((Column('n'),), [('x',)], title='T'))", stdout=subprocess.PIPE).stdout


def test_a_poor_locale_is_no_crash() -> None:
    done = run(
        "emit(Table((Column('n'),), [('שירה',)], title='T'))",
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 0, done.stderr
    assert b"\\u05e9" in done.stdout


def test_a_workbook_through_a_pipe(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    emit(TABLE, fmt="xlsx")
    book = openpyxl.load_workbook(io.BytesIO(capsysbinary.readouterr().out))
    assert [cell.value for cell in book["Data"][2]] == [1, "a"]
