"""The weekly report of a company with tables of its own, without session ids, and with nothing to connect."""

import re
from collections.abc import Iterator

import pytest

from ..conftest import Cli, document_of
from ..people import ago
from ..studio import Studio, at_work

PLAN = """\
events:
  timeline_opened: {label: Opened the timeline}
"""


def week() -> Studio:
    """Of the week from 9 to 15 November, which is 5 to 11 days ago."""
    studio = Studio()
    for number in range(12):  # came into Power this week
        studio.member(f"new{number:02}", exports=7, at=6, minutes=80)
    studio.member("left", minutes=80, joined=200)
    for number in range(4):  # silent starts: the only thing to do is to export
        back = studio.member(f"back{number}", joined=100, minutes=80)
        studio.export(back, "done", 1, 60)
        studio.export(back, "done", 1, 40)
    for number in range(30):
        angry = studio.person(studio.member(f"angry{number:02}", minutes=80, joined=90), created=ago(6))
        page = "/editor" if number < 20 else "/render" if number < 28 else "/login"
        studio.event(angry, "$pageview", ago(6), 1, **{"p_$pathname": page})
        studio.event(angry, "$rageclick" if number % 2 else "$exception", ago(6), 3, **{"p_$pathname": page})
        studio.events[-1]["properties"]["$exception_message"] = f"clip {number} is missing"
        studio.event(angry, "timeline_opened", ago(6))
    for name, well, broken in (("happy", 40, 1), ("unlucky", 20, 40), ("offended", 40, 0)):
        person = studio.member(name, minutes=10)
        studio.export(person, "done", well, 6)
        studio.export(person, "broken", broken, 6)
    studio.event(studio.person("offended@films.example"), "$rageclick", ago(6), 1, **{"p_$pathname": "/login"})
    return studio


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("week")
    (folder / "tracking.yaml").write_text(PLAN)
    with at_work(week(), folder) as opened:
        yield opened


@pytest.fixture
def studio(cli: Cli, clean_env: pytest.MonkeyPatch, environment: dict[str, str]) -> Cli:
    for name, value in environment.items():
        clean_env.setenv(name, value)
    return cli


_texts: dict[str, str] = {}  # it is asked for once


@pytest.fixture
def text(studio: Cli) -> str:
    if "week" not in _texts:
        page = studio("report", "weekly", "-f", "markdown").out.partition("<!--")[0]
        _texts["week"] = " ".join(page.replace("\\", "").split())
    return _texts["week"]


@pytest.mark.slow
def test_the_lead_is_the_largest_change(text: str) -> None:
    lead = "At-Risk Users 46 → 1 · Frustrated Users 0 → 31 · Power Users 3 → 15 · Failing Users 0 → 1"
    assert f"## In short - Segments, largest change first: {lead} - Not as in" in text
    assert "New to act on: Frustrated Users 31 · Power Users 12 · Failing Users 1 - New users: 0 - " in text


def test_mend_pages_by_the_people_they_hit(text: str) -> None:
    assert re.search(r"\| Fix UX \| 20 people \|.*?\| /editor: 30× rage click, 30× exception, most often “clip", text)
    assert text.index("| 20 people |") < text.index("| 8 people |") < text.index("| 3 people |")


def test_nothing_is_said_that_nothing_is_known_of(text: str) -> None:
    assert "Pageviews: 30" in text
    assert not re.search(r"[Vv]isits|\(not recorded\)|\(no session\)|From:|Countries:", text)
    assert "What to write" not in text  # who stayed on did what there is to do
    assert not re.search(r"\b0 (Failing|Power|At-Risk|Frustrated|High)", text)
    assert "| High-Intent Prospects | 0 |" not in text


def test_what_is_unknown_is_not_ordinary(text: str) -> None:
    assert "Unknown: MCP connect rate · Signup to first export Too few weeks to say what is ordinary: Daily" in text


def test_offers_go_to_those_who_need_no_help(text: str) -> None:
    offers = text.partition("## Power users to approach")[2].partition("##")[0]
    assert "happy@films.example" in offers
    assert not re.search(r"unlucky|offended", offers)


def test_events_are_called_what_the_plan_calls_them(text: str) -> None:
    assert "Opened the timeline 30" in text
    assert "timeline_opened" not in text.partition("The data behind this")[0]


def test_failures_without_a_message_say_where_it_belongs(text: str) -> None:
    assert "41 failed exports without a message: `error` in tables/neon/runs.sql is the column that has it" in text


def test_the_full_report_says_the_same(studio: Cli) -> None:
    full = document_of(studio, "report", "weekly", "--full")
    [frustrated] = [section for section in full["sections"] if section["heading"].startswith("Frustrated")]
    assert "/editor: 30× rage click" in str(frustrated)
    assert "posthog/ux_pages" in str(frustrated)
