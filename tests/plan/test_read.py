"""`tracking.yaml` as people write it, and what its errors say."""

from pathlib import Path

import pytest

from usertrack.core.errors import UsageError
from usertrack.plan.model import Plan
from usertrack.plan.read import read_plan

FOLDER = Path(__file__).parent


@pytest.fixture(scope="module")
def seed003() -> Plan:
    return read_plan(FOLDER / "seed003.yaml")


def test_a_whole_plan_fits(seed003: Plan) -> None:
    assert len(seed003.events) == 26
    assert list(seed003.person_properties) == [
        *("role", "teams_count", "signup_source", "has_connected_github", "has_connected_jira", "has_connected_slack")
    ]
    assert list(seed003.group_properties["team"]) == [
        *("plan", "onboarding_complete", "repos_tracked", "total_prs", "ai_adoption_rate")
    ]
    assert [(phase.name, phase.effort, len(phase.acceptance)) for phase in seed003.phases.values()] == [
        *(("1", "M", 5), ("2", "S", 3), ("3", "S", 3), ("4", "M", 4), ("5", "M", 4))
    ]
    assert seed003.metrics["Events tracked per day"].targets == {"week 2": 500, "month 1": 2000}
    assert seed003.metrics["Funnel visibility"].targets["month 1"] == 1
    assert seed003.funnels["onboarding"].steps[0] == "user_signed_up"


def test_an_event_has_the_properties_of_its_scope(seed003: Plan) -> None:
    github = seed003.events["github_connected"]
    assert github.required == ("team_slug",)
    assert [use.name for use in github.properties] == ["org_name", "member_count", "team_slug"]
    (use,) = seed003.events["team_member_joined"].properties
    assert (use.name, use.required, use.scope) == ("team_slug", True, "team")
    lines = (FOLDER / "seed003.yaml").read_text().splitlines()
    assert lines[seed003.events["team_member_joined"].line - 1].strip() == "team_member_joined:"
    assert lines[use.line - 1].strip() == "scope: team"


def test_an_event_is_known_by_its_aliases() -> None:
    plan = read_plan(FOLDER / "seed001.yaml")
    event = plan.event_of("user_signed_up")
    assert event is not None
    assert event.name == "signed_up"
    assert list(plan.tiers) == ["acquisition", "activation", "engagement", "monetization", "retention"]
    assert plan.event_of("nothing") is None


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("events: {a: {aliases: [b]}, b: {aliases: [a]}}", "1: 'aliases' go in a circle: a → b → a", "take one"),
        ("events:\n  a: {replaces: [b]}\n  b: {replaces: [a]}", "'replaces' go in a circle", "take one"),
        ("events: {a: {aliases: [a]}}", "'aliases' go in a circle: a → a", "take one"),
        ("events:\n  a: {aliases: [b]}\n  b:", "2: 'b' is an alias of 'a', and an event of its own", "`replaces: [b]`"),
        ("events:\n  a: {aliases: [x]}\n  b: {aliases: [x]}", "3: 'x' is an alias of 'a' and of 'b'", "one of them"),
        ("events:\n  a:\n  b:\n  a:", "4: 'a' is there twice, first in line 2", "take one"),
        ("events:\n\ta:\n", "2: not valid YAML: found character '\\t'", "indent with spaces"),
        ("sinks:\n- call: send\n  position: 1\n  position: 2", "4: 'position' is there twice", ""),
        ("properties:\n  a: {type: strng}", "2: unknown type 'strng'", "did you mean 'string'?"),
        ("properties:\n  a: text", "2: unknown type 'text'", "it is one of string, number"),
        ("evnts: {}", "1: unknown key 'evnts'", "did you mean 'events'"),
        ("events:\n  a:\n    teir: 1", "3: unknown key 'teir'", "did you mean 'tier'?"),
        ("events: [a, b]", "1: 'events' takes a mapping", "write `events: {NAME: …}`"),
        ("events: {a: text}", "'a' takes a mapping, not 'text'", "write `a: {description: …}`"),
        ("phases: {1: }\nevents: {a: {phase: 2}}", "2: 'phases' has no '2'", "there are 1"),
        ("events: {a: {scope: team}}", "'scopes' has no 'team'", "add it to `scopes:`"),
        ("events:\n  a:\n    since: 1.10", "3: 'since' takes a text, not 1.1", "put it in quotes"),
        ("events: {yes: }", "the name true is not a text", "put it in quotes"),
        ("events: {a: {required: {x: 1}}}", "'required' takes a list", "write `required: [x]`"),
        ("events: {a: {aliases: [x, x]}}", "'x' is listed twice", "take one out"),
        ("sinks: [{call: f}]", "1: a call, and either the position or the keyword", "position: 0"),
        ("group_properties: {plan: {type: string}}", "under the type of their group", "{team: {plan: …}}"),
        ("metrics: {m: {targets: {week 2: many}}}", "'many' is no number", "write 2000 or 95%"),
        ("events: &a {b: *a}", "1: not valid YAML: found unconstructable recursive node", ""),
        ("- a", "1: the file needs `events:`", "`usertrack plan init` makes a plan"),
    ],
)
def test_a_wrong_plan_is_told_with_its_line(tmp_path: Path, text: str, message: str, hint: str) -> None:
    path = tmp_path / "tracking.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        read_plan(path)
    assert error.value.message.startswith(f"{path}:")
    assert message in error.value.message
    assert hint in error.value.hint


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "events:\n", "\ufeffevents:\r\n  a:\r\n"])
def test_a_plan_may_have_no_events(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tracking.yaml"
    path.write_bytes(text.encode())
    assert set(read_plan(path).events) <= {"a"}


def test_a_plan_that_is_not_utf_8_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "tracking.yaml"
    path.write_bytes("events:\n  café:\n".encode("latin-1"))
    with pytest.raises(UsageError, match=r"tracking.yaml:2: cannot be read as UTF-8 text"):
        read_plan(path)


def test_a_separator_keeps_its_blanks(tmp_path: Path) -> None:
    path = tmp_path / "tracking.yaml"
    path.write_text("naming: {events: [{files: 'a/**', case: Title Case, separator: ': '}, {case: snake_case}]}")
    first, rest = read_plan(path).naming
    assert (first.files, first.separator, rest.files) == ("a/**", ": ", "**")


def test_a_plan_of_a_thousand_events_is_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "tracking.yaml"
    path.write_text("events:\n" + "".join(f"  event_{n}: {{required: [a, b], tier: 1}}\n" for n in range(1000)))
    assert len(read_plan(path).events) == 1000
