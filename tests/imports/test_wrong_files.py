"""What cannot be imported is named with its place, and nothing of it is written."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..conftest import Cli
from .conftest import Events, Import, imported, parquet

Rows = Callable[[str], list[list[Any]]]

BAD = """user,event,time
1,a,2024-01-01
2,"b
c",31/12/2024
,x,2024-01-01 10:00
4,,2024-01-13
5,e,20240104
6,f,2024-02-30 10:00:00
7,g,2024-01-01 25:00:00
"""


def test_bad_rows_are_named_by_line_and_nothing_is_written(load: Import, stored: Rows) -> None:
    result = load(BAD)
    assert result.code == 2
    assert "6 rows of" in result.err
    assert "4 have no readable timestamp (lines 3, 7, 8, …; such as '31/12/2024')" in result.err
    assert "1 has no distinct_id (line 5)" in result.err
    assert "1 has no event name (line 6)" in result.err
    assert "--skip-bad" in result.err
    for table in ("events", "persons", "person_distinct_ids", "property_definitions"):
        assert stored(f"SELECT toInt32(count()) FROM posthog.{table}") == [[0]]


def test_bad_rows_can_be_left_out(load: Import, stored: Rows) -> None:
    result = load(BAD, "--skip-bad")
    assert result.code == 0
    assert "left out: 4 have no readable timestamp" in result.err
    assert stored("SELECT event FROM posthog.events") == [["a"]]
    assert stored("SELECT toInt32(count()) FROM posthog.persons FINAL") == [[1]]


def test_nothing_but_bad_rows(load: Import) -> None:
    result = load("user,event,time\n1,a,soon\n", "--skip-bad")
    assert result.code == 2
    assert "no row of" in result.err


def test_bad_rows_of_parquet_are_counted_from_one(load: Import, tmp_path: Path) -> None:
    rows = "SELECT if(i = 3, NULL, 'u') AS user_id, 'x' AS event, TIMESTAMP '2024-01-01' AS time FROM range(6) AS r(i)"
    assert "1 has no distinct_id (row 4)" in load(parquet(tmp_path / "log.parquet", rows)).err


def test_properties_that_are_no_objects(load: Import, events: Events) -> None:
    rows = ("a", "{bad json"), ("a", "[1]"), ("a", "soon"), ("b", "{}"), ("c", ""), ("c", "")
    text = "user,event,time,properties\n" + "".join(f"1,{event},2024-01-01,{cell}\n" for event, cell in rows)
    result = load(text)
    assert result.code == 2
    assert "3 have properties that are no JSON object (lines 2, 3, 4)" in result.err
    assert imported(load(text, "--skip-bad", "-f", "json"))["skipped"] == 3
    assert {event: properties for _, _, event, properties in events()} == {"b": {}, "c": {}}


def test_text_in_another_encoding(load: Import, stored: Rows) -> None:
    text = "user,event,time,city\na,x,2024-01-01,Köln\nb,x,2024-01-01,Bonn\n"
    for encoding, place in (("latin-1", "not UTF-8 (line 2)"), ("utf-16", "line 1 of")):
        result = load(text.encode(encoding))
        assert (result.code, place in result.err, "iconv" in result.err) == (2, True, True), result.err
    assert load(text.encode("latin-1"), "--omit", "city").code == 0
    assert stored("SELECT toInt32(count()) FROM posthog.events") == [[2]]


def test_bytes_that_are_no_text(load: Import) -> None:
    row = b"a,x,2024-01-01\n"
    for content in (bytes(range(256)), b"user,event,time\n" + row + b"\xff\xfe,\xc3(\n", row + b"\x80" * 300):
        for options in ((), ("--dry-run",), ("--skip-bad",)):
            result = load(content, *options)
            assert (result.code, "hint: " in result.err) == (2, True), result.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("user,event,time\n", "holds no rows"),
        ("user,event,time\n1,a,2024-01-01\n2,b\n", "after its header, has fewer columns"),
        ("user,event,time\n1,a,2024-01-01\n2,b,2024-01-01,7\n", "more columns than the first line names"),
        ("user,user,event,time\n1,1,a,2024-01-01\n", "two columns of"),
        ("who,event,time\n1,a,2024-01-01\n", "no column looks like the distinct_id: the file has who, event, time"),
    ],
)
def test_csv_that_holds_no_events(load: Import, content: str, message: str) -> None:
    result = load(content)
    assert (result.code, message in result.err) == (2, True), result.err
    assert "hint: " in result.err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("log.parquet", b"user,event,time\n", "is no parquet file"),
        ("log.parquet", b"PAR1 and not more", "is no parquet file that can be read"),
        ("log.csv.gz", b"user,event,time\n1,a,2024-01-01\n", "cannot be read"),
        ("log.txt", b"{}", "neither CSV, JSON lines nor parquet"),
    ],
)
def test_files_that_are_something_else(load: Import, tmp_path: Path, name: str, content: bytes, message: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    result = load(file)
    assert (result.code, message in result.err) == (2, True), result.err


def test_files_that_are_not_there(load: Import, tmp_path: Path) -> None:
    assert "No such file" in load(tmp_path / "nowhere.csv").err
    assert "Is a directory" in load(tmp_path).err
    os.mkfifo(tmp_path / "pipe.csv")
    assert "is a pipe" in load(tmp_path / "pipe.csv").err


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("distinct_id=usr", "did you mean 'user'?"),
        ("distict_id=user", "did you mean 'distinct_id'?"),
        ("distinct_id", "is not TARGET=COLUMN"),
        ("property.=user", "no target 'property.'"),
        ("timestamp='2024-01-01'", "no column ''2024-01-01''"),
    ],
)
def test_mappings_that_mean_nothing(load: Import, option: str, message: str) -> None:
    result = load("user,event,time\n1,a,2024-01-01\n", "-m", option)
    assert (result.code, message in result.err) == (2, True), result.err


def test_an_unknown_timezone(load: Import) -> None:
    assert "'Berlin' is not a timezone" in load("user,event,time\n1,a,2024-01-01\n", "--timezone", "Berlin").err


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_half(load: Import, stored: Rows, data: Path, tmp_path: Path) -> None:
    rows = (
        "SELECT concat('u', i % 999) AS user_id, 'x' AS event, 1704067200 + i AS ts, i AS n FROM range(600000) AS r(i)"
    )
    file = parquet(tmp_path / "log.parquet", rows)
    command = [sys.executable, "-m", "usertrack", "import", "events", str(file), "--data", str(data)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "TERM": "dumb"}) as process:
        assert process.stderr
        while "own names" not in process.stderr.readline():
            pass
        time.sleep(0.3)  # the mapping was said: rows are being read
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == -signal.SIGINT
    assert "nothing was imported" in errors
    assert stored("SELECT toInt32(count()) FROM posthog.events") == [[0]]
    assert stored("SELECT name FROM system.tables WHERE database = 'posthog' AND name LIKE 'import%'") == []
    assert imported(load(file, "-f", "json"))["events"] == 600_000


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file system that is full")
def test_no_space(load: Import, data: Path, tmp_path: Path) -> None:
    data.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(data)], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        rows = (
            "SELECT i % 99 AS user_id, 'x' AS event, 1704067200 + i AS ts, uuid() AS noise FROM range(400000) AS r(i)"
        )
        result = load(parquet(tmp_path / "log.parquet", rows))
        assert result.code == 2
        assert "no space left for the events of" in result.err
        assert "nothing was imported" in result.err
        assert load("user,event,time\n1,a,2024-01-01\n").code == 0
    finally:
        subprocess.run(["umount", str(data)], check=True)


def test_what_a_killed_import_left_out_is_added(load: Import, stored: Rows, data: Path, cli: Cli) -> None:
    from contextlib import closing

    from usertrack.server.database.store import Store

    text = "user,event,time\na,x,2024-01-01\na,y,2024-02-01\nb,z,2024-03-01\n"
    load(text)
    with closing(Store(data)) as store:  # as if it had come as far as the first month
        store.query("ALTER TABLE posthog.events DROP PARTITION '202402'")
        store.query("ALTER TABLE posthog.events DROP PARTITION '202403'")
        store.query("CREATE TABLE posthog.import_events AS posthog.events")
    outcome = imported(load(text, "-f", "json"))
    assert (outcome["events"], outcome["known"]) == (2, 1)
    assert stored("SELECT event FROM posthog.events ORDER BY event") == [["x"], ["y"], ["z"]]


def test_a_terminal_sees_no_escapes(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_text("user,event,time,\x1b[31m\na,\x1b]0;x\x07,2024-01-01,[red]x[/red]\nb,x,\x1b[2J,\n")
    result = cli("import", "events", file, "--data", tmp_path / "data")
    dry_run = cli("import", "events", file, "--dry-run")
    for text in (result.out, result.err, dry_run.out, dry_run.err):
        assert "\x1b" not in text
    assert "[red]x[" in dry_run.out
