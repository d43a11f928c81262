"""`usertrack segments` on the demo, in every format."""

import csv
import io
import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest

from ..conftest import Cli

KEYS = {"as_of", "timezone", "sources", "match", "segments", "users", "undecided", "notes"}
PERSON = {"email", "primary", "segments", "action", "priority", "because", "undecided", "profile"}


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


_documents: list[Any] = []


@pytest.fixture
def document(demo: Cli) -> Any:
    """What the demo's segments are as JSON, asked for once."""
    if not _documents:
        _documents.append(json.loads(demo("segments", "-f", "json").out))
    return _documents[0]


def test_the_document(document: Any) -> None:
    assert document.keys() >= KEYS
    assert datetime.fromisoformat(document["as_of"]).isoformat() == "2026-11-20T09:00:00+00:00"
    assert document["timezone"] == "UTC"
    assert [source["name"] for source in document["sources"] if source["ok"]] == ["neon", "posthog"]
    assert all(user.keys() == PERSON for user in document["users"])
    assert all(isinstance(user["because"], list) and isinstance(user["profile"], dict) for user in document["users"])


def test_the_counts_are_those_of_the_people(document: Any) -> None:
    counted = Counter(id_ for user in document["users"] for id_ in user["segments"])
    assert {segment["id"]: segment["count"] for segment in document["segments"]} == counted
    assert [segment["id"] for segment in document["segments"]] == [
        "failing",
        "frustrated",
        "high_intent",
        "at_risk",
        "power",
    ]
    assert all(len(user["because"]) == len(user["segments"]) for user in document["users"])
    assert not [reason for user in document["users"] for reason in user["because"] if "?" in reason or "None" in reason]


def test_the_match_adds_up(demo: Cli, document: Any) -> None:
    match = document["match"]
    lifecycle = json.loads(demo("segments", "--set", "lifecycle", "-f", "json").out)
    everybody = sum(segment["count"] for segment in lifecycle["segments"])
    assert match["matched"] + match["posthog_only"] + match["postgres_only"] == everybody
    assert min(match[name] for name in ("anonymous", "without_email", "internal_excluded", "ambiguous")) > 0


def test_your_own_people_and_secrets_are_nowhere(document: Any) -> None:
    text = json.dumps(document)
    assert "@datagen.dev" not in text
    assert "password" not in text


def test_one_row_per_person(demo: Cli, document: Any) -> None:
    rows = rows_of(demo("segments", "-f", "csv").out)
    assert [row["email"] for row in rows] == [user["email"] for user in document["users"]]
    assert set(rows[0]) == PERSON - {"profile"} | set(document["users"][0]["profile"])


@pytest.mark.parametrize("suffix", ["parquet", "xlsx"])
def test_files(demo: Cli, tmp_path: Path, suffix: str) -> None:
    result = demo("segments", "failing", "-o", f"people.{suffix}")
    assert (result.code, result.out) == (0, "")
    path = tmp_path / f"people.{suffix}"
    if suffix == "parquet":
        assert duckdb.sql(f"SELECT count(*), count(DISTINCT email) FROM '{path}'").fetchall() == [(33, 33)]
    else:
        assert openpyxl.load_workbook(path).active.max_row == 34


@pytest.mark.slow
def test_limit_is_how_many_people_in_every_format(demo: Cli) -> None:
    table = demo("segments", "failing", "--limit", 3)
    assert table.out.count("finished runs ever failed") == 3
    assert "30 more" in table.out
    document = json.loads(demo("segments", "failing", "--limit", 3, "-f", "json").out)
    assert len(document["users"]) == 3
    assert document["segments"][0]["count"] == 33
    assert "only 3 of 33, as --limit says" in document["notes"]
    rows = demo("segments", "failing", "--limit", 3, "-f", "csv")
    assert len(rows_of(rows.out)) == 3
    assert "note: only 3 of 33, as --limit says" in rows.err
    assert len(rows_of(demo("segments", "failing", "--limit", 0, "-f", "csv").out)) == 33


@pytest.mark.slow
def test_listed_under_an_action_are_those_whose_primary_segment_it_is(demo: Cli, document: Any) -> None:
    everybody = [user["email"] for user in document["users"] if "power" in user["segments"]]
    to_act_on = [user["email"] for user in document["users"] if user["primary"] == "power"]
    power = json.loads(demo("segments", "power", "-f", "json").out)
    assert [user["email"] for user in power["users"]] == to_act_on
    assert (
        (power["segments"][4]["count"], power["segments"][4]["to_act_on"])
        == (len(everybody), len(to_act_on))
        == (181, 144)
    )
    assert "37 more are in a more urgent segment too: --all-members lists them, too" in power["notes"]
    rows = rows_of(demo("segments", "power", "--all-members", "-f", "csv").out)
    assert [row["email"] for row in rows] == everybody
    two = json.loads(demo("segments", "power", "failing", "-f", "json").out)["users"]
    assert {user["primary"] for user in two} == {"power", "failing"}


def test_the_summary_has_members_and_whom_to_act_on(demo: Cli) -> None:
    output = " ".join(demo("segments", "power").out.split())
    assert "Segment People To act on Share Action Power Users 181 144" in output
    assert "To act on" not in demo("segments", "--set", "lifecycle").out


def test_names_narrow_people_and_summary(demo: Cli) -> None:
    result = demo("segments", "failing", "high_intent")
    assert "At-Risk" not in result.out.split("Who to talk to first")[0]


@pytest.mark.parametrize("width", [80, 120])
def test_on_a_terminal(demo: Cli, clean_env: pytest.MonkeyPatch, width: int) -> None:
    clean_env.setenv("COLUMNS", str(width))
    result = demo("segments")
    assert result.err.startswith("note: demo data · connect your own with `usertrack login`\nnote: ")
    assert max(map(len, result.out.splitlines())) <= width


@pytest.mark.slow
def test_times_in_another_zone(demo: Cli) -> None:
    assert "20 Nov 2026, 10:00 Europe/Berlin" in demo("segments", "-n", 1, "--timezone", "Europe/Berlin").out


def test_as_of(demo: Cli, document: Any) -> None:
    early = json.loads(demo("segments", "--as-of", "2026-11-13T09:00", "-f", "json").out)
    assert early["as_of"].startswith("2026-11-13T09:00")
    assert 0 < early["match"]["matched"] < document["match"]["matched"]


def test_match(demo: Cli) -> None:
    rows = rows_of(demo("match", "posthog_only", "-f", "csv").out)
    assert {row["kind"] for row in rows} == {"posthog_only"}
    document = json.loads(demo("match", "internal", "-f", "json", "-n", 2).out)
    assert len(document["people"]) == 2
    assert document["match"]["internal_excluded"] == 18


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["segments", "faling"], "set 'action' has no segment 'faling'", "did you mean 'failing'?"),
        (["segments", "--set", "actoin"], "there is no segment set 'actoin'", "did you mean 'action'?"),
        (["segments", "-f", "cvs"], "no format named 'cvs'", "did you mean 'csv'?"),
        (["segments", "-o", "people.doc"], "there is no format for '.doc'", "--format"),
        (["segments", "-n", "-1"], "invalid value for '--limit'", "segments --help"),
        (["segments", "--as-of", "yesterday"], "'yesterday' is not a date or time", "2026-11-20"),
        (["segments", "--timezone", "Mars/Base"], "'Mars/Base' is not a timezone", "Europe/Berlin"),
        (["segments", "-w", "nowhere"], "there is no workspace 'nowhere'", "usertrack init nowhere"),
        (["match", "ambigous"], "there is no kind 'ambigous'", "did you mean 'ambiguous'?"),
        (["sgements"], "no such command 'sgements'", "did you mean 'segments'"),
        (["explain"], "missing argument 'EMAIL'", "usertrack explain --help"),
    ],
)
def test_wrong_usage(demo: Cli, args: list[str], message: str, hint: str) -> None:
    result = demo(*args)
    assert (result.code, result.out) == (2, "")
    assert f"error: {message}" in result.err
    assert hint in result.err.split("hint: ")[1]


def test_a_segment_of_the_other_set(demo: Cli) -> None:
    result = demo("segments", "champion")
    assert (result.code, result.out) == (2, "")
    assert "error: set 'action' has no segment 'champion'\nhint: add `--set lifecycle`" in result.err


@pytest.mark.slow
def test_why_the_sizes_are_more_than_the_people(demo: Cli, document: Any) -> None:
    text = demo("segments").out
    assert f"{len(document['users'])} people in all: who is in several segments counts in each" in text
    assert "in all" not in demo("segments", "failing").out
    assert "in all" not in demo("segments", "--set", "lifecycle").out


def test_a_moment_in_the_future_is_named(demo: Cli) -> None:
    question = ("query", "run", "--source", "neon", "--sql", "SELECT 1 AS n", "--as-of")
    assert "note: 1 Jan 2099 is in the future" in demo(*question, "2099-01-01").err
    assert "future" not in demo(*question, "2026-11-20").err


def test_a_workspace_without_sources_is_named(demo: Cli) -> None:
    assert demo("init", "acme").code == 0
    result = demo("segments", "--workspace", "acme")
    assert result.err.startswith("note: demo data, since workspace 'acme' has no sources yet · `usertrack login`")


def test_of_one_segment_the_evidence_has_the_room_of_its_name(demo: Cli, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.setenv("COLUMNS", "80")
    people = demo("segments", "power", "--demo", "--limit", 3).out.split("Who to talk to first\n\n")[1]
    assert people.splitlines()[0].split() == ["Person", "Priority", "Runs", "Why"]
    assert [line[2:].count("@") for line in people.splitlines()[1:4]] == [1, 0, 1], "the reason has a second line"
