"""A company of whose usual segments none can be here: the set that is here is the answer, and the reason is told."""

import json
from pathlib import Path

import pytest

from tests.conftest import Cli
from usertrack.library.library import shipped_root

REASON = "set 'lifecycle' is shown: 'action' rests on what is not here: accounts.credits, events, runs"


@pytest.fixture
def company(demo: Cli, tmp_path: Path) -> Cli:
    """Without runs, events and credits."""
    shipped = (shipped_root() / "tables/neon/accounts.sql").read_text()
    (tmp_path / "usertrack.yaml").write_text("tables: {runs: none}\nevents: none\n")
    (tmp_path / "tables/neon").mkdir(parents=True)
    (tmp_path / "tables/neon/accounts.sql").write_text(shipped.replace("    w.credits,\n", ""))
    return lambda *args: demo(*args, "--demo")


@pytest.mark.slow
def test_the_set_that_is_here_answers(company: Cli) -> None:
    answer = company("segments", "-f", "json", "--limit", 1)
    assert answer.code == 0
    document = json.loads(answer.out)
    assert document["set"] == "lifecycle"
    assert REASON in document["notes"]
    assert {each["undecided"] for each in document["segments"]} == {0}
    person = document["users"][0]["email"]
    explained = company("explain", person)
    assert (explained.code, REASON in " ".join((explained.out + explained.err).split())) == (0, True)
    report = company("report", "weekly", "-f", "json")
    assert (report.code, REASON in report.out) == (0, True)


def test_its_history_is_shown(company: Cli) -> None:
    company("segments")
    answer = company("history")
    assert (answer.code, "Champion" in answer.out, REASON in answer.err) == (0, True, True)
    assert "set lifecycle" in company("history", "forget", "2026-11-20", "--yes").err


def test_who_asks_for_what_is_absent_is_told(company: Cli) -> None:
    answer = company("segments", "failing")
    assert (answer.code, answer.out) == (2, "")
    assert "segment 'failing' rests on what is not here: runs" in answer.err


def test_segments_of_the_set_that_is_here_are_pushed_by_name(company: Cli) -> None:
    answer = company("push", "champion", "--to", "csv", "--dry-run", "-f", "csv")
    assert answer.code == 0


def test_nothing_to_judge_people_by(demo: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text("tables: none\nevents: none\n")
    (tmp_path / "segments.yaml").write_text(
        "profile: {queries: [neon/run_activity]}\nsets: {action: {segments: {a: {when: run_count > 5}}}}"
    )
    answer = demo("segments", "--demo")
    assert answer.code == 2
    assert "set 'action' rests on what is not here: accounts, runs" in answer.err
