"""The page of a person."""

import re

import pytest

from tests.web.conftest import Browser

pytestmark = pytest.mark.usefixtures("asked_once")


@pytest.fixture
def person(browser: Browser) -> str:
    """The address of the most urgent person."""
    address = re.search(r'"(/people/[^"]+)"', browser.get("/segments/failing").text)
    assert address
    return address[1]


@pytest.mark.slow
def test_a_person_has_all_parts(browser: Browser, person: str) -> None:
    page = browser.get(person).text
    for words in ("Account", "What would change their segments", "No alert is about them", "Timeline", "Erase them"):
        assert words in page
    assert "this is a bug" not in page


def test_the_timeline_is_filtered_and_paged(browser: Browser, person: str) -> None:
    rows = re.compile(r'<section slot="timeline".*?</section>', re.DOTALL)

    def timeline(query: str) -> str:
        section = rows.search(browser.get(person + query).text)
        assert section
        return section[0]

    assert timeline("").count("<tr>") > timeline("?kind=event&text=page").count("<tr>") > 1
    assert "Nothing is like that" in timeline("?text=no+such+thing")
    assert timeline("?page=2") != timeline("?page=1")


def test_somebody_unknown_is_not_here_and_their_like_are_named(browser: Browser, person: str) -> None:
    page = browser.get(person.replace(".example", ".exampel"))
    assert page.status_code == 404
    assert "did you mean" in page.text


@pytest.mark.slow
def test_erasing_wants_the_e_mail_typed(browser: Browser, person: str) -> None:
    key = person.removeprefix("/people/")
    order = re.search(r'name="order" value="([^"]+)"', browser.get(f"/erase/{key}").text)
    assert order
    answer = browser.post("/erase", f"/export/{key}", order=order[1], typed="ada")
    assert (answer.status_code, "nothing was done" in answer.text) == (400, True)
    assert browser.request("POST", "/erase", data={"order": order[1]}).status_code == 403
    assert browser.get("/erased/unknown").status_code == 404
