"""The first page."""

from tests.web.conftest import Browser


def test_today_shows_whom_to_act_on(browser: Browser) -> None:
    page = browser.get("/").text
    assert page.index('<slot name="segments">') < page.index('<section slot="segments"')
    assert "Failing Users" in page
