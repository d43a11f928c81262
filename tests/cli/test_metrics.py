"""`usertrack metrics` on the demo: what a user sees."""

import csv
import io
import json
from pathlib import Path

import pytest

from usertrack.checks.workspace import check_queries_online
from usertrack.engine.connect import open_runner
from usertrack.library.library import Library
from usertrack.workspace.settings import load_settings

from ..conftest import AS_OF, Cli

SHIPPED = ["posthog/active_people", "posthog/connect_rate", "neon/first_run", "neon/run_success", "neon/utilisation"]


def test_the_five_key_metrics(demo: Cli) -> None:
    result = demo("metrics", "-f", "json")
    assert result.code == 0, result.err
    document = json.loads(result.out)
    assert [metric["metric"] for metric in document["metrics"]] == SHIPPED
    for metric in document["metrics"]:
        assert metric["band"] in {"below good", "good", "excellent"}
        assert metric["low"] < metric["value"] < metric["high"]
        assert metric["n"] > 0
        assert metric["verdict"] in {"better", "worse", "ordinary", None}
        assert metric["parameters"]["days"] == 30
        assert [point["day"] for point in metric["series"]][::59] == ["2026-09-21", "2026-11-19"]
    assert document["window"] == {"since": "2026-10-21T00:00:00Z", "until": "2026-11-20T00:00:00Z"}


@pytest.mark.parametrize("width", [80, 100])
def test_looks(demo: Cli, clean_env: pytest.MonkeyPatch, width: int) -> None:
    clean_env.setenv("COLUMNS", str(width))
    result = demo("metrics", "--days", "7")
    lines = result.out.splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0] == " Scorecard · 13 Nov – 19 Nov 2026 against 6 Nov – 12 Nov 2026"
    assert "have not yet" in result.out
    assert "whole days in UTC: what happened since 00:00 on 20 Nov is in no figure" in result.err


def test_compare_shows_the_days_before(demo: Cli) -> None:
    assert "Before" not in demo("metrics", "connect_rate").out
    assert "Before" in demo("metrics", "connect_rate", "--compare").out


def test_files_have_a_row_per_metric(demo: Cli) -> None:
    rows = list(csv.DictReader(io.StringIO(demo("metrics", "run_success", "connect_rate", "-f", "csv").out)))
    assert [row["metric"] for row in rows] == ["neon/run_success", "posthog/connect_rate"]
    assert 0 < float(rows[0]["low"]) < float(rows[0]["value"]) < 1


def test_one_of_your_own(demo: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text("")
    own = tmp_path / "queries/neon"
    own.mkdir(parents=True)
    (own / "answer.sql").write_text(
        "-- title: Answer\n-- params: {days: 30}\n-- metric: {label: The answer, kind: count, unit: things}\n"
        "SELECT NULL AS day, {days}::int + 12 AS value WHERE {as_of} IS NOT NULL\n"
    )
    (own / "broken.sql").write_text("-- title: [\nSELECT 1\n")
    (own / "none.sql").write_text("-- title: None\nSELECT 1\n-- metric: not in the header\n")
    assert demo("metrics", "--days", "1").code == 0
    assert "42 things" in demo("metrics", "answer").out
    listed = {row["name"]: row["metric"] for row in csv.DictReader(io.StringIO(demo("query", "list", "-f", "csv").out))}
    assert (listed["neon/answer"], listed["neon/accounts"]) == ("The answer", "")


def test_a_metric_whose_columns_are_not_there(demo: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text("")
    own = tmp_path / "queries/neon"
    own.mkdir(parents=True)
    (own / "answer.sql").write_text(
        "-- title: Answer\n-- params: {days: 30}\n-- metric: {label: The answer, kind: rate}\n"
        "SELECT {days}::int AS n WHERE {as_of} IS NOT NULL\n"
    )
    result = demo("metrics", "connect_rate", "answer")
    assert (result.code, "lacks hits" in result.err) == (6, True)
    configured, library = load_settings(env={}, demo=True), Library([tmp_path / "queries"])
    with open_runner(configured, library, now=AS_OF, notify=lambda message, *, passing=False: None) as runner:
        [finding] = check_queries_online(runner)
    assert "declares hits" in finding.detail


def test_a_workspace_chooses_and_orders_them(demo: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_text("metrics: [run_success, connect_rate]\ntables: {runs: none}\n")
    rows = list(csv.DictReader(io.StringIO(demo("metrics", "-f", "csv").out)))
    assert [row["metric"] for row in rows] == ["posthog/connect_rate"]
