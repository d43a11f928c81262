"""Who is sent: the people of one segment with the reason of that segment, and never those of an unknown one."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from usertrack.push.audience import PushAudience, audience_of
from usertrack.push.order import PushOutcome, Request
from usertrack.push.view import outcome_document
from usertrack.render import terminal
from usertrack.segments.classify import classify
from usertrack.segments.profiles import build_profiles
from usertrack.segments.rules import Segment, SegmentSet

from ..conftest import problem
from ..people import NOW, Company, Office, ago, office
from .receiver import audience

RUNNERS = Segment("runners", "Runners", "run_count > 5", "Call", "least(run_count, 10)", "ran {run_count}×")
BROKEN = Segment("broken", "Broken", "runs_failed > 0", "Call", "1", "{runs_failed} failed")
ANGRY = Segment("angry", "Angry", "rage_clicks > 0", "Calm", "1", "{rage_clicks}× rage")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    company = Company()
    for count in (6, 8, 7):
        company.account(f"ran_{count}@x.example", runs={"completed": count})
    company.account("boss@datagen.dev", runs={"completed": 9})
    for email in ("ran_7@x.example", "mad@x.example"):
        company.event(company.person(email), "$rageclick", ago(1))
    with office(tmp_path_factory.mktemp("audience"), company) as opened:
        yield opened


def selected_audience(place: Office, *sources: str, exclusive: bool = False, id_: str, **options: Any) -> PushAudience:
    rules = replace(place.rules, sets={"own": SegmentSet("own", (RUNNERS, ANGRY), exclusive)})
    with place.runner(*sources) as runner:
        return audience_of(classify(build_profiles(runner, rules), rules.sets["own"]), id_, "UTC", **options)


def people(place: Office, *sources: str, **options: Any) -> list[tuple[str, str, str]]:
    return [
        (person.email, person.reason, person.evidence)
        for person in selected_audience(place, *sources, **options).people
    ]


@pytest.mark.slow
def test_most_urgent_first_with_the_reason_of_the_segment(place: Office) -> None:
    assert people(place, id_="runners") == [
        ("ran_8@x.example", "ran 8×", "runs: 8"),
        ("ran_7@x.example", "ran 7×", "runs: 7"),
        ("ran_6@x.example", "ran 6×", "runs: 6"),
    ]
    angry = [("ran_7@x.example", "1× rage", "rage clicks: 1"), ("mad@x.example", "1× rage", "rage clicks: 1")]
    assert people(place, id_="angry", all_members=True) == angry
    assert [email for email, _, _ in people(place, id_="runners", limit=1)] == ["ran_8@x.example"]
    assert people(place, exclusive=True, id_="angry", all_members=True) == angry[1:]


def test_acted_on_are_those_whose_primary_segment_it_is(place: Office) -> None:
    first = selected_audience(place, id_="angry")
    assert [person.email for person in first.people] == ["mad@x.example"]
    assert (first.total, first.members_elsewhere, first.members, first.command) == (
        1,
        1,
        2,
        "usertrack segments angry --set own",
    )
    assert "1 more is in a more urgent segment too: --all-members lists them, too" in first.notes
    everybody = selected_audience(place, id_="angry", all_members=True)
    assert (everybody.total, everybody.members_elsewhere, everybody.members) == (2, 0, 2)
    assert everybody.command == "usertrack segments angry --set own --all-members"


def test_of_the_past_the_facts_of_today_are_named(place: Office) -> None:
    rules = replace(place.rules, sets={"own": SegmentSet("own", (BROKEN,), False)})
    with place.runner() as runner:
        now, then = (
            audience_of(classify(build_profiles(each, rules), rules.sets["own"]), "broken", "UTC")
            for each in (runner, runner.at(NOW - timedelta(days=3)))
        )
    assert (now.facts_of_today, then.facts_of_today) == ((), ("failed runs",))


def test_an_unknown_segment_has_no_audience(place: Office) -> None:
    error = problem(lambda: people(place, "posthog", id_="runners"))
    assert error.exit_code == 6
    assert error.message.startswith("nothing was sent: who is in Runners is unknown, because Postgres is not connected")


def test_nor_has_one_behind_an_unknown_one_that_goes_first(place: Office) -> None:
    assert len(people(place, "posthog", id_="angry", all_members=True)) == 2
    assert problem(lambda: people(place, "posthog", exclusive=True, id_="angry")).exit_code == 6
    error = problem(lambda: people(place, "posthog", id_="angry"))
    assert error.message.startswith("nothing was sent: whom to act on in Angry is unknown: Runners is more urgent")
    assert (error.exit_code, error.hint[:13]) == (6, "ask for every")


def test_who_is_undecided_is_counted_whyever_that_is(place: Office) -> None:
    poor = replace(RUNNERS, when="credits < 50 OR rage_clicks > 1", because="")
    rules = replace(place.rules, sets={"own": SegmentSet("own", (poor,))})
    with place.runner() as runner:
        sent = audience_of(classify(build_profiles(runner, rules), rules.sets["own"]), "runners", "UTC")
    assert (sent.total, sent.undecided, sent.open) == (0, 1, ())  # mad@x.example has no account
    assert "1 person is undecided, and left out: `usertrack segments --undecided` lists them" in sent.notes


def test_a_dry_run_of_hostile_people_draws_as_text() -> None:
    hostile = "[/red]\x1b[31m\u202e@x.example"
    outcome = PushOutcome(
        1, (hostile,), (Request("POST", "https://x.example/[secret]", {"A": "b"}, {"email": hostile}),)
    )
    screen = StringIO()
    document = outcome_document("webhook", audience(hostile), outcome, dry_run=True)
    terminal.render(document, Console(file=screen, width=100, force_terminal=False, highlight=False), None)
    assert "\x1b" not in screen.getvalue()
    assert "\u202e" not in screen.getvalue()
    assert screen.getvalue().count("[/red]") == 2
