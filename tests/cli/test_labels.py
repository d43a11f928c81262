"""`labels` in usertrack.yaml: a company that builds speaks of builds, API calls and minutes, everywhere."""

import json
import re
from pathlib import Path

import pytest

from tests.conftest import Cli

LABELS = "labels: {run: build, call: API call, tool: endpoint, credits: minutes, server: database, code: script}\n"
NOT_OURS = re.compile(r"\b([Rr]uns|[Ww]orkflow|tool calls)\b")


@pytest.fixture
def company(demo: Cli, tmp_path: Path) -> Cli:
    (tmp_path / "usertrack.yaml").write_text(LABELS)
    return demo


def test_failures(company: Cli) -> None:
    answer = company("failures")
    text, notes = answer.out, answer.err
    assert "Build level: builds" in text
    assert "Endpoint level: API calls" in text
    assert "Failed builds per day" in text
    assert not NOT_OURS.search(text)
    assert "endpoint level: of these people" in notes


@pytest.mark.slow
def test_the_weekly_report(company: Cli) -> None:
    document = json.loads(company("report", "weekly", "-f", "json").out)
    text = json.dumps(document["sections"])
    for words in (
        "started a build",
        "called an endpoint",
        "ran script",
        "Failed builds",
        "Build success rate",
        "API calls",
    ):
        assert words in text
    assert "them ran a build" in text
    assert "failed builds" in " ".join(document["notes"])


def test_the_scorecard(company: Cli) -> None:
    text = company("metrics").out
    assert "finished, of" in text
    assert "have had theirs" in text
    assert not NOT_OURS.search(text)


@pytest.mark.slow
def test_a_person(company: Cli) -> None:
    text = company("user", "lena@northwind.example", "--limit", 0).out
    for words in ("Minutes", "Build level: builds", "Endpoint level: failed API calls", "finished builds ever failed"):
        assert words in text
    assert re.search(r"\n  \S+ \S+  build +build +failed ", text)
    assert "minutes" in company("explain", "lena@northwind.example").out


def test_a_word_that_is_none_of_ours(demo: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text("labels:\n  rnu: build\n")
    result = demo("segments")
    assert result.code == 2
    assert "usertrack.yaml:2: unknown setting 'labels.rnu'" in result.err
    assert "'labels.run'" in result.err


def test_who_connects_no_servers_reads_nothing_of_them(demo: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text("events: {connect_clicked: feature_used}\n")
    text = demo("metrics").out
    assert ("Intent rate" in text, "MCP" in text) == (True, False)
    assert "mcp" not in demo("query", "list", "-f", "csv").out.lower()
    shown = demo("query", "show", "posthog/mcp_setups").out  # by a name that somebody has in a file
    assert "Who clicked to connect an integration within" in " ".join(shown.split())
