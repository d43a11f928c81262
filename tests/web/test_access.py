"""Who may open the pages."""

import pytest

from tests.web.conftest import Browser, Strangers


def test_a_link_opens_the_pages_once(stranger: Strangers) -> None:
    browser = stranger()
    link = browser.access.new_link("")
    assert browser.get("/login").status_code == 403
    assert browser.get(link).headers["location"] == "/login?entered=1"
    assert browser.get("/login?entered=1").headers["location"] == "/"

    other = Browser(browser.app, browser.access)
    assert "used before" in other.get(link).text
    assert other.get("/").status_code == 403


def test_without_cookies_the_page_says_so(stranger: Strangers) -> None:
    browser = stranger()
    browser.get(browser.access.new_link(""))
    browser.cookies.clear()
    assert "keeps no cookies" in browser.get("/login?entered=1").text


def test_no_other_site_reaches_the_pages_under_its_own_name(browser: Browser) -> None:
    assert browser.get("/", headers={"host": "evil.example"}).status_code == 421


def test_a_forged_cookie_opens_nothing(stranger: Strangers) -> None:
    browser = stranger()
    browser.cookies.set(browser.access.cookie, "visitor.forged")
    assert browser.get("/").status_code == 403


def test_the_password_opens_the_pages(stranger: Strangers) -> None:
    browser = stranger(password="open sesame")
    assert browser.get("/").headers["location"] == "/login"
    assert browser.request("POST", "/login", data={"password": "sesame"}).status_code == 401
    assert browser.request("POST", "/login", data={"password": "open sesame"}).status_code == 303
    assert browser.get("/no-such-page").status_code == 404


def test_the_proxy_names_who_looks(stranger: Strangers) -> None:
    browser = stranger(header="x-forwarded-email")
    assert "x-forwarded-email is missing" in browser.get("/").text
    assert browser.get("/no-such-page", headers={"x-forwarded-email": "ana@acme.example"}).status_code == 404


@pytest.mark.parametrize("header", ["content-security-policy", "x-content-type-options", "referrer-policy"])
def test_every_answer_keeps_other_sites_out(browser: Browser, header: str) -> None:
    assert header in browser.get("/no-such-page").headers


def test_a_hostile_search_is_data(browser: Browser) -> None:
    assert "<script>alert" not in browser.get("/%3Cscript%3Ealert(1)%3C/script%3E").text
