"""Who may open the pages."""

import asyncio
import hmac
import re
import time
from pathlib import Path

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.routing import Route

from tests.web.conftest import Browser, Strangers
from usertrack.web import access
from usertrack.web.access import Access, EndedVisits


def test_a_link_opens_the_pages_once(stranger: Strangers) -> None:
    browser = stranger()
    link = browser.access.new_link("")
    assert browser.get("/login").status_code == 403
    assert browser.get(link).headers["location"] == "/login?entered=1"
    assert browser.get("/login?entered=1").headers["location"] == "/"

    other = Browser(browser.app, browser.access)
    assert "used before" in other.get(link).text
    refusal = other.get("/")
    assert refusal.status_code == 403
    assert 'href="/segments"' not in refusal.text


def test_without_cookies_the_page_says_so(stranger: Strangers) -> None:
    browser = stranger()
    browser.get(browser.access.new_link(""))
    browser.cookies.clear()
    assert "keeps no cookies" in browser.get("/login?entered=1").text


def test_no_other_site_reaches_the_pages_under_its_own_name(browser: Browser) -> None:
    assert browser.get("/", headers={"host": "evil.example"}).status_code == 421


def test_a_forged_cookie_opens_nothing(stranger: Strangers) -> None:
    browser = stranger()
    browser.cookies.set("usertrack-8766", "visitor.forged")
    assert browser.get("/").status_code == 403


def test_the_password_opens_the_pages(stranger: Strangers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "WRONG_PASSWORD_SECONDS", 0.1)
    browser = stranger(password="open sesame")
    assert browser.get("/").headers["location"] == "/login"
    began = time.monotonic()
    assert browser.request("POST", "/login", data={"password": "sesame"}).status_code == 401
    assert time.monotonic() - began > 0.1  # so that guessing takes long
    assert browser.request("POST", "/login", data={"password": "open sesame"}).status_code == 303
    assert browser.get("/no-such-page").status_code == 404


def test_a_form_that_is_sent_after_the_visit_ended_says_so(stranger: Strangers) -> None:
    answer = stranger(password="open sesame").request("POST", "/alerts/act", data={"do": "acknowledge a"})
    assert answer.status_code == 403
    assert 'class="problem"' in answer.text
    assert "your visit has ended" in answer.text


def test_the_proxy_names_who_looks(stranger: Strangers) -> None:
    browser = stranger(header="x-forwarded-email", proxies=frozenset({"127.0.0.1"}))
    assert "named you in x-forwarded-email" in browser.get("/").text
    assert browser.get("/no-such-page", headers={"x-forwarded-email": "ana@acme.example"}).status_code == 404


def test_who_is_no_proxy_names_nobody(stranger: Strangers) -> None:
    browser = stranger(header="x-forwarded-email", proxies=frozenset({"10.0.0.1"}))
    assert browser.get("/no-such-page", headers={"x-forwarded-email": "ana@acme.example"}).status_code == 403


@pytest.mark.parametrize("mode", [{"password": "open sesame"}, {"header": "x-forwarded-email"}])
def test_the_pages_have_the_names_that_they_were_given(stranger: Strangers, mode: dict[str, str]) -> None:
    browser = stranger(**mode)
    assert browser.get("/", headers={"host": "pages.acme.example"}).status_code == 421
    browser.access.hosts |= {"pages.acme.example"}
    assert browser.get("/", headers={"host": "pages.acme.example:8766"}).status_code != 421


def test_guesses_of_one_address_hold_up_no_other(stranger: Strangers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "WRONG_PASSWORD_SECONDS", 0.2)
    browser = stranger(password="open sesame")
    ended: list[tuple[str, int]] = []

    async def guess(address: str, password: str) -> None:
        transport = httpx.ASGITransport(app=browser.app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8766") as client:
            answer = await client.post("/login", data={"password": password})
            ended.append((address, answer.status_code))

    async def attack() -> None:
        guesses = [asyncio.ensure_future(guess("203.0.113.9", "wrong")) for _ in range(60)]
        while len(ended) < 50:  # these wait in no queue
            await asyncio.sleep(0.01)
        await guess("198.51.100.7", "open sesame")
        await asyncio.gather(*guesses)

    asyncio.run(attack())
    assert ended[:50] == [("203.0.113.9", 429)] * 50
    assert ("198.51.100.7", 303) in ended[50:53]
    assert [status for _, status in ended].count(401) == 10


def test_a_visit_by_https_has_a_cookie_that_no_plain_page_can_set(stranger: Strangers) -> None:
    form, forwarded = {"password": "open sesame"}, {"x-forwarded-proto": "https"}
    for proxies, name in ((frozenset[str](), "usertrack-8766"), (frozenset({"127.0.0.0/8"}), "__Host-usertrack-8766")):
        browser = stranger(password="open sesame", proxies=proxies)
        cookie = browser.request("POST", "/login", data=form, headers=forwarded).headers["set-cookie"]
        assert cookie.startswith(f"{name}=")
        assert ("; Secure" in cookie) == bool(proxies)
        visit = {"cookie": cookie.partition(";")[0], **forwarded}
        assert stranger(password="open sesame", proxies=proxies).get("/leave", headers=visit).status_code == 200


def test_a_form_that_is_no_text_or_too_large_is_refused(stranger: Strangers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "WRONG_PASSWORD_SECONDS", 0.0)
    browser = stranger(password="open sesame")
    assert browser.request("POST", "/login", content=b"password=\xff").status_code == 401
    assert browser.request("POST", "/login", content=b"password=" + bytes(2 << 20)).status_code == 413


def test_no_address_is_open_to_strangers_and_no_form_without_its_token(stranger: Strangers) -> None:
    browser, visitor = stranger(), stranger()
    visitor.enter()
    routes = [route for route in browser.app.routes if isinstance(route, Route) and route.path.count("/assets/") == 0]
    assert len(routes) > 20
    for route in routes:
        path = re.sub(r"\{[^}]*\}", "x", route.path)
        if path != "/login":
            assert browser.get(path).status_code == 403, path
        if "POST" in (route.methods or ()) and path != "/login":
            assert visitor.request("POST", path, data={"token": "forged"}).status_code == 403, path


@pytest.mark.parametrize("header", ["content-security-policy", "x-content-type-options", "referrer-policy"])
def test_every_answer_keeps_other_sites_out(browser: Browser, header: str) -> None:
    assert header in browser.get("/no-such-page").headers


def test_a_hostile_search_is_data(browser: Browser) -> None:
    assert "<script>alert" not in browser.get("/%3Cscript%3Ealert(1)%3C/script%3E").text


def test_who_leaves_is_out_also_with_a_copy_of_the_cookie(stranger: Strangers, tmp_path: Path) -> None:
    ended = EndedVisits(tmp_path / "ended")
    browser, other = stranger(ended=ended), stranger(ended=ended)
    browser.enter()
    other.enter()
    copy = httpx.Cookies(browser.cookies)
    assert browser.post("/leave", "/leave").headers["location"] == "/login"
    assert browser.get("/leave").status_code == 403
    assert other.get("/leave").status_code == 200

    restarted = stranger(ended=EndedVisits(tmp_path / "ended"))
    restarted.cookies = copy
    assert restarted.get("/leave").status_code == 403


@pytest.mark.parametrize("password", ["", "open sesame"])
def test_a_live_page_whose_visit_has_ended_leads_to_where_this_is_told(stranger: Strangers, password: str) -> None:
    assert "your visit has ended" in stranger(password=password).get("/login?ended=1").text


def test_who_comes_through_a_proxy_leaves_there(stranger: Strangers) -> None:
    browser = stranger(header="x-forwarded-email", proxies=frozenset({"127.0.0.1"}))
    page = browser.get("/leave", headers={"x-forwarded-email": "ana@acme.example"}).text
    assert "sign out there" in page
    assert 'action="/leave"' not in page


def test_who_comes_through_a_proxy_ends_no_visit_here(stranger: Strangers, tmp_path: Path) -> None:
    ended = EndedVisits(tmp_path / "ended")
    browser = stranger(header="x-forwarded-email", proxies=frozenset({"127.0.0.1"}), ended=ended)
    headers = {"x-forwarded-email": "ana@acme.example"}
    token = hmac.new(b"key", b"form ana@acme.example", "sha256").hexdigest()
    assert browser.request("POST", "/leave", headers=headers, data={"token": token}).status_code == 400
    assert not (tmp_path / "ended").exists()


def test_visits_whose_cookies_are_too_old_are_not_kept(tmp_path: Path) -> None:
    (tmp_path / "ended").write_text(f"old 1700000000\nnew {int(time.time())}\n")
    ended = EndedVisits(tmp_path / "ended")
    assert ("old" in ended, "new" in ended) == (False, True)
    assert "old" not in (tmp_path / "ended").read_text()


def test_guesses_of_very_many_addresses_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "WRONG_PASSWORD_SECONDS", 0.05)
    asked = Access(b"key", frozenset(), 1, password="open sesame")

    async def guess_all() -> list[object]:
        guesses = [asked.is_password("wrong", f"203.0.{n // 250}.{n % 250}") for n in range(300)]
        return await asyncio.gather(*guesses, return_exceptions=True)

    answers = asyncio.run(guess_all())
    assert answers.count(False) == 100
    assert {answer.status_code for answer in answers if isinstance(answer, HTTPException)} == {429}
    assert asyncio.run(asked.is_password("open sesame", "198.51.100.7"))
