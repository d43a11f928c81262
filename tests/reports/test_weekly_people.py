"""Who lapsed, whom an incident hit, whom to approach and what to write: a small company in real engines."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.people import Company, Office, ago, office
from usertrack.reports.incident_effect import effect_on
from usertrack.reports.other_sets import A_WEEK_AGO
from usertrack.segments.what_if import members, otherwise


def failing(company: Company) -> None:
    company.account("slips@x.example", runs={"completed": 2, "failed": 5})
    company.account("fails@x.example", runs={"completed": 2, "failed": 10})
    company.account("alone@x.example", runs={"failed": 7})


def lapsed(company: Company) -> None:
    """Silent since 33, 50 and 20 days, and one who never did anything."""
    for email, days in (("this_week@x.example", 33), ("long_ago@x.example", 50), ("soon@x.example", 20)):
        company.account(email, runs={"completed": 1}, run_at=ago(days))
    company.account("never@x.example")


def approachable(company: Company) -> None:
    company.account("spent@x.example", credits=5, runs={"completed": 6})
    company.account("pays@x.example", credits=5, subscription="active", runs={"completed": 6})
    company.account("happy@x.example", runs={"completed": 19, "failed": 1})


def silent_starts(company: Company) -> None:
    """Accounts of 90 days: two came back after a silent start, and one of them stayed."""
    for email, first, second in (("stays@x.example", 40, 30), ("once@x.example", 40, 38)):
        back = company.account(email, signed_up=ago(90))
        company.tool(back, ago(first), tool_name="search")
        company.tool(back, ago(second), tool_name="other")
    company.account("gone@x.example", signed_up=ago(90))
    company.code(company.account("quick@x.example", signed_up=ago(90)), ago(84))
    company.code(company.account("dev@datagen.dev", signed_up=ago(90)), ago(40))


def clicks(company: Company) -> None:
    """Three first clicks on Gmail, of whom one stayed; another click is too late, and one is ours."""

    def clicked(email: str, days: float) -> str:
        person = company.person(email)
        company.event(person, "mcp_connect_clicked", ago(days), template_name="Gmail")
        return person

    stays = clicked("stays@x.example", 60)
    company.event(stays, "$pageview", ago(59.5))
    company.event(stays, "mcp_url_copied", ago(59))
    company.event(stays, "feature_used", ago(58))
    company.event(stays, "$pageview", ago(40))
    company.event(clicked("once@x.example", 60), "mcp_url_copied", ago(59))
    company.event(clicked("gone@x.example", 60), "$pageview", ago(10))  # after four weeks
    company.event(clicked("late@x.example", 27), "mcp_url_copied", ago(26))
    company.event(clicked("dev@datagen.dev", 60), "$pageview", ago(40))


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    company = Company()
    for fill in (failing, lapsed, approachable, silent_starts, clicks):
        fill(company)
    with office(tmp_path_factory.mktemp("week"), company) as opened:
        yield opened


def rows(engines: Office, name: str) -> list[tuple[Any, ...]]:
    with engines.runner() as runner:
        return list(runner.table(runner.bind(name)).rows)


def test_what_those_did_next_who_clicked_and_stayed(engines: Office) -> None:
    assert rows(engines, "posthog/after_connect") == [("Gmail", "mcp_url_copied", 2, 1), ("Gmail", None, 1, 0)]


def test_what_those_did_first_who_came_back(engines: Office) -> None:
    came_back = [row for row in rows(engines, "neon/after_silence") if row[0] == "call"]
    assert came_back == [("call", "search", 2, 1)]
    nobody = {"never@x.example", "gone@x.example"}
    assert rows(engines, "neon/after_silence")[-1] == (None, None, len(nobody), 0)


def test_who_lapsed_and_who_did_this_week(engines: Office) -> None:
    with engines.profiles() as profiles:
        lifecycle = profiles.rules.sets["lifecycle"]
        everybody = [key for key, _ in members(profiles, lifecycle, lifecycle["lapsed"])]
        new = members(profiles, lifecycle, lifecycle["lapsed"], but_not=otherwise(profiles, A_WEEK_AGO))
    assert everybody == ["this_week@x.example", "once@x.example", "long_ago@x.example", "quick@x.example"]
    assert new == [("this_week@x.example", "did something, then nothing for 33 d; ran 1× ever")]


def test_whom_to_offer_what(engines: Office) -> None:
    with engines.classified("offers") as offers:
        listed = {row["email"]: (row["primary"], row["because"][0]) for row in offers.people().dicts()}
    assert listed == {
        "spent@x.example": ("upsell", "5 credits left and no plan, 6 runs, last active 3 d ago"),
        "happy@x.example": ("case_study", "95 % of 20 finished runs ended well, last active 3 d ago"),
    }


def test_an_incident_is_no_reason_to_be_failing(engines: Office) -> None:
    with engines.classified() as action:
        hit = {"slips@x.example": 3, "fails@x.example": 3, "happy@x.example": 1, "nobody@x.example": 2}
        effect = effect_on(action, action.segment_set["failing"], hit)
        none = effect_on(action, action.segment_set["at_risk"], hit)
    assert effect.reasons == {
        "fails@x.example": "7 of 9 finished runs ever failed, last 3 d ago; 3 more in the platform's incident"
    }
    assert effect.spared == ("slips@x.example",)
    assert effect.words == ("2 of the people hit are in Failing Users, 1 only because of it: slips@x.example")
    assert (none.reasons, none.spared) == ({}, ())
