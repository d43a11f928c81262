"""What lint says of plans: the mistakes that are in them, and nothing else."""

import json
from pathlib import Path

import pytest

from tests.conftest import Cli
from usertrack.plan.finding import PlanFinding
from usertrack.plan.lint import RULES, lint_plan
from usertrack.plan.read import read_plan

PLANS = Path(__file__).parents[1]


def lint(folder: Path, text: str) -> list[PlanFinding]:
    path = folder / "tracking.yaml"
    path.write_text(text)
    return lint_plan(read_plan(path))


def rules(findings: list[PlanFinding]) -> list[tuple[str, str]]:
    return [(each.rule.id, each.subject.partition(".")[2]) for each in findings]


def test_the_mistakes_of_seed_003_and_no_others() -> None:
    findings = lint_plan(read_plan(PLANS / "seed003.yaml"))
    assert sorted(rules(findings)) == [
        ("event-tense", "analytics_viewed"),
        ("event-tense", "dashboard_first_view"),
        ("event-tense", "insight_viewed"),
        ("event-tense", "pr_detail_viewed"),
        ("event-tense", "sidebar_navigation"),
        ("incomplete-event", ""),
        ("incomplete-event", "error_occurred"),
        ("incomplete-event", "external_link_clicked"),
        ("incomplete-event", "repo_sync_completed"),
        ("incomplete-event", "repo_sync_started"),
        ("incomplete-event", "settings_updated"),
        ("missing-scope", "pr_list_exported"),
        ("personal-data", "org_name"),
        ("personal-data", "site_url"),
        ("personal-data", "team_slug"),
        ("phase-without-event", "4.apps/feedback/views.py"),
        ("same-event", "integration_connected"),
        ("same-property", "signup_source"),
        ("same-property", "team.repos_tracked"),
    ]


def test_a_finding_has_its_line_and_what_to_write() -> None:
    path = PLANS / "seed003.yaml"
    lines = path.read_text().splitlines()
    findings = {each.subject: each for each in lint_plan(read_plan(path))}
    duplicate = findings["events.integration_connected"]
    assert lines[duplicate.line - 1].strip() == "integration_connected:"
    assert "`replaces: [github_connected, slack_configured, jira_connected]`" in duplicate.instead
    assert findings["events.dashboard_first_view"].instead.startswith("`dashboard_first_viewed`")
    assert "`personal: organization`" in findings["properties.org_name"].instead


def test_seed_001_lacks_a_step_in_its_funnel() -> None:
    findings = lint_plan(read_plan(PLANS / "seed001.yaml"))
    assert rules(findings) == [("event-not-in-funnel", "first_integration_connected")]


@pytest.mark.parametrize(
    ("text", "rule", "message"),
    [
        ("naming: {events: {case: snake_case}}\nevents: {Report Exported: }", "event-case", "is not snake_case"),
        ("naming: {properties: {case: snake_case}}\nproperties: {teamId: }", "property-case", "is not snake_case"),
        ("naming: {events: {tense: past}}\nevents: {x_viewing: {ongoing: false}}", "event-tense", "completed act"),
        ("naming: {events: {tense: past}}\nevents: {x_viewed: {ongoing: true}}", "event-tense", "a state that lasts"),
        (
            "naming: {events: {tense: present}}\nevents: {page-viewed: }",
            "event-tense",
            "the plan's tense is the present",
        ),
        ("events: {signed_up: , user_signed_up: }", "same-event", "`user_signed_up` and `signed_up` say the same"),
        ("events: {oauth_failed: , oauth_failure: }", "same-event", "say the same"),
        ("properties: {org_id: , organization_id: }", "same-property", "`organization_id` and `org_id`"),
        ("properties: {num_repos: , repos_total: }", "same-property", "say the same"),
        (
            "properties: {plan: {values: [free_trial, paid]}}\ngroup_properties: {team: {plan: {values: [trial]}}}",
            "property-clash",
            "different values: free_trial, paid and trial",
        ),
        ("properties: {x: string}\nperson_properties: {x: integer}", "property-clash", "different types"),
        ("properties: {x: {values: [Free Trial, free_trial]}}", "property-clash", "two spellings"),
        ("properties: {x: {type: integer, values: [1, two]}}", "property-clash", "its list has `two`"),
        ("properties: {provider: }\nevents: {a: {properties: [providr]}}", "unknown-property", "has `providr`"),
        ("properties: {a: {aliases: [b]}}\nevents: {a: {properties: [b]}}", "unknown-property", "has `b`"),
        ("scopes: {team: {requires: [t]}}\nevents: {a: {properties: [t]}}", "missing-scope", "it has `t`"),
        ("events: {a: }\nfunnels: {f: [a, b]}", "unknown-event", "rests on `b`, which is not in the plan"),
        ("events: {b: {replaces: [a]}}\nfunnels: {f: [a, b]}", "", ""),
        ("events: {b: {replaces: [a]}}\nfunnels: {f: ['a[x = 1]']}", "replaced-event", "which `b` replaces"),
        ("events: {a: {status: deprecated}}\nsegments: {s: [a]}", "replaced-event", "which is deprecated"),
        (r"events: {'a|b': }" "\n" r"funnels: {f: ['a\|b', '*', $pageview]}", "", ""),
        ("events: {report_8f14e45f_opened: }", "id-in-name", "holds `8f14e45f`"),
        ("events: {'order_{id}_paid': }", "id-in-name", "holds `{id}`"),
        ("properties: {api_key: }", "secret", "called like a secret"),
        ("events: {a: {properties: [viewerEmail]}}", "personal-data", "`viewerEmail` is an e-mail address"),
        ("properties: {email_count: integer, emails_sent: integer, email: {personal: email}}", "", ""),
    ],
)
def test_each_rule(tmp_path: Path, text: str, rule: str, message: str) -> None:
    findings = [each for each in lint(tmp_path, text) if each.rule.id not in ("incomplete-event", "no-events")]
    assert [each.rule.id for each in findings] == ([rule] if rule else [])
    assert all(message in each.message and each.instead for each in findings)


def test_aliases_and_replaces_settle_which_of_two_names_holds(tmp_path: Path) -> None:
    text = "events: {github_connected: , integration_connected: {replaces: [github_connected]}}"
    assert "same-event" not in {each.rule.id for each in lint(tmp_path, text)}
    text = """
properties: {repos_count: integer}
group_properties: {team: {repos_tracked: {type: integer, aliases: [repos_count]}}}
"""
    assert {each.rule.id for each in lint(tmp_path, text)} == {"no-events"}


def test_files_have_rules_of_their_own(tmp_path: Path) -> None:
    text = """
naming:
  events:
    - {files: "web/**", case: snake_case, separator: ".", tense: past}
    - {case: kebab-case}
events:
  builder.block_added: {source: [web/builder/block.ts], owner: a}
  builder.block_remove: {source: [web/builder/block.ts], owner: a}
  agent-run-start: {source: [agent/run.py], owner: a}
"""
    (finding,) = lint(tmp_path, text)
    assert finding.instead.startswith("`builder.block_removed`")


def test_the_plan_of_the_guide_is_in_order(tmp_path: Path) -> None:
    guide = (PLANS.parents[1] / "docs" / "guide" / "plan.md").read_text()
    example = guide.partition("```yaml\n")[2].partition("```")[0]
    assert lint(tmp_path, example) == []


NAMES = """
add_seat_clicked conditional_logic_added hidden_field_added reverse_trial_started stayed_on_hobby_plan
main_nav_go_to_billing_clicked billing_onboarding_hobby_confirm_cta_clicked trial_ending_warning_shown
run_recording_viewed survey_language_added survey_language_enabled team_member_invited
team_members_bulk_invited user_signed_in user_signed_up email_sent file_split password_reset order_paid_out
data_room_view_invitation_sent account_created workspace_created integration_connected app_connected
subscription_paused subscription_unpaused session_opened sessions_opened
"""


def test_good_names_are_left_alone(tmp_path: Path) -> None:
    events = "".join(f"  {name}: {{owner: growth}}\n" for name in NAMES.split())
    assert lint(tmp_path, f"naming: {{events: {{case: snake_case, tense: past}}}}\nevents:\n{events}") == []


def test_names_of_any_alphabet(tmp_path: Path) -> None:
    text = """
naming: {events: {case: snake_case}}
events: {größe_geändert: {owner: a}, 注文_完了: {owner: a}, 注文: {owner: a}, "!": {owner: a}, "?": {owner: a}}
properties: {数: , 名: }
"""
    assert [each.subject for each in lint(tmp_path, text)] == ["events.!", "events.?"]


def test_rules_have_different_ids() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_the_command_says_why_and_ends_with_5(cli: Cli, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.setenv("COLUMNS", "80")
    result = cli("plan", "lint", "--plan", str(PLANS / "seed003.yaml"))
    assert result.code == 5
    assert max(map(len, result.out.splitlines())) <= 80
    assert "The tense tells a completed act from a state" in result.out
    assert result.err.endswith("error: 18 problems found\n")
    data = cli("plan", "lint", "--plan", str(PLANS / "seed003.yaml"), "-f", "json")
    assert json.loads(data.out)["findings"][0]["rule"] == "phase-without-event"


def test_notes_are_no_problem(cli: Cli) -> None:
    assert cli("plan", "lint", "--plan", str(PLANS / "seed001.yaml")).code == 0


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_an_empty_plan_is_told_as_one(tmp_path: Path, text: str) -> None:
    (finding,) = lint(tmp_path, text)
    assert (finding.rule.id, finding.severity) == ("no-events", "note")


@pytest.mark.parametrize(
    ("tags", "unknown"),
    [(("v2.3",), ["a", "b.c", "t.d"]), ((), ["a"])],
)
def test_a_release_is_a_date_or_a_tag(tags: tuple[str, ...], unknown: list[str], tmp_path: Path) -> None:
    path = tmp_path / "tracking.yaml"
    path.write_text(
        "events: {a: {since: nosuch}, e: {since: 2026-03-01}, f: {since: v2.3}}\n"
        "person_properties: {c: {since: v3.2}}\ngroup_properties: {t: {d: {since: v99}}}\n"
    )
    findings = [each for each in lint_plan(read_plan(path), tags) if each.rule.id == "unknown-release"]
    expected = {"a": "events.a", "b.c": "person_properties.c", "t.d": "group_properties.t.d"}
    assert {each.subject for each in findings} == {expected[name] for name in unknown}
    assert findings[0].message == "`a` is there since `nosuch`, which is neither a date nor a tag"
