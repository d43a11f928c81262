"""The pages of segments: sizes, people with their reasons, filters, pages, and files."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

import pytest

from tests.web.conftest import Browser

pytestmark = pytest.mark.usefixtures("asked_once")


def people(page: str) -> list[str]:
    """Who is in the table, in its order."""
    return re.findall(r'<a href="/people/([^"]+)"', page)


def test_each_segment_of_a_set_has_its_size_and_leads_to_its_people(browser: Browser) -> None:
    page = browser.get("/segments").text
    ids = re.findall(r'href="/segments/(\w+)\?set=action"', page)
    assert list(dict.fromkeys(ids)) == ["failing", "frustrated", "high_intent", "at_risk", "power"]
    assert "Dormant" in browser.get("/segments?set=lifecycle").text
    assert "Ready to Expand" in browser.get("/segments?by=organization").text


def test_people_come_most_urgent_first_each_with_the_reason(browser: Browser) -> None:
    page = browser.get("/segments/failing").text
    first = page[page.index('class="who"') :]
    assert "finished runs" in first[: first.index("</tr>")]


def test_many_look_at_once(browser: Browser) -> None:
    sets = ("action", "lifecycle") * 8
    with ThreadPoolExecutor(8) as threads:
        pages = list(threads.map(lambda name: browser.get(f"/segments/at_risk?set={name}").text, sets))
    assert len({tuple(people(page)) for page in pages}) == 2
    assert all('role="alert"' not in page for page in pages)


def test_facts_filter_and_the_order_is_that_of_the_column(browser: Browser) -> None:
    address = "/segments/at_risk?members=all&fact=account_age&op=most&value=3"
    assert "there is no fact &#39;account_age&#39;" in browser.get(address).text
    comparisons = "fact=run_count&op=least&value=20&fact=success_rate&op=least&value=90%25"
    address = f"/segments/power?set=action&{comparisons}&sort=-run_count"
    rows = [
        [int(value) for value in re.findall(r'<td class="right"><bdi>(\d+)</bdi>', row)]
        for row in browser.get(address).text.split('class="who"')[1:]
    ]
    runs = [row[0] for row in rows]
    assert len(runs) > 2
    assert runs == sorted(runs, reverse=True)
    assert min(runs) >= 20


def test_a_condition_is_one_as_in_the_rules(browser: Browser) -> None:
    narrowed = browser.get("/segments/failing?where=run_count+%3E+10").text
    assert 0 < len(people(narrowed)) < len(people(browser.get("/segments/failing").text))
    for wrong in ("run_count >", "(SELECT 1)", "nope = 1", "run_count > 'x'"):
        assert 'role="alert"' in browser.get("/segments/failing", params={"where": wrong}).text


@pytest.mark.parametrize("file", ["", "/people.csv", "/people.xlsx"])
def test_a_condition_that_is_nested_deeply_is_refused(browser: Browser, file: str) -> None:
    deep = "(" * 5_000 + "run_count = 1" + ")" * 5_000
    refusal = browser.get(f"/segments/failing{file}", params={"where": deep})
    assert refusal.status_code < 500
    assert "nested too deeply" in refusal.text


def test_a_number_too_large_for_any_fact_is_told_in_words(browser: Browser) -> None:
    refusal = browser.get("/segments/failing?where=run_count+%3E+" + "9" * 60)
    assert "a number in it is too large" in refusal.text


def test_pages_follow_one_another(browser: Browser) -> None:
    first, second = (browser.get(f"/segments/at_risk?set=action&page={page}").text for page in (1, 2))
    assert len(people(first)) == 50
    assert not set(people(first)) & set(people(second))
    assert 'rel="next"' in first
    assert "To the last one" in browser.get("/segments/at_risk?page=99").text
    assert "there is no page" in browser.get("/segments/at_risk?page=-1").text


def test_a_file_holds_exactly_who_is_shown(browser: Browser) -> None:
    question = "where=run_count+%3E+10&sort=run_count"
    emails = [unquote(each) for each in people(browser.get(f"/segments/failing?{question}").text)]
    lines = browser.get(f"/segments/failing/people.csv?{question}").text.splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == emails
    answer = json.loads(browser.get(f"/segments/failing/people.json?{question}").text)
    assert [row["email"] for row in answer["rows"]] == emails
    assert browser.get(f"/segments/failing/people.xlsx?{question}").content[:2] == b"PK"
    assert browser.get(f"/segments/failing/people.exe?{question}").status_code == 400


def test_a_segment_that_was_renamed_is_not_here_and_its_like_is_named(browser: Browser) -> None:
    page = browser.get("/segments/failling")
    assert page.status_code == 404
    assert "did you mean &#39;failing&#39;" in page.text
    assert "It may have another name now" in page.text


@pytest.mark.parametrize(
    ("address", "message", "link"),
    [
        ("dormant?set=action", "set &#39;action&#39; has no segment", "/segments/dormant?set=lifecycle"),
        ("dormant?set=nope", "known: action, lifecycle", "/segments/dormant?set=lifecycle"),
        ("ready_to_expand", "there is no segment", "/segments/expansion?set=organizations&amp;by=organization"),
        ("ready_to_expand?set=organizations", "is of organizations", "set=organizations&amp;by=organization"),
    ],
)
def test_a_segment_of_another_set_is_one_click_away(browser: Browser, address: str, message: str, link: str) -> None:
    page = browser.get(f"/segments/{address}").text
    assert message in page
    assert link in page
    assert "another name" not in page
    assert "--" not in page[page.index("<main") : page.index("</main")]


@pytest.mark.parametrize(
    "text", ["%_%", "'; DROP TABLE profile; --", "<script>alert(1)</script>", "x" * 10_000, "\u202eابو", "🦊\0"]
)
def test_what_is_typed_is_data(browser: Browser, text: str) -> None:
    params = {"q": text, "fact": "name", "op": "has", "value": text}
    page = browser.get("/segments/failing", params=params)
    assert "<script>alert" not in page.text
    assert "Nobody is like that" in page.text


def test_the_box_in_the_header_finds_people_segments_and_queries(browser: Browser) -> None:
    page = browser.get("/search?q=fail").text
    assert 'href="/segments/failing?set=action"' in page
    assert 'href="/queries/neon/failed_runs"' in page
    assert len(people(browser.get("/search?q=ADA.").text)) > 3
    assert "Nobody is called so" in browser.get("/search", params={"q": "%_<b>🦊\0"}).text
    assert "Type a name" in browser.get("/search?q=").text
