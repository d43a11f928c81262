"""A log that begins within the time asked about: Postgres knows who signed up, and nobody who came back."""

import json
from collections.abc import Iterator

import pytest

from tests.conftest import Cli
from tests.people import Company, Office, ago, office, served


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Six accounts, one without events, and a log of two weeks without an event of a sign-up."""
    company = Company()
    for number, days in enumerate((50, 40, 15, 9, 2)):
        email = f"p{number}@x.example"
        company.account(email, signed_up=ago(days))
        person = company.person(email, created=ago(min(days, 14)))
        for back in (13, 6, 1):
            if back <= days:
                company.event(person, "opened", ago(back))
    company.account("silent@x.example", signed_up=ago(1))
    with office(tmp_path_factory.mktemp("young"), company) as opened:
        yield opened


@pytest.fixture
def young(place: Office, cli: Cli, clean_env: pytest.MonkeyPatch) -> Iterator[Cli]:
    with served(place) as env:
        for name, value in env.items():
            clean_env.setenv(name, value)
        yield cli


@pytest.mark.slow
def test_who_is_new_is_known_and_who_came_back_is_not(young: Cli) -> None:
    activity = json.loads(young("activity", "--days", 10, "-f", "json").out)
    assert (activity["now"]["new"], activity["before"]["new"]) == (3, 1)
    rest = ("returning", "resurrected", "churned")
    assert {activity[at][name] for at in ("now", "before") for name in rest} == {None}
    assert {activity["change"][name] for name in rest} == {None}
    assert activity["before"]["mean_dau"] is None
    assert "the log begins on 7 Nov 2026: who is returning, resurrected or churned is unknown" in str(activity["notes"])


def test_without_postgres_who_is_new_is_unknown(young: Cli, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.delenv("DATABASE_URL")
    activity = json.loads(young("activity", "--days", 10, "-f", "json").out)
    assert (activity["now"]["new"], activity["now"]["mean_dau"] is not None) == (None, True)
    assert young("cohorts").code == 2


def test_cohorts_begin_with_the_accounts(young: Cli) -> None:
    cohorts = json.loads(young("cohorts", "--weeks", 4, "-f", "json").out)
    sizes = {cell["cohort"]: cell["size"] for cell in cohorts["cells"]}
    assert sizes == {"2026-11-02": 0, "2026-11-09": 1, "2026-11-16": 2}  # no week of before the log
    assert "the log begins on 7 Nov 2026: who signed up before is in no cohort" in cohorts["notes"]
    assert [cell["people"] for cell in cohorts["cells"] if cell["cohort"] == "2026-11-09"][:3] == [1, 0, None]
    assert cohorts["target"] == "sign-up in Postgres"


def test_each_event_is_a_feature_where_none_is_named(young: Cli) -> None:
    features = json.loads(young("features", "-f", "json").out)
    assert [(row["feature"], row["people"]) for row in features["features"]] == [("opened", 5)]
