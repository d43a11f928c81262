"""Who is sent: the people of one segment with the reason of that segment, and never those of an unknown one."""

from collections.abc import Iterator
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from usertrack.push.audience import audience_of
from usertrack.push.order import Outcome, Request
from usertrack.push.shown import outcome_document
from usertrack.render import terminal
from usertrack.rules import Segment, SegmentSet
from usertrack.segments import classify
from usertrack.workbench import build

from ..conftest import problem
from ..people import Company, Office, ago, office
from .receiver import audience

RUNNERS = Segment("runners", "Runners", "run_count > 5", "Call", "least(run_count, 10)", "ran {run_count}×")
ANGRY = Segment("angry", "Angry", "rage_clicks > 0", "Calm", "1", "{rage_clicks}× rage")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    company = Company()
    for count in (6, 8, 7):
        company.account(f"ran_{count}@x.example", runs={"completed": count})
    company.account("boss@datagen.dev", runs={"completed": 9})
    company.event(company.person("ran_7@x.example"), "$rageclick", ago(1))
    with office(tmp_path_factory.mktemp("audience"), company) as opened:
        yield opened


def told(
    place: Office, *sources: str, exclusive: bool, id_: str, limit: int | None = None
) -> list[tuple[str, str, str]]:
    rules = replace(place.rules, sets={"own": SegmentSet("own", (RUNNERS, ANGRY), exclusive)})
    with place.runner(*sources) as runner:
        found = audience_of(classify(build(runner, rules), rules.sets["own"]), id_, "UTC", limit)
    return [(person.email, person.reason, person.evidence) for person in found.people]


def test_most_urgent_first_with_the_reason_of_the_segment(place: Office) -> None:
    assert told(place, exclusive=False, id_="runners") == [
        ("ran_8@x.example", "ran 8×", "runs: 8"),
        ("ran_7@x.example", "ran 7×", "runs: 7"),
        ("ran_6@x.example", "ran 6×", "runs: 6"),
    ]
    assert told(place, exclusive=False, id_="angry") == [("ran_7@x.example", "1× rage", "rage clicks: 1")]
    assert [email for email, _, _ in told(place, exclusive=False, id_="runners", limit=1)] == ["ran_8@x.example"]
    assert told(place, exclusive=True, id_="angry") == []


def test_an_unknown_segment_has_no_audience(place: Office) -> None:
    error = problem(lambda: told(place, "posthog", exclusive=False, id_="runners"))
    assert error.exit_code == 6
    assert error.message.startswith("nothing was sent: who is in Runners is unknown, because Postgres is not connected")


def test_nor_has_one_behind_an_unknown_one_that_goes_first(place: Office) -> None:
    assert len(told(place, "posthog", exclusive=False, id_="angry")) == 1
    assert problem(lambda: told(place, "posthog", exclusive=True, id_="angry")).exit_code == 6


def test_a_dry_run_of_hostile_people_draws_as_text() -> None:
    hostile = "[/red]\x1b[31m\u202e@x.example"
    outcome = Outcome(1, (hostile,), (Request("POST", "https://x.example/[secret]", {"A": "b"}, {"email": hostile}),))
    screen = StringIO()
    document = outcome_document("webhook", audience(hostile), outcome, dry_run=True)
    terminal.render(document, Console(file=screen, width=100, force_terminal=False, highlight=False), None)
    assert "\x1b" not in screen.getvalue()
    assert "\u202e" not in screen.getvalue()
    assert screen.getvalue().count("[/red]") == 2
