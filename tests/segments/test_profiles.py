"""What the join makes of keys that are spelt in several ways, and of rules that cannot take somebody's facts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import problem
from tests.memberships import FIRST, RULES, classified
from tests.people import NOW, Company, ago, office
from usertrack.library.library import Library, shipped_root
from usertrack.segments.applicable import applicable
from usertrack.segments.classify import Classification
from usertrack.segments.profiles import build_profiles
from usertrack.segments.rules import read_rules

KNOWN = ("runs", "failed", "credits", "last_run_at")


def facts_of(classification: Classification, email: str) -> tuple[object, ...]:
    return classification.profiles.row(f"SELECT {', '.join(KNOWN)} FROM profile WHERE email = ?", [email])


@pytest.mark.parametrize(
    "spelling",
    ["é@X.example", "é@x.example\u00a0", "\té@x.example", "Bé <\u200bé@x.example\ufeff>", "\u3000é@x.example."],
)
def test_spellings_that_a_source_keeps_apart_are_one_person(spelling: str) -> None:
    classification = classified(
        0, {"é@x.example": (4, 1, None, -3), spelling: (3, 2, 20.0, -1), "b@x.example": (1, 0, 9.0, 0)}
    )
    last = (FIRST - timedelta(days=1)).replace(tzinfo=None)
    assert facts_of(classification, "é@x.example") == (7, 3, 20.0, last)
    assert facts_of(classification, "b@x.example")[0] == 1
    assert classification.profiles.people == 2
    (note,) = classification.profiles.notes
    assert "are one person, though their source has several (neon/runs 1, neon/credits 1): counts are added" in note


def test_where_nothing_says_which_the_first_spelling_holds_whatever_the_order() -> None:
    for order in (("b@x.example", "b@x.example\u00a0"), ("b@x.example\u00a0", "b@x.example")):
        people = {spelling: (1, 0, 10.0 if spelling == "b@x.example" else 20.0, 0.0) for spelling in order}
        assert facts_of(classified(0, people), "b@x.example")[2] == 10.0


PEOPLE = {"a@x.example": (9, 1, 10.0, 0.0), "b@x.example": (3, 0, 20.0, 0.0)}


@pytest.mark.parametrize(
    ("sound", "broken", "where"),
    [
        ('when: "runs > 5 AND success_rate < 0.5"', "when: \"(runs || 'x')::INT > 1\"", "segments.yaml:9: "),
        ('priority: "50 - credits"', "priority: \"(credits || 'x')::INT\"", "segments.yaml:10: "),
        ('sql: "1 - failed / nullif(runs, 0)"', "sql: \"(runs || 'x')::INT\"", "segments.yaml:5: "),
    ],
)
def test_a_rule_that_fails_on_data_is_named_with_its_line(sound: str, broken: str, where: str) -> None:
    assert sound in RULES
    error = problem(lambda: classified(0, PEOPLE, rules=RULES.replace(sound, broken)))
    assert where in error.message
    assert "Could not convert string" in error.message
    assert "try_cast() gives NULL instead" in error.hint


@pytest.mark.slow
def test_a_source_that_knows_nobody_is_named(tmp_path: Path) -> None:
    rows = Company()
    rows.account("ann@x.example", runs={"completed": 6})
    with office(tmp_path, rows) as company:
        with company.runner() as runner:
            profiles = build_profiles(runner, company.rules)
            assert [note.split(":")[0] for note in profiles.notes] == ["PostHog has no events up to then"]
            assert build_profiles(runner, company.rules, only="ann@x.example").notes == []
        with company.runner(as_of=datetime(2020, 1, 1, tzinfo=UTC)) as runner:
            notes = build_profiles(runner, company.rules).notes
            assert [any(source in note for note in notes) for source in ("PostHog has no", "Postgres has no")] == [
                True,
                True,
            ]


def test_of_nobody_nobody_is_in_a_segment() -> None:
    nobody = classified(0, {})
    assert [(count.people, count.undecided) for count in nobody.counts] == [(0, 0)] * 3
    assert (nobody.profiles.match.internal_excluded, nobody.profiles.match.opted_out) == (0, 0)


LEFT = """-- title: Accounts
SELECT
    w.id AS account_id, w.email, w.created_at AS signed_up_at,
    w.organization = 'gone' AS churned, w.last_active_timestamp AS churned_at
FROM wasp_user AS w
"""


@pytest.mark.slow
def test_of_the_past_who_came_later_is_in_no_segment_and_the_last_event_is_the_last_ever(tmp_path: Path) -> None:
    company = Company()
    company.account("late@x.example", signed_up=ago(2), runs={"failed": 8}, run_at=ago(20))  # runs before the account
    company.account("quiet@x.example", signed_up=ago(200))
    company.event(company.person("quiet@x.example", created=ago(200)), "opened", ago(90))
    with office(tmp_path, company) as place:
        with place.classified(as_of=NOW - timedelta(days=10)) as classification:
            assert [row[0] for row in classification.people().rows] == ["quiet@x.example"]
        with place.profiles() as profiles:
            quiet = profiles.row("SELECT idle_days, events_recent FROM profile WHERE email = 'quiet@x.example'")
        assert quiet == (90, 0)


@pytest.mark.slow
@pytest.mark.parametrize(("event", "actions"), [("run_completed", 5), ("report_opened", 7)])
def test_what_is_a_row_and_an_event_is_one_action(tmp_path: Path, event: str, actions: int) -> None:
    company = Company()
    company.account("ann@x.example", signed_up=ago(20), runs={"completed": 2, "failed": 1}, run_at=ago(3))
    ann = company.person("ann@x.example")
    company.event(ann, event, ago(3), times=2)
    company.event(ann, "opened", ago(2), times=2)
    with office(tmp_path, company) as place, place.profiles() as profiles:
        row = profiles.row("SELECT actions_recent, active_days FROM profile WHERE email = 'ann@x.example'")
        assert row == (actions, 2)


def test_who_left_by_the_apps_own_account_is_lapsed(tmp_path: Path) -> None:
    company = Company()
    company.account("left@x.example", organization="gone", last_active=ago(40), runs={"completed": 3})  # 3 days ago
    company.account("here@x.example", organization="here")
    (tmp_path / "tables/neon").mkdir(parents=True)
    (tmp_path / "tables/neon/accounts.sql").write_text(LEFT)
    with office(tmp_path, company) as place:
        place.library = Library([shipped_root() / "queries"], [tmp_path / "tables"])
        place.rules = applicable(read_rules(shipped_root() / "segments.yaml"), place.library)
        with place.classified("lifecycle") as classification:
            found = {row[0]: (row[1], row[5]) for row in classification.people().rows}
    assert found["left@x.example"][0] == "lapsed"
    assert "left on 11 Oct" in found["left@x.example"][1][0]
    assert found["here@x.example"][0] == "dormant"
