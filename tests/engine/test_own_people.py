"""Your own people are left out under each of their names, whichever source knows it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.people import Company, Office, ago, office
from usertrack.core.table import Table
from usertrack.engine.own_people import own_rule
from usertrack.segments.profiles import build_profiles

CUSTOMER = "ann@acme.example"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    rows = Company()

    def person(email: str | None, *ids: str, **properties: Any) -> str:
        id_ = rows.person(email)
        rows.persons[-1]["properties"] |= properties
        rows.distinct_ids |= dict.fromkeys(ids, id_)
        rows.event(id_, "$pageview", ago(2))
        rows.event(id_, "$rageclick", ago(2))
        return id_

    def account(email: str | None) -> str:
        rows.account(email, runs={"failed": 7})
        return str(len(rows.tables["wasp_user"]))

    def private(number: int) -> str:
        return f"private{number}@mailbox.example"

    account(CUSTOMER)
    rows.event(person(CUSTOMER, "ann-1"), "$identify", ago(4), 1, **{"p_$set": {"email": "undefined"}})
    account(private(0))
    rows.event(person(private(0)), "$identify", ago(400), 1, **{"p_$set": {"email": "Boss@datagen.dev"}})
    account(private(1))
    rows.event(person(private(1)), "signed up", ago(30), 1, **{"p_$set_once": {"email": "cto@datagen.dev."}})
    account(private(2))
    person(private(2), Email="Dev <dev@datagen.dev>")
    account(private(3))
    person(private(3), "ops@datagen.dev")
    person(private(4), account("sales@datagen.dev"))  # its distinct_id is the id of an internal account
    account(private(4))
    id_ = account(private(5))
    rows.event(
        person(None, id_), "$set", ago(40), 1, **{"p_$set": {"email": "hr@datagen.dev"}}
    )  # whose account is private
    person(private(5))
    account("qa@eu.datagen.dev")
    person("qa@eu.datagen.dev")
    account(private(6))
    staff = person(private(6))
    for text in ("it@datagen.dev", "undefined"):  # which is no name that staff and customers share
        rows.event(staff, "$identify", ago(4), 1, **{"p_$set": {"email": text}})
    account(private(8))  # found by way of two persons
    rows.event(person("pm@datagen.dev"), "$identify", ago(4), 1, **{"p_$set": {"email": private(7)}})
    rows.event(person(private(7)), "$identify", ago(4), 1, **{"p_$set": {"email": private(8)}})
    with office(tmp_path_factory.mktemp("own"), rows) as opened:
        yield opened


RULES = ["datagen.dev", "@datagen.dev", "%@datagen.dev", "*@datagen.dev", "*.datagen.dev", " Datagen.dev. "]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_taken_in_every_spelling(rule: str) -> None:
    assert own_rule(rule) == "datagen.dev"
    assert own_rule("Ann <Ann@Acme.com>") == "ann@acme.com"


@pytest.mark.slow
def test_only_the_customer_has_a_profile(company: Office) -> None:
    with company.runner() as runner:
        profiles = build_profiles(runner, company.rules)
        assert profiles.connection.execute("SELECT email FROM profile").fetchall() == [(CUSTOMER,)]
        assert profiles.match.internal_excluded == 12
        one = build_profiles(runner, company.rules, only="private0@mailbox.example")
        assert one.people == 0


@pytest.mark.parametrize(
    ("name", "column", "customers"),
    [
        ("posthog/events_overview", "persons", {1}),
        ("posthog/ux_pages", "persons", {1}),
        ("neon/overview", "people", {1}),
        ("neon/failed_runs", "email", {CUSTOMER}),
    ],
)
def test_every_source_leaves_them_out(company: Office, name: str, column: str, customers: Any) -> None:
    with company.runner() as runner:
        answer = runner.run([runner.bind(name)])[0]
        assert isinstance(answer, Table), answer
        assert {row[column] for row in answer.dicts()} == customers


def test_nobody_is_asked_about_without_a_rule(company: Office) -> None:
    with company.runner(internal=()) as runner:
        assert build_profiles(runner, company.rules).people == 13
        assert runner.opted_out.own.names == set()
