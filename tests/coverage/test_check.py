"""`usertrack plan check`: what it finds, what fails it, and how CI reads it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from usertrack.coverage.annotations import github, sarif
from usertrack.coverage.baseline import baseline_text, read_baseline
from usertrack.coverage.findings import coverage_findings
from usertrack.coverage.names import near
from usertrack.coverage.numbers import cover
from usertrack.coverage.uses import PlannedUse
from usertrack.plan.finding import PlanFinding, Rule

from ..conftest import Cli
from .conftest import FOLDER, written
from .test_events import arrived, sent
from .test_numbers import site, with_properties

SEED = [
    "user_signed_up",
    "github_connected",
    "onboarding_step_completed",
    "onboarding_skipped",
    "onboarding_completed",
    "slack_configured",
    "jira_connected",
    "analytics_viewed",
    "pr_list_exported",
    "integration_connected",
    "integration_disconnected",
    "team_member_invited",
    "team_member_joined",
    "repo_sync_started",
    "repo_sync_completed",
    "error_occurred",
    "date_filter_changed",
    "repo_filter_applied",
    "pr_detail_viewed",
    "insight_viewed",
    "settings_updated",
    "chart_interacted",
    "sidebar_navigation",
    "theme_switched",
    "external_link_clicked",
]


def slips(name: str) -> list[str]:
    """The name as somebody might write it."""
    long = max(name.split("_"), key=len)
    swapped = name.replace(long, f"{long[:-3]}{long[-2]}{long[-3]}{long[-1]}")
    camel = "".join(word.title() for word in name.split("_"))
    return [swapped, camel, name.replace(long, long + "s"), "_".join(reversed(name.split("_")))]


def test_a_hundred_slips_each_name_the_event_that_was_meant() -> None:
    planted = [(slip, name) for name in SEED for slip in slips(name)]
    assert len(planted) == 100
    assert [(slip, name) for slip, name in planted if near(slip, SEED)[:1] != [name]] == []
    assert [name for name in SEED if near(name, SEED)] == []


def places(plan: str, folder: Path, *names: str, **data: int) -> list[tuple[str, str, str, int]]:
    coverage = cover(written(folder, plan), sent(*names), arrived(**data) if data else None)
    findings = coverage_findings(coverage)
    return [(each.rule.id, each.subject, Path(each.file).name, each.line) for each in findings]


def test_a_slip_is_an_error_at_its_line(tmp_path: Path) -> None:
    plan = "events:\n  report_exported: {status: active}\n"
    assert places(plan, tmp_path, "other", "report_export") == [
        ("absent-event", "events.report_exported", "tracking.yaml", 2),
        ("unplanned-event", "events.other", "a.py", 1),
        ("near-event", "events.report_export", "a.py", 2),
    ]


def test_a_planned_event_may_take_its_time_an_active_one_not(tmp_path: Path) -> None:
    plan = "events:\n  a: {}\n  b: {status: active}\n"
    assert [rule for rule, *_ in places(plan, tmp_path, "a", "b", x=0)] == ["planned-event", "silent-event"]
    assert [rule for rule, *_ in places(plan, tmp_path)] == ["planned-event", "absent-event"]


def test_what_was_replaced_and_its_successor_count_twice(tmp_path: Path) -> None:
    plan = written(tmp_path, "events: {new: {replaces: [old]}}")
    [finding] = coverage_findings(cover(plan, sent("new", "old"), None))
    assert finding.message == "`old` is replaced by `new`, which is sent as well"


def test_properties_that_a_site_forgets_or_misspells(tmp_path: Path) -> None:
    plan = "properties: {size: integer}\nevents:\n  a: {required: [size], properties: [kind]}\n"
    code = cover(written(tmp_path, plan), sent(), None)
    scan = sent()
    scan = type(scan)([site("a", size=True), site("a", sizes=True), site("a", size=False, free=True)], [], 1, 0.0)
    findings = coverage_findings(cover(code.plan, scan, None))
    assert [(each.rule.id, each.subject) for each in findings] == [
        ("near-property", "events.a.sizes"),
        ("absent-property", "events.a.size"),
        ("absent-property", "events.a.size"),
        ("unplanned-property", "events.a.free"),
    ]
    all_sites_send_it = type(scan)([site("a", size=True, kind=True)], [], 1, 0.0)
    [finding] = coverage_findings(cover(code.plan, all_sites_send_it, with_properties(4, size=2)))
    assert finding.message == "2 of 4 events of `a` have `size`, and all must"


def test_only_steps_that_the_plan_names_are_findings(tmp_path: Path) -> None:
    plan = written(tmp_path, "events: {a: {}}\nfunnels:\n  mine: [a, b]\n")
    uses = [PlannedUse("funnel", "mine", "b", ("b",)), PlannedUse("funnel", "theirs", "b", ("b",))]
    findings = coverage_findings(cover(plan, sent("a"), arrived(a=1), uses))
    assert [(each.rule.id, each.line) for each in findings] == [("uncovered-step", 3)]


SARIF: dict[str, Any] = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "required": ["tool", "results"],
                "properties": {
                    "tool": {
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "required": ["name"],
                                "properties": {"rules": {"type": "array", "uniqueItems": True}},
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "required": ["message", "ruleId", "ruleIndex", "locations"],
                            "properties": {
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": {"required": ["text"]},
                                "locations": {
                                    "items": {
                                        "required": ["physicalLocation"],
                                        "properties": {
                                            "physicalLocation": {
                                                "required": ["artifactLocation", "region"],
                                                "properties": {
                                                    "artifactLocation": {
                                                        "properties": {"uri": {"pattern": r"^[\w./%~-]+$"}}
                                                    },
                                                    "region": {"properties": {"startLine": {"minimum": 1}}},
                                                },
                                            }
                                        },
                                    }
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
"""What SARIF 2.1.0 requires of the parts that a check writes."""
HOSTILE = PlanFinding(Rule("r", "a, b: c", "why", "error"), "s", "100 %\n::error::x \ud800", "a b/<ü>.py", 3, "`y`")


def test_sarif_has_what_it_must(plan_of_demo: Cli) -> None:
    answer = plan_of_demo("check", "-f", "sarif")
    assert answer.code == 5
    log = json.loads(answer.out)
    jsonschema.validate(log, SARIF)
    run = log["runs"][0]
    assert all(run["tool"]["driver"]["rules"][each["ruleIndex"]]["id"] == each["ruleId"] for each in run["results"])
    jsonschema.validate(json.loads(sarif([HOSTILE])), SARIF)


def test_an_annotation_is_one_line_whatever_is_in_it() -> None:
    assert github([HOSTILE]) == (
        "::error file=a b/<ü>.py,line=3,title=a%2C b%3A c (r)::100 %25%0A::error::x \ud800. Instead: `y`\n"
    )


def test_a_baseline_lets_old_findings_pass_and_no_new_ones(plan_of_demo: Cli, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    assert plan_of_demo("check", "--baseline", baseline, "--write-baseline").code == 0
    answer = plan_of_demo("check", "--baseline", baseline)
    assert (answer.code, answer.out.count("everything is in order")) == (0, 1)
    assert "in the baseline, which cannot fail the check" in answer.err
    known = json.loads(baseline.read_text())
    known["findings"] = [key for key in known["findings"] if not key.startswith("near-event")] + ["gone x"]
    baseline.write_text(json.dumps(known))
    answer = plan_of_demo("check", "--baseline", baseline)
    assert answer.code == 5
    assert "1 entry of the baseline settled" in answer.err
    assert "`mcp_connect_clicked` is nearly `mcp_connect_click`" in answer.out


def test_a_second_slip_of_the_same_name_is_new(tmp_path: Path) -> None:
    first, second = (PlanFinding(HOSTILE.rule, "events.a", "slip", "a.py", line) for line in (1, 2))
    path = tmp_path / "baseline.json"
    path.write_text(baseline_text([first]))
    assert read_baseline(path).new([first, second]) == [second]
    path.write_text(baseline_text([first, second]))
    assert read_baseline(path).new([first, second]) == []
    assert "1 entry of the baseline settled" in read_baseline(path).notes([second])[-1]


def test_what_fails_a_check_is_chosen(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "tracking.yaml").write_text("events: {run_completed: {owner: me, acceptance: it arrives}}")
    (tmp_path / "scan.json").write_text('{"sites": []}')
    assert cli("plan", "check", "--scan", "scan.json").code == 0
    assert cli("plan", "check", "--scan", "scan.json", "--fail-on", "note").code == 5
    assert cli("plan", "check", "--scan", "scan.json", "--fail-on", "all").code == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--write-baseline"], "--write-baseline needs a file"),
        (["-f", "xml"], "no format named 'xml'"),
        (["--baseline", FOLDER / "scan.json"], "is no baseline"),
        (["--baseline", "nowhere.json"], "cannot read the baseline 'nowhere.json'"),
    ],
)
def test_wrong_options(cli: Cli, options: list[object], message: str) -> None:
    answer = cli("plan", "check", "--plan", FOLDER / "tracking.yaml", "--scan", FOLDER / "scan.json", *options)
    assert answer.code == 2
    assert message in answer.err


def test_personal_data_in_values_is_counted_and_not_shown(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "tracking.yaml").write_text("events: {a: {}}\nproperties:\n  who: string\n  mail: {personal: email}\n")
    (tmp_path / "scan.json").write_text('{"sites": []}')
    (tmp_path / "log.csv").write_text(
        "distinct_id,event,timestamp,who,mail\n1,a,2026-01-01 10:00:00,ann@secret.example,bob@secret.example\n"
    )
    answer = cli("plan", "check", "--scan", "scan.json", "--events", "log.csv", "--values", "-f", "json")
    rows = {row["subject"]: row for row in json.loads(answer.out)["findings"] if row["rule"] == "personal-value"}
    assert list(rows) == ["properties.who"]
    assert rows["properties.who"]["line"] == 3
    assert "secret.example" not in answer.out + answer.err


def test_values_outside_the_plans_list_are_told(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "tracking.yaml").write_text(
        "events: {a: {}}\nproperties:\n  plan: {values: [free, pro]}\n"
        "  who: {values: [x], personal: email}\n  any: string\n"
    )
    (tmp_path / "scan.json").write_text('{"sites": []}')
    (tmp_path / "log.csv").write_text(
        "distinct_id,event,timestamp,plan,who,any\n1,a,2026-01-01 10:00:00,pro,ann@x.example,1\n"
        "1,a,2026-01-01 11:00:00,[red]Pro,ann@x.example,2\n"
    )
    data = ["--scan", "scan.json", "--events", "log.csv"]
    answer = cli("plan", "check", *data, "-f", "json")
    [row] = [row for row in json.loads(answer.out)["findings"] if row["rule"] == "unlisted-value"]
    assert (row["line"], row["message"]) == (3, "`plan` arrived with 1 value outside its list: '[red]Pro'")
    coverage = json.loads(cli("plan", "coverage", *data, "-f", "json").out)
    assert coverage["unlisted_values"] == [{"property": "plan", "values": ["[red]Pro"]}]
    assert "[red]Pro" in cli("plan", "coverage", *data).out


@pytest.mark.slow
def test_a_property_with_many_values_is_told(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "tracking.yaml").write_text(
        "events: {a: {}}\nproperties:\n  ref: string\n  id: {personal: identifier}\n"
    )
    (tmp_path / "scan.json").write_text('{"sites": []}')
    rows = [f"1,a,2026-01-01 10:00:00,ref {each},id {each},few {each % 9}\n" for each in range(200)]
    (tmp_path / "log.csv").write_text("distinct_id,event,timestamp,ref,id,size\n" + "".join(rows))
    answer = cli("plan", "check", "--scan", "scan.json", "--events", "log.csv", "--values", "-f", "json")
    [row] = [row for row in json.loads(answer.out)["findings"] if row["rule"] == "many-values"]
    assert (row["line"], row["message"]) == (3, "`ref` had 200 different values or more")


def test_the_hook_for_pre_commit_is_a_command_that_there_is(cli: Cli) -> None:
    [hook] = yaml.safe_load((FOLDER.parent.parent / ".pre-commit-hooks.yaml").read_text())
    assert {"id", "name", "entry", "language"} <= set(hook)
    assert cli(*hook["entry"].split()[1:], "--help").code == 0


def test_places_in_ci_are_those_of_the_repository(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for folder in ("web", "backend"):
        (tmp_path / folder).mkdir()
    (tmp_path / "tracking.yaml").write_text("events: {a_sent: {}}\nfunnels: {f: [a_sent]}\n")
    (tmp_path / "backend" / "views.py").write_text('import posthog\nposthog.capture("u", "b_sent")\n')
    monkeypatch.chdir(tmp_path / "web")
    call = ("plan", "check", "../backend", "--plan", "../tracking.yaml", "-f")
    results = json.loads(cli(*call, "sarif").out)["runs"][0]["results"]
    places = {each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in results}
    assert places == {"backend/views.py", "tracking.yaml"}
    assert "../backend/views.py:2" in cli(*call, "text").out
    assert "no event is in the code for `a_sent` of the funnel f" in cli(*call, "csv").out
