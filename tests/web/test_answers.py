"""What pages are answered, and of which moment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Event

import pytest

from usertrack.segments.analysis import Analysis
from usertrack.web.answers import Answers, since_of
from usertrack.workspace.settings import load_settings

pytestmark = pytest.mark.usefixtures("engines", "demo")
REFRESH = {"refresh": "1"}


def test_all_parts_of_a_page_that_asks_again_have_one_answer() -> None:
    answers = Answers(load_settings(demo=True))

    def ask(since: datetime | None = None) -> object:
        return answers.ask("who", lambda _: object(), since=since).value

    before, since = ask(), since_of(REFRESH)
    asked_again = [ask(since) for _ in range(3)]
    assert before not in asked_again
    assert len(set(asked_again)) == 1
    assert ask() == asked_again[0]


def test_who_asks_again_gets_nothing_that_rests_on_an_older_answer() -> None:
    answers = Answers(load_settings(demo=True))
    answers.ask("everybody", lambda _: "of before")
    since = since_of(REFRESH)
    answers.ask("page", lambda _: answers.ask("everybody", lambda _: "").value)  # somebody else's visit
    assert answers.ask("page", lambda _: "of now", since=since).value == "of now"


def test_a_young_answer_does_not_wait_for_the_refresh_of_somebody_else() -> None:
    answers, is_asked, may_end = Answers(load_settings(demo=True)), Event(), Event()
    answers.ask("who", lambda _: "of before")

    def slow(_: Analysis) -> str:
        is_asked.set()
        may_end.wait(3)
        return "of now"

    with ThreadPoolExecutor(1) as thread:
        thread.submit(answers.ask, "who", slow, since=since_of(REFRESH))
        is_asked.wait(3)
        assert answers.ask("who", slow).value == "of before"
        known = answers.known("who")
        assert known
        assert known.value == "of before"
        may_end.set()
