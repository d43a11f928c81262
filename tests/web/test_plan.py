"""The tracking plan in the browser."""

from pathlib import Path

from tests.web.conftest import Browser, Strangers

PLAN = """
events:
  user_signed_up: {description: Somebody has an account.}
  never_sent: {description: Nobody sends this.}
"""


def test_without_a_plan_it_shows_the_events_that_arrive(browser: Browser) -> None:
    page = browser.get("/plan").text
    assert "usertrack plan init" in page
    assert "user_signed_up" in page


def test_a_plan_is_covered_and_catalogued(stranger: Strangers, tmp_path: Path) -> None:
    (tmp_path / "tracking.yaml").write_text(PLAN)
    browser = stranger()
    browser.enter()
    page = browser.get("/plan").text
    assert "never_sent" in page
    assert "Somebody has an account." in page
    assert "the server checks no plan now" in page
