"""What is left of segments.yaml where entities do not exist."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import problem
from usertrack.library.events import NONE
from usertrack.library.library import Library, shipped_root
from usertrack.library.own_words import OwnWords
from usertrack.segments.applicable import applicable, condition_without
from usertrack.segments.rules import Rules, read_rules

ACCOUNTS = "-- title: users\nSELECT u.id AS account_id, u.email, u.born AS signed_up_at FROM users AS u"


def rules(folder: Path, *unused: str, accounts: str = "") -> Rules:
    (folder / "neon").mkdir(exist_ok=True)
    if accounts:
        (folder / "neon" / "accounts.sql").write_text(accounts)
    library = Library([shipped_root() / "queries"], [folder], unused)
    return applicable(read_rules(shipped_root() / "segments.yaml"), library)


def test_all_of_it_where_nothing_is_absent(tmp_path: Path) -> None:
    known, written = rules(tmp_path), read_rules(shipped_root() / "segments.yaml")
    assert replace(known, sets=written.sets) == written
    assert [segment.when for segment in known.sets["action"].segments] == [
        segment.when for segment in written.sets["action"].segments
    ]


def test_reasons_are_in_own_words() -> None:
    library = Library([shipped_root() / "queries"], words=OwnWords({"run": "{app} build", "credits": "minutes"}))
    action = applicable(read_rules(shipped_root() / "segments.yaml"), library).sets["action"]
    assert action["at_risk"].because.startswith("signed up {age_days} d ago, never ran a {{app}} build, nothing in")
    assert action["power"].because == "ran {run_count}× ever[, last {run_idle_days} d ago][, {credits} minutes left]"


def test_conditions_go_on_without_unmapped_facts() -> None:
    assert condition_without("a > 1 AND credits = 5 AND b IS DISTINCT FROM 'x'", {"credits"}) == (
        "a > 1 AND b IS DISTINCT FROM 'x'"
    )
    assert condition_without("credits = 5 AND credits > least(a, 2)", {"credits"}) == ""


@pytest.mark.parametrize(
    ("unused", "segments"),
    [
        (["calls", "code_runs", "agent_runs"], "failing frustrated high_intent at_risk power"),
        (["runs"], "frustrated high_intent power"),
        (["accounts"], "frustrated"),
    ],
)
def test_segments_that_rest_on_it_are_not_there(tmp_path: Path, unused: list[str], segments: str) -> None:
    known = rules(tmp_path, *unused)
    assert [segment.id for segment in known.sets["action"].segments] == segments.split()


def test_events_alone_say_how_alive_somebody_is(tmp_path: Path) -> None:
    lifecycle = rules(tmp_path, "accounts").sets["lifecycle"]
    assert [each.id for each in lifecycle.segments] == ["champion", "power_user", "active", "at_risk", "dormant"]


def test_sums_and_the_latest_go_on_without_it(tmp_path: Path) -> None:
    derived = {each.name: each.sql for each in rules(tmp_path, "runs", "agent_runs").derived}
    assert derived["actions_recent"] == "events_recent + tool_calls_recent + code_runs_recent"
    assert "last_tool_at" in derived["last_activity_at"]
    assert derived["last_activity_at"] == (
        "GREATEST(last_tool_at, last_code_at, last_custom_tool_at, last_event_at, last_active_at)"
    )
    assert "success_rate" not in derived


def test_a_condition_and_its_reason_go_on_without_it(tmp_path: Path) -> None:
    power = rules(tmp_path, "runs").sets["action"]["power"]
    assert (power.when, power.priority, power.because) == ("credits < 50", "0", "{credits} credits left")


def test_one_of_two_events(tmp_path: Path) -> None:
    library = Library([shipped_root() / "queries"], roles={"exception": NONE})
    frustrated = applicable(read_rules(shipped_root() / "segments.yaml"), library).sets["action"]["frustrated"]
    assert frustrated.when == "rage_clicks > 0"
    assert frustrated.priority == "8 * (1 - EXP(-(rage_clicks) / 8))"
    assert frustrated.because == "{rage_clicks}× rage click[, most on {worst_page}]"


def test_a_column_that_is_not_mapped(tmp_path: Path) -> None:
    action = rules(tmp_path, accounts=ACCOUNTS).sets["action"]
    assert [segment.id for segment in action.segments] == ["failing", "frustrated", "at_risk", "power"]
    assert (action["power"].when, action["power"].because) == (
        "run_count > 5",
        "ran {run_count}× ever[, last {run_idle_days} d ago]",
    )


def test_organizations_that_pay_are_known_without_the_amount(tmp_path: Path) -> None:
    accounts = ACCOUNTS.replace(
        " FROM", ", u.team AS organization, u.plan AS subscription_status, u.seen AS last_active_at FROM"
    )
    (tmp_path / "neon").mkdir()
    (tmp_path / "neon" / "accounts.sql").write_text(accounts)
    library = Library([shipped_root() / "queries"], [tmp_path]).by("organization")
    written = read_rules(shipped_root() / "segments.yaml").judging("organization")
    leaving = applicable(written, library).sets["organizations"]["leaving"]
    assert leaving.when == "paying_people > 0 AND (idle_days >= 14 OR active_people * 2 <= people)"
    assert leaving.priority == "LEAST(10, 4 + paying_people / 5)"
    assert leaving.because == "active people: {active_people} of {people}[, the last {idle_days} d ago]"


def test_who_asks_for_it_is_told_why(tmp_path: Path) -> None:
    wrong = problem(lambda: rules(tmp_path, "runs").set_of("failing"))
    assert wrong.message == "segment 'failing' rests on what is not here: runs"
    assert "`tables:` and `events:` in usertrack.yaml" in wrong.hint
