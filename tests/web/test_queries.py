"""The library of queries in the browser."""

from tests.web.conftest import Browser


def test_the_list_has_what_the_search_says(browser: Browser) -> None:
    page = browser.get("/queries?q=run+activity").text
    assert 'href="/queries/neon/run_activity"' in page
    assert "posthog/funnel" not in page


def test_a_query_runs_with_the_values_in_its_address(browser: Browser) -> None:
    assert 'name="days"' in browser.get("/queries/posthog/mcp_connects").text
    page = browser.get("/queries/posthog/mcp_connects?run=1&days=7").text
    assert "<td" in page
    assert 'value="7"' in page
    wrong = browser.get("/queries/posthog/mcp_connects?run=1&days=%3Cb%3E")
    assert "takes a whole number" in wrong.text
    assert "<b>" not in wrong.text


def test_its_rows_are_a_file(browser: Browser) -> None:
    file = browser.get("/queries/posthog/mcp_connects/file?days=7&format=csv")
    assert file.headers["content-disposition"] == 'attachment; filename="posthog-mcp_connects.csv"'
    assert len(file.text.splitlines()) > 1
    assert browser.get("/queries/posthog/mcp_connects/file?format=exe").status_code == 400


def test_an_unknown_query_is_named_with_its_likes(browser: Browser) -> None:
    page = browser.get("/queries/posthog/funel")
    assert page.status_code == 404
    assert "posthog/funnel" in page.text
