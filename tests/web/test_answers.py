"""What pages are answered, and of which moment."""

import pytest

from usertrack.web.answers import Answers, since_of
from usertrack.workspace.settings import load_settings


@pytest.mark.usefixtures("engines")
def test_all_parts_of_a_page_that_asks_again_have_one_answer(demo: object) -> None:
    answers = Answers(load_settings(demo=True))

    def ask(query: dict[str, str], since: float | None = None) -> object:
        return answers.ask("who", lambda _: object(), since=since_of(query) if since is None else since).value

    before, since = ask({}), since_of({"refresh": "1"})
    asked_again = [ask({}, since) for _ in range(3)]
    assert before not in asked_again
    assert len(set(asked_again)) == 1
    assert ask({}) == asked_again[0]
