"""One person whose e-mail is spelt in ways that the sources tell apart: every command sees all of them."""

from collections.abc import Iterator

import pytest

from tests.conftest import slow_but
from tests.people import Company, Office, ago, office
from usertrack.failures.investigation import Investigation, investigate, spellings_of_account
from usertrack.privacy.places import postgres_answers, tables_of
from usertrack.privacy.subject import Subject
from usertrack.reports.dossier import dossier
from usertrack.segments.profiles import build_profiles

EVA = "éva.kim@x.example"
SPELLINGS = ("éVA.KIM@x.example", f"{EVA}\u00a0", f"\u200b{EVA}", f"Éva <{EVA}.>", EVA)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    rows = Company()
    for number, spelling in enumerate(SPELLINGS):
        paying, used = ("active", ago(30)) if number == 2 else ("trial", ago(number) if number else None)
        user = rows.account(spelling, credits=10.0 * number, last_active=used, subscription=paying, runs={"failed": 2})
        rows.tool(user, ago(1), "failed", error_message="invalid teamId")
        rows.event(rows.person(spelling), "$pageview", ago(3, 60 * number))
    other = rows.account(f"x{EVA}", credits=99, runs={"completed": 1})  # contains the name, and is somebody else
    rows.tool(other, ago(1), "failed")
    with office(tmp_path_factory.mktemp("spellings"), rows) as opened:
        yield opened


AS_TYPED = [EVA, "éVA.KIM@x.example", f" {EVA}\u3000"]


@pytest.mark.slow
@pytest.mark.parametrize("spelling", slow_but(AS_TYPED[1:2], AS_TYPED))
def test_one_person_is_the_same_alone_as_among_all(company: Office, spelling: str) -> None:
    with company.runner() as runner:
        everybody, alone = build_profiles(runner, company.rules), build_profiles(runner, company.rules, only=spelling)
        ask = "SELECT * FROM profile WHERE email = ?"
        assert alone.row(ask, [EVA]) == everybody.row(ask, [EVA])
        assert (alone.people, everybody.people) == (1, 2)
        known = "SELECT run_count, accounts, credits, subscription_status FROM profile"
        # the account used last is a day old; one of them pays
        assert alone.row(known) == (10, 5, 10.0, "active")


def test_the_dossier_counts_what_was_done_under_any_of_them(company: Office) -> None:
    with company.runner() as runner:
        of_person = dossier(runner, build_profiles(runner, company.rules, only=EVA), EVA)
        assert of_person.email == EVA
        assert [(row["outcome"], row["runs"]) for row in of_person.parts["runs"].dicts()] == [("failed", 10)]
        assert [row["uses"] for row in of_person.parts["tools"].dicts()] == [5]
        assert len(of_person.parts["events"].rows) == 5


def test_failures_of_one_person_are_those_under_any_of_them(company: Office) -> None:
    with company.runner() as runner:
        person = spellings_of_account(runner, SPELLINGS[0])
        investigation = investigate(runner, person=person)
    assert isinstance(investigation, Investigation)
    assert investigation.person == EVA
    assert {name: (level.failed, level.people_failed) for name, level in investigation.levels.items()} == {
        "workflow": (10, 1),
        "tool": (5, 1),
    }


def test_what_the_backend_holds_on_a_person_is_of_them_alone(company: Office) -> None:
    with company.runner("neon") as runner:
        answers = postgres_answers(runner, Subject(EVA, (), ()))
        rows = {name: list(answer.rows) for name, answer in tables_of(answers).items()}
    assert len(rows["neon/user_account"]) == 5
    assert len(rows["neon/accounts"]) == 1
    assert not [row for query_rows in rows.values() for row in query_rows if f"x{EVA}" in row]
