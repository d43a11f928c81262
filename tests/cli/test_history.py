"""`usertrack history` on the demo: what `segments` keeps, what backfill makes of the past, and every view of it."""

import csv
import io
import json
import shutil
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from ..conftest import Cli, slow_but
from . import golden

VIEWS = ["sizes", "transitions", "moves", "dwell"]
SUFFIXES = ["json", "jsonl", "csv", "tsv", "md", "html", "parquet", "xlsx", "txt"]
WEEK_AGO = "2026-11-13T09:00"


@pytest.fixture(scope="module")
def history_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "history.duckdb"


@pytest.fixture
def two(demo: Cli, history_file: Path, tmp_path: Path) -> Cli:
    """A demo whose set `action` was asked for twice, a week apart."""
    if not history_file.exists():
        demo("segments", "--as-of", WEEK_AGO)
        demo("segments")
        shutil.copyfile(tmp_path / "history.duckdb", history_file)
    shutil.copyfile(history_file, tmp_path / "history.duckdb")
    return demo


_people: dict[tuple[str, ...], Any] = {}  # asked for once


def members(demo: Cli, *args: str) -> dict[str, set[str]]:
    if args not in _people:
        _people[args] = json.loads(demo("segments", "-f", "json", *args).out)["users"]
    emails: dict[str, set[str]] = {}
    for user in _people[args]:
        for id_ in user["segments"]:
            emails.setdefault(id_, set()).add(user["email"])
    return emails


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.slow
def test_segments_say_what_changed_since_last_week(two: Cli) -> None:
    before, now = members(two, "--as-of", WEEK_AGO), members(two)
    result = two("segments", "-n", 1)
    assert "Since last week" in result.out
    assert "+5 −0" in next(line for line in result.out.splitlines() if "Failing Users" in line)
    assert (
        "note: the segments of 13 Nov 2026 were worked out afterwards, with finished runs, success rate, credits"
        in result.err
    )
    document = json.loads(two("segments", "-f", "json").out)
    assert document["since"].startswith("2026-11-13T09:00")
    for segment in document["segments"]:
        was, is_ = before[segment["id"]], now[segment["id"]]
        assert (segment["entered"], segment["left"]) == (len(is_ - was), len(was - is_))


def test_without_a_week_ago_there_is_no_such_column(demo: Cli) -> None:
    assert "Since" not in demo("segments", "-n", 1).out
    document = json.loads(demo("segments", "-f", "json").out)
    assert document["since"] is None
    assert {segment["entered"] for segment in document["segments"]} == {None}


@pytest.mark.slow
def test_the_same_question_twice_is_one_snapshot(two: Cli) -> None:
    two("segments")
    document = json.loads(two("history", "-f", "json").out)
    assert [snapshot["as_of"][:10] for snapshot in document["snapshots"]] == ["2026-11-13", "2026-11-20"]


def test_looks(two: Cli) -> None:
    golden("history-100.txt", two("history").out)
    golden("history-failing-100.txt", two("history", "--segment", "failing").out)
    golden("history-user-100.txt", two("history", "--user", "nora.sato@northwind.example").out)


def test_moves_are_the_people_of_segments(two: Cli) -> None:
    was, is_ = members(two, "--as-of", WEEK_AGO), members(two)
    rows = rows_of(two("history", "--view", "moves", "-f", "csv").out)
    for id_ in is_:
        for change, people in (("entered", is_[id_] - was[id_]), ("left", was[id_] - is_[id_])):
            assert {row["email"] for row in rows if row["segment"] == id_ and row["change"] == change} == people
    assert all(row["why"] for row in rows)


@pytest.mark.parametrize(
    ("view", "suffix"),
    slow_but([*product(["sizes"], SUFFIXES), *product(VIEWS, ["json", "csv"])], product(VIEWS, SUFFIXES)),
)
def test_every_view_in_every_format(two: Cli, tmp_path: Path, view: str, suffix: str) -> None:
    result = two("history", "--view", view, "-o", f"out.{suffix}")
    assert (result.code, result.out) == (0, "")
    assert (tmp_path / f"out.{suffix}").stat().st_size > 100


def test_the_path_in_formats(two: Cli) -> None:
    row = rows_of(two("history", "-u", "Nora.Sato@Northwind.example", "-f", "csv").out)[-1]
    assert (row["email"], row["primary"], row["changed"][:19]) == (
        "nora.sato@northwind.example",
        "failing",
        "finished runs 4 → 6",
    )
    document = json.loads(two("history", "-u", "nora.sato@northwind.example", "-f", "json").out)
    assert [step["facts"]["finished_runs"] for step in document["path"]] == [4, 6]


@pytest.mark.slow
def test_backfill_makes_a_past_once(demo: Cli) -> None:
    first = demo("history", "backfill", "--weeks", "2", "-f", "csv")
    assert (first.code, Counter(row["done"] for row in rows_of(first.out))) == (0, {"classified": 9})  # three sets
    again = rows_of(demo("history", "backfill", "--weeks", "2", "-f", "csv").out)
    assert {row["done"] for row in again} == {"was there"}
    lifecycle = json.loads(demo("history", "--set", "lifecycle", "-f", "json").out)
    assert len(lifecycle["snapshots"]) == 3
    for size in lifecycle["sizes"][7:]:
        before = next(s for s in lifecycle["sizes"] if s["segment"] == size["segment"] and s["as_of"] < size["as_of"])
        if size["as_of"].startswith("2026-11-13"):
            assert before["people"] + size["entered"] - size["left"] == size["people"]
    segments = json.loads(demo("segments", "--as-of", WEEK_AGO, "-f", "json").out)
    snapshot = next(s for s in json.loads(demo("history", "-f", "json").out)["snapshots"] if s["as_of"] < "2026-11-14")
    assert snapshot["as_of"] < "2026-11-07"
    assert segments["since"][:10] == "2026-11-06"


@pytest.mark.slow
def test_exclusive_rows_and_columns_are_the_sizes(demo: Cli) -> None:
    for args in (["--as-of", WEEK_AGO], []):
        demo("segments", "--set", "lifecycle", *args)
    document: Any = json.loads(demo("history", "--set", "lifecycle", "-f", "json").out)
    sizes = {(size["as_of"][:10], size["segment"]): size["people"] for size in document["sizes"]}
    for row in document["transitions"][:6]:
        assert row["people"] == sizes["2026-11-13", row["was"]]
        assert sum(other[row["was"]] for other in document["transitions"]) == sizes["2026-11-20", row["was"]]


@pytest.mark.slow
def test_what_cannot_be_known_of_the_past_is_said(demo: Cli) -> None:
    sentence = "note: on 13 Nov 2026: account, name, credits, subscription,"
    for command in (["segments"], ["match"], ["explain", "nora.sato@northwind.example"]):
        assert sentence in demo(*command, "--as-of", WEEK_AGO).err
    assert "as they stand today" not in demo("segments", "--as-of", "2026-11-19T10:00").err
    run = demo("query", "run", "neon/run_activity", "--as-of", WEEK_AGO, "-f", "csv")
    assert (
        "note: on 13 Nov 2026: completed runs, failed runs, last failed run, commonest cause of failure are as"
        in run.err
    )


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["--set", "actoin"], "there is no segment set 'actoin'", "did you mean 'action'?"),
        (
            ["--set", "lifecycle"],
            "there is no history of the set 'lifecycle' yet",
            "usertrack segments --set lifecycle",
        ),
        (["--segment", "faling"], "no snapshot has a segment 'faling'", "did you mean 'failing'?"),
        (["--user", "nora.sata@northwind.example"], "nobody is known as", "did you mean nora.sato@northwind.example"),
        (["--from", "2026-10-01"], "no snapshot within a week of 2026-10-01", "2026-11-13, 2026-11-20"),
        (["--from", "2026-11-20"], "there is nothing between 2026-11-20 and 2026-11-20", "2026-11-13, 2026-11-20"),
        (["--since", "2026-11-21"], "there is no snapshot in this time", "from 2026-11-13 to 2026-11-20"),
        (["--since", "monday"], "'monday' is not a date or time", "2026-11-20"),
        (["--view", "move"], "there is no view 'move'", "did you mean 'moves'?"),
        (["--set", "action", "backfill"], "put options after `backfill`", "usertrack history backfill"),
    ],
)
def test_wrong_input(two: Cli, args: list[str], message: str, hint: str) -> None:
    result = two("history", *args)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert hint in result.err


def test_before_anything_was_kept(demo: Cli) -> None:
    result = demo("history")
    assert result.code == 2
    assert "there is no history yet" in result.err
    assert "usertrack history backfill --weeks 8" in result.err


def test_since_and_until_are_whole_days(two: Cli) -> None:
    for args, days in (
        (["--since", "2026-11-20"], ["2026-11-20"]),
        (["--until", "2026-11-13"], ["2026-11-13"]),
        (["--as-of", "2026-11-13"], ["2026-11-13"]),
        (["--since", "2026-11-13", "--until", "2026-11-20"], ["2026-11-13", "2026-11-20"]),
    ):
        document = json.loads(two("history", *args, "-f", "json").out)
        assert [snapshot["as_of"][:10] for snapshot in document["snapshots"]] == days


def test_segments_answer_even_if_the_history_is_spoiled(demo: Cli, tmp_path: Path) -> None:
    (tmp_path / "history.duckdb").write_text("no database")
    result = demo("segments", "-n", 1)
    assert (result.code, "Failing Users" in result.out) == (0, True)
    assert "not kept in the history" in result.err
    assert (tmp_path / "history.duckdb").read_text() == "no database"
    assert demo("history").code == 2


def test_a_workspace_keeps_its_own(demo: Cli, clean_env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clean_env.delenv("USERTRACK_HISTORY")
    demo("init", "ws")
    with (tmp_path / "ws/usertrack.yaml").open("a") as file:
        file.write("history: kept.duckdb\n")
    demo("segments", "-w", "ws")
    assert (tmp_path / "ws/kept.duckdb").exists()
    assert json.loads(demo("history", "-w", "ws", "-f", "json").out)["snapshots"][0]["people"] == 2006


def test_switched_off(demo: Cli, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.setenv("USERTRACK_HISTORY", "off")
    assert demo("segments", "-n", 1).code == 0
    assert "switched off" in demo("history").err
