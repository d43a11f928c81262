"""`usertrack activity` and `usertrack sessions` on the demo, and the document that they make together."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from usertrack.library.library import shipped_root
from usertrack.reports.activity_export import schema

from ..conftest import Cli, document_of

_documents: dict[str, Any] = {}  # each is asked for once


@pytest.fixture
def full(demo: Cli) -> Any:
    return _documents.get("whole") or _documents.setdefault("whole", document_of(demo, "activity", "--full"))


@pytest.fixture
def nothing(demo: Cli, tmp_path: Path) -> Any:
    """The document of a day long before anybody came, with one segment, of which it says as little as of others."""
    if "nothing" not in _documents:
        (tmp_path / "ours").mkdir()
        (tmp_path / "ours/usertrack.yaml").touch()
        (tmp_path / "ours/segments.yaml").write_text(
            "profile: {queries: [neon/run_activity]}\nsets: {action: {segments: {busy: {when: run_count > 5}}}}"
        )
        day = ("--since", "2020-01-01", "--until", "2020-01-02", "-w", "ours")
        _documents["nothing"] = document_of(demo, "activity", "--full", *day)
    return _documents["nothing"]


@pytest.mark.parametrize("days", ["full", pytest.param("nothing", marks=pytest.mark.slow)])
def test_the_document_is_as_its_schema_says(request: pytest.FixtureRequest, days: str) -> None:
    Draft202012Validator.check_schema(schema())
    check = Draft202012Validator(schema(), format_checker=FormatChecker())
    document = request.getfixturevalue(days)
    assert [error.message for error in check.iter_errors(document)] == []
    assert not check.is_valid({**document, "timeframe": 30})
    assert not check.is_valid(
        {**document, "activityMetrics": {**document["activityMetrics"], "activityByHour": [0] * 23}}
    )


@pytest.mark.slow
def test_no_field_of_the_document_is_a_constant(full: Any, nothing: Any) -> None:
    empty = dict(_leaves(nothing))
    same = {path for path, value in _leaves(full) if path in empty and empty[path] == value}
    none_in_the_demo = {"activityMetrics/reactivatedUsers", "sessionAnalytics/deviceBreakdown/other"}
    assert same == {"userId", "timezone", "counted", "segment", "where", *none_in_the_demo}
    assert full["userId"] is None
    assert len({segment["avgEngagement"] for segment in full["segments"]}) > 5
    assert {segment["avgEngagement"] for segment in nothing["segments"]} == {None}


@pytest.mark.slow
def test_nothing_is_not_known_to_be_0(nothing: Any) -> None:
    metrics, analytics = nothing["activityMetrics"], nothing["sessionAnalytics"]
    assert (metrics["dau"], metrics["newUsers"], analytics["totalSessions"]) == (0, 0, 0)
    for value in (
        metrics["bounceRate"],
        metrics["engagementScore"],
        metrics["dauChange"],
        analytics["avgSessionLength"],
    ):
        assert value is None
    assert nothing["retention"]["churnAnalysis"]["churnRate"] is None


def _leaves(value: Any, path: str = "") -> Any:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}/{key}".lstrip("/"))
    elif not isinstance(value, list):
        yield path, value


@pytest.mark.slow
def test_its_parts_agree_with_the_commands(demo: Cli, full: Any) -> None:
    activity, sessions = document_of(demo, "activity"), document_of(demo, "sessions")
    metrics, analytics = full["activityMetrics"], full["sessionAnalytics"]
    assert (metrics["dau"], metrics["mau"]) == (activity["now"]["dau"], activity["now"]["mau"])
    total = sessions["now"]["sessions"]
    assert activity["now"]["sessions"] == analytics["totalSessions"] == total
    assert sum(day["sessions"] for day in metrics["activityByDate"]) == total
    for parts in ("sessionLengthDistribution", "deviceBreakdown", "browserBreakdown"):
        assert sum(analytics[parts].values()) == total
    assert sum(part["sessions"] for part in analytics["locationBreakdown"].values()) == total
    events = sum(day["events"] for day in metrics["activityByDate"])
    assert sum(metrics["activityByHour"]) == sum(metrics["activityByDayOfWeek"]) == events
    [retention, usage] = full["retention"], full["featureUsage"]
    assert retention["retentionCurve"][1]["activeUsers"] == document_of(demo, "cohorts")["curve"][1]["people"]
    assert sum(part["users"] for part in retention["churnAnalysis"]["riskSegments"]) > 0
    assert usage["topFeatures"][0]["feature"] == usage["features"][0]["featureName"]
    steps = document_of(demo, "funnel", "activation")["groups"][0]["steps"]
    assert [stage["users"] for stage in usage["adoptionFunnel"]] == [step["people"] for step in steps]
    [journey] = document_of(demo, "journeys")["groups"]
    assert sum(part["count"] for part in full["userJourney"]["entryPoints"]) == journey["sessions"]


def test_only_json_holds_it_all(demo: Cli) -> None:
    result = demo("activity", "--full")
    assert result.code == 2
    assert "--full is a JSON document" in result.err
    assert "-f json" in result.err


def test_revenue_is_that_of_a_month(full: Any) -> None:
    revenue = {segment["segmentName"]: segment["avgRevenue"] for segment in full["segments"]}
    assert revenue["High-Intent Prospects"] == 0  # who pays is no prospect
    assert revenue["Power Users"] > 0
    assert max(risk["churnProbability"] for risk in full["retention"]["churnAnalysis"]["riskSegments"]) > 1


def test_the_whole_has_no_buckets_of_its_own(demo: Cli) -> None:
    for option in ("--interval", "--breakdown"):
        assert f"--full takes no {option}" in demo("activity", "--full", "-f", "json", option, "week").err


@pytest.mark.slow
def test_sessions_of_weeks_are_in_every_format(demo: Cli) -> None:
    question = ("sessions", "--since", "2026-11-04", "--interval", "week", "--breakdown", "$browser", "--top", 1)
    document = document_of(demo, *question)
    weeks = [row for row in document["rows"] if row["by"] == "all" and row["start"]]
    assert [(row["start"][:10], row["complete"]) for row in weeks] == [
        ("2026-11-02", True),
        ("2026-11-09", True),
        ("2026-11-16", False),
    ]
    assert sum(row["sessions"] for row in weeks) == document["now"]["sessions"]
    for week in weeks:
        groups = [row for row in document["rows"] if row["by"] == "$browser" and row["start"] == week["start"]]
        assert sum(row["sessions"] for row in groups) == week["sessions"]
    result = demo(*question)
    assert "whole weeks are counted: from 2 Nov on" in result.err
    assert "16 Nov…" in result.out
    assert "start" not in document_of(demo, "sessions")["rows"][0]


@pytest.mark.slow
def test_the_time_of_the_document_is_days_of_the_calendar(full: Any, nothing: Any) -> None:
    assert (full["timeframe"], nothing["timeframe"]) == ("30d", "2d")


@pytest.mark.slow
def test_a_part_without_an_answer_is_empty_and_the_notes_say_why(demo: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").touch()
    (tmp_path / "queries/posthog").mkdir(parents=True)
    text = (shipped_root() / "queries/posthog/journeys.sql").read_text()
    (tmp_path / "queries/posthog/journeys.sql").write_text(text.replace("FROM sessions", "FROM nothing_there"))
    result = demo("activity", "--full", "-f", "json")
    assert result.code == 6
    document = json.loads(result.out)
    assert Draft202012Validator(schema()).is_valid(document)
    assert document["userJourney"] == {"commonPaths": [], "entryPoints": [], "exitPoints": [], "conversionPaths": []}
    assert document["activityMetrics"]["dau"] == 650
    assert any("posthog/journeys: PostHog refused the query" in note for note in document["notes"])
