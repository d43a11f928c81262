"""usertrack.js in a real Chromium, before a real server: what people do arrives, and no more than it may."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from browser import NOWHERE, Site, arrived, chromium, events, flush, names, patient, served, shared_store, site  # noqa: F401
from capture_fixtures import TOKEN, Client
from secrets_of_people import secrets

from usertrack.server.capture.identity import FILE, new_secret, sign

pytestmark = pytest.mark.slow
GUIDE = Path(__file__).parents[2] / "docs/guide/browser.md"
QUEUE = "JSON.parse(sessionStorage.usertrack_queue || '[]').map((text) => JSON.parse(text))"


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    context = patient(chromium.new_context())
    yield context.new_page()
    context.close()


def two_tabs(page: Any, site: Site, **attributes: str) -> Any:
    """Open a page whose events go nowhere in the tab ``page`` and in another one, which is returned."""
    page.goto(site.put("<p>text", host=NOWHERE, **attributes))
    page.wait_for_function("sessionStorage.usertrack_queue")
    other = page.context.new_page()
    other.goto(site.url)
    other.wait_for_function("sessionStorage.usertrack_queue")
    return other


def queued(page: Any) -> list[dict[str, Any]]:
    """What waits in the tab, of a page whose events go nowhere."""
    return list(page.evaluate(QUEUE))


def named(page: Any, name: str) -> list[dict[str, Any]]:
    return [event["properties"] for event in queued(page) if event["event"] == name]


def test_a_visit_arrives_under_a_strict_policy(page: Any, site: Site, served: Client) -> None:
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    site.put("<button id=save>Save 3 files of ann@x.example</button>", "/u/4711")
    page.goto(site.url + "/u/4711?token=secret#top")
    page.click("#save")
    page.evaluate("usertrack.track('exported', {rows: 3})")
    flush(page)
    arrived(served, lambda names: "exported" in names)
    assert names(served) == ["$pageview", "$autocapture", "exported"]
    (_, view), (_, click), (_, exported) = events(served)
    assert (view["$pathname"], view["$current_url"]) == ("/u/:id", f"{site.url}/u/:id")
    assert (click["selector"], click["$el_text"]) == ("button#save", "Save * files of *")
    assert exported["rows"] == 3
    assert "secret" not in str(events(served))
    assert problems == []
    assert page.context.cookies() == []


@pytest.mark.parametrize("consent", ["", "denied"])
def test_without_consent_not_a_byte_is_stored_or_sent(page: Any, site: Site, consent: str) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(site.put("<button id=b>B</button>", consent=consent, user_id="ann"))
    page.wait_for_function("window.usertrack")
    page.click("#b")
    page.evaluate("usertrack.track('x'); usertrack.reset(); usertrack.flush()")
    page.goto(site.url + "/other")
    assert not [url for url in requests if "/batch/" in url]
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]


@pytest.mark.parametrize("signal", ["doNotTrack = '1'", "globalPrivacyControl = true"])
def test_a_browser_that_says_no_is_left_alone_whatever_the_page_says(page: Any, site: Site, signal: str) -> None:
    name, _, value = signal.partition(" = ")
    page.add_init_script(f"Object.defineProperty(navigator, '{name}', {{value: {value}}})")
    page.goto(site.put("<p>text", user_id="ann"))
    page.wait_for_function("window.usertrack")
    page.evaluate("usertrack.track('x')")
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]


def test_who_agrees_is_tracked_and_who_takes_it_back_leaves_nothing(page: Any, site: Site, served: Client) -> None:
    page.goto(site.put("<p>text", consent="", user_id="ann"))
    page.wait_for_function("window.usertrack")
    page.evaluate("usertrack.optIn(); usertrack.track('agreed'); usertrack.flush()")
    arrived(served, lambda names: "agreed" in names)
    page.reload()
    page.wait_for_function("sessionStorage.usertrack_queue")
    page.evaluate("usertrack.track('late'); usertrack.optOut(); usertrack.track('no'); usertrack.flush()")
    page.goto(site.url + "/other")
    page.wait_for_timeout(300)
    assert set(names(served)) == {"$identify", "$pageview", "agreed", "$pageleave"}
    assert page.evaluate("Object.keys(localStorage)") == ["usertrack_consent"]
    assert page.evaluate("Object.keys(sessionStorage)") == []


def test_an_answer_after_consent_was_taken_back_stores_nothing(page: Any, site: Site) -> None:
    page.goto(site.put("<p>text"))
    page.wait_for_function("sessionStorage.usertrack_queue")
    page.evaluate("answered = usertrack.flush(); usertrack.track('waits'); usertrack.optOut(); answered")
    assert page.evaluate("Object.keys(sessionStorage)") == []


def test_what_one_tab_says_of_consent_and_person_holds_in_the_others(page: Any, site: Site) -> None:
    other = two_tabs(page, site)
    page.evaluate("usertrack.identify('ann')")
    # it only looks: a tab that writes in the same moment writes what it read before
    other.wait_for_function("localStorage.usertrack.includes('ann')", polling=50)
    other.evaluate("usertrack.track('x')")
    assert [event["distinct_id"] for event in queued(other) if event["event"] == "x"][-1] == "ann"
    page.evaluate("usertrack.optOut()")
    other.wait_for_function("!sessionStorage.usertrack_queue")
    other.evaluate("usertrack.track('no')")
    assert other.evaluate("[Object.keys(localStorage), Object.keys(sessionStorage)]") == [["usertrack_consent"], []]


def test_pages_of_the_older_format_work_as_they_are(page: Any, site: Site, served: Client) -> None:
    page.goto(
        site.put(
            "<p>text",
            script="/tippen-app-tracker.js",
            prefix="data-tippen",
            user_id="user_123",
            user_email="john@acme.example",
            subscription_tier="free_trial",
        )
    )
    page.wait_for_function("window.tippen")
    page.evaluate("tippen.track('custom', {feature: 'export'}); tippen.flush()")
    arrived(served, lambda names: "custom" in names)
    assert sorted(names(served)) == ["$identify", "$pageview", "custom"]
    claims = {"claimed_email": "john@acme.example", "claimed_subscription_tier": "free_trial"}
    assert served.persons()["user_123"] == claims


def test_the_older_tag_as_it_was_published_stands_for_consent(page: Any, site: Site, served: Client) -> None:
    site.pages["*"] = f"""<!doctype html><script
      src="{site.server}/tippen-app-tracker.js"
      data-tippen-api-key="{TOKEN}"
      data-tippen-user-id="user_123"
      data-tippen-user-email="john@acme.com"
      data-tippen-subscription-tier="free_trial"
      async
    ></script>"""
    page.goto(site.url)
    page.wait_for_function("window.tippen")
    page.evaluate("tippen.track('custom', {feature: 'export'}); tippen.flush()")
    assert sorted(arrived(served, lambda names: "custom" in names)) == ["$identify", "$pageview", "custom"]
    assert served.persons()["user_123"]["claimed_email"] == "john@acme.com"
    page.evaluate("tippen.optOut()")
    page.reload()
    page.wait_for_function("window.tippen")
    assert page.evaluate("[Object.keys(localStorage), sessionStorage.length]") == [["usertrack_consent"], 0]


def documented_stub() -> str:
    (stub,) = re.findall(r"<script>(.+?)</script>", GUIDE.read_text(), re.DOTALL)
    return str(stub).strip()


def test_calls_before_the_script_is_there_are_kept_by_the_documented_stub(page: Any, site: Site) -> None:
    calls = "usertrack.track('early', {n: 1}); usertrack.identify('ann'); usertrack.flush()"
    stub = f"<script>{documented_stub()}</script>"
    page.goto(site.put(f"{stub}<script>{calls}</script>", host=NOWHERE))
    page.wait_for_function("!usertrack.q")
    assert [(event["event"], event["distinct_id"]) for event in queued(page)] == [
        ("$identify", "ann"),
        ("$pageview", "ann"),
        ("early", "ann"),
    ]


@pytest.mark.parametrize("consent", ["granted", ""])
def test_who_logs_out_before_the_script_is_there_is_forgotten(page: Any, site: Site, consent: str) -> None:
    other = two_tabs(page, site)
    page.evaluate("usertrack.identify('bob', 'bob@x.example')")
    calls = f"<script>{documented_stub()}</script><script>usertrack.reset()</script>"
    page.goto(site.put(calls, "/bye", host=NOWHERE, consent=consent))
    page.wait_for_function("!usertrack.q")
    assert "bob" not in str(page.evaluate("[localStorage.usertrack, sessionStorage.usertrack_claims]"))
    other.wait_for_timeout(100)
    other.evaluate("usertrack.track('goes on')")
    assert [event["distinct_id"] == "bob" for event in queued(other) if event["event"] == "goes on"] == [False]


def test_with_a_blocker_the_stub_takes_all_calls_and_keeps_a_thousand(page: Any, site: Site) -> None:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.route("**/usertrack.js", lambda route: route.abort())
    calls = "optIn(); tippen.reset(); usertrack.optOut(); for (let n = 0; n < 2000; n++) usertrack.track('x')"
    page.goto(site.put(f"<script>{documented_stub()}</script><script>usertrack.{calls}</script>"))
    assert page.evaluate("usertrack.q.length") == 1000
    assert problems == []
    assert len(documented_stub()) <= 300


def test_a_signed_person_has_their_email_and_a_forged_one_sends_nothing(page: Any, site: Site, served: Client) -> None:
    secret = new_secret(served.store.path / FILE, datetime.now(UTC), timedelta())
    try:
        signature = sign(secret, "ann", "ann@x.example", "")
        page.goto(site.put("<p>text", user_id="ann", user_email="ann@x.example", signature=signature))
        page.wait_for_function("sessionStorage.usertrack_queue")
        flush(page)
        arrived(served, lambda names: "$pageview" in names)
        page.goto(site.put("<p>text", "/forged", user_id="boss", signature=signature))
        page.wait_for_function("window.usertrack")
        page.evaluate("usertrack.track('forged'); usertrack.flush()")
        page.wait_for_timeout(500)
    finally:
        (served.store.path / FILE).unlink()
    assert served.persons()["ann"] == {"email": "ann@x.example"}
    assert {row[0] for row in served.rows("SELECT distinct_id FROM posthog.events")} == {"ann"}
    assert "forged" not in names(served)


def test_somebody_else_at_the_same_computer_is_another_person(page: Any, site: Site, served: Client) -> None:
    page.goto(site.put("<p>text"))
    page.wait_for_function("sessionStorage.usertrack_queue")
    page.evaluate("usertrack.identify('ann'); usertrack.track('a')")
    page.evaluate("usertrack.reset(); usertrack.track('nobody'); usertrack.identify('bob', 'bob@x.example', 'paid')")
    page.evaluate("usertrack.track('b'); usertrack.flush()")
    arrived(served, lambda names: "b" in names)
    people = served.person_ids()
    assert people["ann"] != people["bob"]
    assert len({person for ids in people.values() for person in ids}) == 2  # the visitor of before is ann, of after bob


def test_tabs_of_one_person_are_one_session_and_two_windows(page: Any, site: Site) -> None:
    other = two_tabs(page, site, user_id="ann")
    first, second = named(page, "$pageview")[0], named(other, "$pageview")[0]
    assert first["$session_id"] == second["$session_id"]
    assert first["$device_id"] == second["$device_id"]
    assert first["$window_id"] != second["$window_id"]


def window_of(page: Any) -> str:
    page.wait_for_function("window.usertrack")
    page.evaluate("usertrack.track('here')")
    return str(named(page, "here")[-1]["$window_id"])


def test_a_window_keeps_its_id_over_its_pages_and_gives_it_to_no_copy(page: Any, site: Site) -> None:
    """A tab that is duplicated, or opened by a page, begins with a copy of the page's sessionStorage."""
    page.goto(site.put("<a id=a href=/next>next</a>", host=NOWHERE))
    first = window_of(page)
    page.click("#a")
    page.wait_for_url("**/next")
    assert window_of(page) == first
    page.go_back(wait_until="commit")
    assert window_of(page) == first
    page.wait_for_function("!sessionStorage.usertrack_tab")
    with page.expect_popup() as popup:
        page.evaluate("void open('/opened')")
    assert "_queue" in str(popup.value.evaluate("Object.keys(sessionStorage)"))
    assert window_of(popup.value) != first
    page.reload()
    assert window_of(page) == first


def test_frames_of_the_site_are_windows_and_keep_what_each_has(page: Any, site: Site) -> None:
    site.put("<p>text", "/inner", strict=False, host=NOWHERE)
    site.put("<iframe src=/inner></iframe>", "/middle", strict=False, host=NOWHERE)
    page.goto(site.put("<iframe src=/inner></iframe><iframe src=/middle></iframe>", strict=False, host=NOWHERE))
    queues = "Object.keys(sessionStorage).filter((name) => name.startsWith('usertrack_queue'))"
    page.wait_for_function(f"{queues}.length === 4")
    page.evaluate("for (const frame of [window, frames[0], frames[1], frames[1][0]]) frame.usertrack.track('x')")
    waiting = page.evaluate(
        f"{queues}.flatMap((name) => JSON.parse(sessionStorage[name]).map((text) => JSON.parse(text)))"
    )
    windows = [event["properties"]["$window_id"] for event in waiting if event["event"] == "x"]
    assert len(windows) == len(set(windows)) == 4


def test_after_half_an_hour_of_nothing_a_session_is_a_new_one(page: Any, site: Site) -> None:
    page.clock.install()
    page.goto(site.put("<p>text", host=NOWHERE))
    page.wait_for_function("sessionStorage.usertrack_queue")
    for minutes in (20, 20, 31):
        page.clock.fast_forward(f"{minutes}:00")
        page.evaluate("usertrack.track('x')")
    sessions = [event["$session_id"] for event in named(page, "x")]
    assert sessions[0] == sessions[1] == named(page, "$pageview")[0]["$session_id"]
    assert sessions[2] != sessions[0]


def test_routes_are_pages_and_a_query_is_none(page: Any, site: Site) -> None:
    page.goto(site.put("<p>text", host=NOWHERE))
    page.wait_for_function("sessionStorage.usertrack_queue")
    page.evaluate("history.pushState(0, '', '/u/1')")
    page.evaluate("history.replaceState(0, '', '/u/1?tab=2')")
    page.evaluate("history.pushState(0, '', '/u/2')")
    page.evaluate("location.hash = '#/settings/0190a1b2-0000-7000-8000-000000000001?x=1'")
    page.wait_for_timeout(50)
    page.evaluate("history.back()")
    page.wait_for_timeout(50)
    routes = [view["$pathname"] for view in named(page, "$pageview")]
    assert routes == ["/", "/u/:id", "/u/:id", "/u/:id/settings/:id", "/u/:id"]
    assert len(named(page, "$pageleave")) == 4


def test_forms_say_their_fields_and_never_a_value(page: Any, site: Site) -> None:
    form = (
        "<form id=pay action=/paid><input name=card value=4111><input name=mail type=email required>"
        "<input type=password name=secret value=hunter2><button id=b>Pay</button></form>"
    )
    page.goto(site.put(form, host=NOWHERE))
    page.click("#b")
    page.evaluate("document.querySelector('[name=card]').ariaInvalid = 'true'")
    page.fill("[name=mail]", "ann@x.example")
    page.evaluate("document.forms[0].addEventListener('submit', (event) => event.preventDefault())")
    page.click("#b")
    (submit,) = named(page, "form_submit")
    assert (submit["form_id"], submit["fields"]) == ("pay", ["card", "mail", "secret"])
    errors = [(each["form_id"], each["field"], each.get("reason")) for each in named(page, "field_error")]
    assert errors == [("pay", "mail", "valueMissing"), ("pay", "card", None)]
    text = str(queued(page))
    assert not [value for value in ("4111", "hunter2", "ann@x.example") if value in text]


SHADOW = """<x-form></x-form><script>
const root = document.querySelector('x-form').attachShadow({mode: 'open'})
const form = root.appendChild(document.createElement('form'))
form.id = 'pay'
form.onsubmit = () => false
for (const name of ['card', 'mail']) form.append(Object.assign(document.createElement('input'), {name, required: true}))
form.append(Object.assign(document.createElement('button'), {textContent: 'Pay'}))
</script>"""


def test_forms_in_an_open_shadow_root_are_forms(page: Any, site: Site) -> None:
    page.goto(site.put(SHADOW, host=NOWHERE))
    page.wait_for_function("sessionStorage.usertrack_queue")
    page.fill("[name=card]", "4111")
    page.click("button")
    page.fill("[name=mail]", "ann@x.example")
    page.click("button")
    page.evaluate("root.querySelector('[name=card]').ariaInvalid = 'true'")
    page.wait_for_function("sessionStorage.usertrack_queue.split('field_error').length === 3")
    (submit,) = named(page, "form_submit")
    assert (submit["form_id"], submit["fields"]) == ("pay", ["card", "mail"])
    errors = [(error["form_id"], error["field"], error.get("reason")) for error in named(page, "field_error")]
    assert errors == [("pay", "mail", "valueMissing"), ("pay", "card", None)]


def test_links_have_their_text_and_path(page: Any, site: Site) -> None:
    body = """<a id=doc href="https://docs.example/u/4711/keys?token=s3cret#top">Keys of 12 people</a>
    <a id=mail href="mailto:ann@x.example">Write</a><p data-usertrack-mask><a id=masked href=/ann-smith>Ann Smith</a>
    <script>addEventListener('click', (event) => event.preventDefault())</script>"""
    page.goto(site.put(body, host=NOWHERE))
    page.wait_for_function("sessionStorage.usertrack_queue")
    for link in ("doc", "mail", "masked"):
        page.click("#" + link)
    clicks = [(click["$el_text"], click.get("href")) for click in named(page, "$autocapture")]
    assert clicks == [("Keys of * people", "https://docs.example/u/:id/keys"), ("Write", None), ("", None)]


def test_a_page_says_where_people_come_from_and_its_title(page: Any, site: Site) -> None:
    url = site.put("<p>text", host=NOWHERE)
    query = "utm_source=news&utm_campaign=ann@x.example&utm_secret=s3cret&token=s3cret"
    page.goto(f"{url}?{query}", referer="https://search.example/results/4711?q=s3cret")
    page.wait_for_function("sessionStorage.usertrack_queue")
    (view,) = named(page, "$pageview")
    assert view["title"] == "Product"
    assert (view["$referrer"], view["$referring_domain"]) == ("https://search.example/results/:id", "search.example")
    assert {name: view[name] for name in view if "utm" in name} == {"utm_source": "news", "utm_campaign": "*"}
    assert "s3cret" not in str(queued(page))
    page.goto(url)
    page.wait_for_function("sessionStorage.usertrack_queue.includes('$direct')")
    page.evaluate("document.title = 'Bill 4711 of ann@x.example'; history.pushState(0, '', '/bill')")
    assert named(page, "$pageview")[-1]["title"] == "Bill * of *"


def test_no_key_token_or_encoded_email_leaves_the_page(page: Any, site: Site) -> None:
    corpus = {secret.kind: secret for secret in secrets() if secret.kind not in ("name", "letters")}
    page.goto(site.put("<form id=f><button id=b>B</button></form>", host=NOWHERE))
    page.wait_for_function("sessionStorage.usertrack_queue")
    page.evaluate("f.onsubmit = () => false")
    for secret in corpus.values():
        page.evaluate(
            """(text) => {
                document.title = `Inbox of ${text}`
                history.pushState(0, '', `/invite/${text}/accept?token=${text}`)
                b.textContent = `Delete ${text}'s key`
                b.name = f.name = `key-${text}`
                const message = `GET https://x.example/${text}?t=${text} of ${text} failed`
                dispatchEvent(new ErrorEvent('error', {message}))
            }""",
            secret.text,
        )
        page.click("#b")
    sent = queued(page)
    assert len(corpus) == 9
    assert {event["event"] for event in sent} >= {"$pageview", "$autocapture", "$exception", "form_submit"}
    assert [kind for kind, secret in corpus.items() if secret.is_in(str(sent))] == []


def test_the_label_of_an_attribute_is_stored_whatever_it_says(page: Any, site: Site, served: Client) -> None:
    page.goto(site.put("<p data-usertrack-label='Kunde löschen'><button id=b>Ann Kowalczyk löschen</button>"))
    page.wait_for_function("sessionStorage.usertrack_queue")
    page.click("#b")
    flush(page)
    arrived(served, lambda names: "$autocapture" in names)
    (_, click) = events(served, "event = '$autocapture'")[0]
    assert click["$el_text"] == "Kunde löschen"
    assert "Kowalczyk" not in str(events(served))


def test_errors_are_alike_have_no_data_and_are_ten_a_page(page: Any, site: Site) -> None:
    script = (
        "<button id=b>Run</button><script>b.onclick = () => { throw new TypeError('no run 4711 of ann@x.example') };"
        "fail = (n) => Promise.reject(new Error(`step ${n} failed`))</script>"
    )
    page.goto(site.put(script, host=NOWHERE))
    page.click("#b")
    page.evaluate("for (let n = 0; n < 20; n++) fail(n); 0")
    page.wait_for_timeout(100)
    exceptions = named(page, "$exception")
    assert len(exceptions) == 10
    assert exceptions[0]["$exception_list"][0] == {
        "type": "TypeError",
        "value": "no run * of *",
        "mechanism": {"handled": False},
    }
    assert {exception["$exception_list"][0]["value"] for exception in exceptions[1:]} == {"step * failed"}
    (click,) = named(page, "error_click")
    assert (click["selector"], click["message"]) == ("button#b", "no run * of *")


def test_what_a_click_removes_is_no_error_and_the_script_goes_on(page: Any, site: Site) -> None:
    body = """<div id=card>Close<div role=button id=a>A</div></div><p id=gone>text</p><script>
    card.onclick = ({target}) => target === card && a.remove()
    addEventListener('pointerdown', ({target}) => target.id === 'gone' && target.remove(), true)</script>"""
    page.goto(site.put(body, style="#card { cursor: pointer; padding: 40px }", host=NOWHERE))
    page.wait_for_function("sessionStorage.usertrack_queue")
    page.click("#gone", force=True)  # Playwright would wait for what it clicked
    page.click("#a")
    page.click("#card", position={"x": 5, "y": 5})
    page.wait_for_timeout(3000)
    page.evaluate("history.pushState(0, '', '/next')")
    names = ["$pageview", "$autocapture", "$autocapture", "$pageleave", "$pageview"]
    assert [event["event"] for event in queued(page)] == names
    assert named(page, "$pageleave")[0]["visible_seconds"] > 2


def test_time_counts_while_somebody_looks_and_not_while_they_do_not(page: Any, site: Site) -> None:
    page.clock.install()
    page.goto(site.put("<p>text", host=NOWHERE))
    page.wait_for_function("sessionStorage.usertrack_queue")
    page.clock.run_for(31_000)
    assert [round(time["visible_seconds"]) for time in named(page, "page_time")] == [15, 30]
    hide = "Object.defineProperty(document, 'hidden', {{configurable: true, value: {}}})"
    page.evaluate(hide.format("true"))
    page.clock.run_for(600_000)
    page.evaluate(hide.format("false"))
    page.keyboard.press("a")
    page.clock.run_for(15_000)
    page.clock.run_for(600_000)  # nobody is there: a minute after the last key it stops
    page.evaluate("history.pushState(0, '', '/next')")
    (leave,) = named(page, "$pageleave")
    assert 85 <= leave["visible_seconds"] <= 95
    assert leave["$prev_pageview_duration"] > 1200


def test_events_wait_for_a_server_that_is_away_and_are_not_doubled(page: Any, site: Site, served: Client) -> None:
    page.goto(site.put("<p>text", user_id="ann"))
    page.wait_for_function("sessionStorage.usertrack_queue")
    page.context.set_offline(True)
    page.evaluate("for (let n = 0; n < 120; n++) usertrack.track('offline', {n}); usertrack.flush()")
    page.wait_for_timeout(200)
    assert names(served) == []
    page.context.set_offline(False)
    sent = arrived(served, lambda names: len(names) >= 122)
    page.reload()
    page.wait_for_function("window.usertrack")
    flush(page)
    page.wait_for_timeout(500)
    assert (sent.count("offline"), names(served).count("offline")) == (120, 120)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_events_wait_where_the_server_says_later(page: Any, site: Site, status: int) -> None:
    page.route("**/batch/", lambda route: route.fulfill(status=status, headers={"Retry-After": "60"}))
    page.goto(site.put("<p>text", user_id="ann"))
    page.wait_for_function("sessionStorage.usertrack_queue")
    with page.expect_response("**/batch/"):
        flush(page)
    page.wait_for_timeout(100)
    assert len(queued(page)) == 2


def test_six_seconds_of_404_from_a_proxy_lose_nothing(page: Any, site: Site, served: Client) -> None:
    page.clock.install()
    page.route("**/batch/", lambda route: route.fulfill(status=404))
    page.goto(site.put("<p>text", user_id="ann"))
    page.wait_for_function("sessionStorage.usertrack_queue")
    with page.expect_response("**/batch/"):
        flush(page)
    page.clock.run_for(6000)
    page.unroute("**/batch/")
    page.clock.run_for(60_000)
    arrived(served, lambda names: {"$identify", "$pageview"} <= set(names))


def test_a_batch_that_is_too_large_for_a_proxy_is_sent_in_parts(page: Any, site: Site, served: Client) -> None:
    def limited(route: Any) -> None:
        _ = route.fulfill(status=413) if len(route.request.post_data) > 6000 else route.continue_()

    page.route("**/batch/", limited)
    page.goto(site.put("<p>text"))
    page.wait_for_function("sessionStorage.usertrack_queue")
    page.evaluate("usertrack.track('large', {x: 'x'.repeat(9000)})")
    page.evaluate("for (let n = 0; n < 30; n++) usertrack.track('small', {n})")
    page.wait_for_function("!usertrack.flush() || sessionStorage.usertrack_queue === '[]'", polling=50)
    arrived(served, lambda names: names.count("small") == 30)
    assert "large" not in names(served)


def test_who_it_is_is_said_again_after_a_refusal(page: Any, site: Site, served: Client) -> None:
    page.route("**/batch/", lambda route: route.fulfill(status=400))
    url = site.put("<p>text", user_id="ann")
    page.goto(url)
    page.wait_for_function("sessionStorage.usertrack_queue")
    flush(page)
    page.wait_for_function("sessionStorage.usertrack_queue === '[]'")
    page.unroute("**/batch/")
    page.goto(url)
    page.wait_for_function("window.usertrack")
    flush(page)
    arrived(served, lambda names: "$identify" in names)


def test_the_visitor_before_is_joined_though_the_tab_was_closed_unheard(page: Any, site: Site, served: Client) -> None:
    page.goto(site.put("<p>text", host=NOWHERE))
    page.wait_for_function("sessionStorage.usertrack_queue")
    visitor = named(page, "$pageview")[0]["$device_id"]
    page.evaluate("usertrack.identify('ann')")
    other = page.context.new_page()
    page.close()
    other.goto(site.put("<p>text", user_id="ann"))
    other.wait_for_function("window.usertrack")
    flush(other)
    arrived(served, lambda names: "$identify" in names)
    (identified,) = (properties for name, properties in events(served) if name == "$identify")
    assert identified["$anon_distinct_id"] == visitor


def test_who_it_is_stays_when_a_thousand_events_wait(page: Any, site: Site) -> None:
    page.goto(site.put("<p>text", host=NOWHERE, user_id="ann"))
    page.wait_for_function("sessionStorage.usertrack_queue")
    page.evaluate("for (let n = 0; n < 1005; n++) usertrack.track('x', {n})")
    waiting = queued(page)
    assert (len(waiting), waiting[0]["event"], waiting[-1]["properties"]["n"]) == (1000, "$identify", 1004)


def test_an_event_over_16_kb_is_told_and_what_comes_after_it_arrives(page: Any, site: Site, served: Client) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(site.put("<p>text"))
    page.wait_for_function("sessionStorage.usertrack_queue")
    page.evaluate("usertrack.track('huge', {text: 'x'.repeat(70000)}); usertrack.track('last')")
    page.close(run_before_unload=True)
    assert "huge" not in arrived(served, lambda names: "last" in names)
    assert said == ["usertrack huge has over 16 KB"]


def test_what_a_browser_takes_of_a_refused_beacon_is_sent(page: Any, site: Site, served: Client) -> None:
    """The page itself has used up most of the 64 KiB that a browser sends for a page that is closed."""
    page.goto(site.put("<p>text"))
    page.wait_for_function("sessionStorage.usertrack_queue")
    page.evaluate("usertrack.track('large', {text: 'x'.repeat(15000)}); usertrack.track('small')")
    page.route("**/mine", lambda route: None)  # never answered
    page.evaluate("void fetch('/mine', {method: 'POST', keepalive: true, body: 'x'.repeat(60000)})")
    page.close(run_before_unload=True)
    assert "large" not in arrived(served, lambda names: "small" in names)


def test_a_page_without_a_person_after_a_signed_one_is_a_visitor(page: Any, site: Site, served: Client) -> None:
    signature = sign("secret", "ann", "", "")
    page.goto(site.put("<p>text", "/app", host=NOWHERE, user_id="ann", signature=signature))
    page.wait_for_function("sessionStorage.usertrack_queue")
    app = page.context.new_page()
    app.goto(site.url + "/app")
    page.goto(site.put("<p>text", "/home", host=NOWHERE))
    page.wait_for_function("sessionStorage.usertrack_queue.includes('/home')")
    page.evaluate("usertrack.track('visited')")
    app.evaluate("usertrack.track('worked')")
    (visited,), (worked,) = (
        [event for event in queued(tab) if event["event"] == name] for tab, name in ((page, "visited"), (app, "worked"))
    )
    assert worked["distinct_id"] == "ann"
    assert visited["distinct_id"] == visited["properties"]["$device_id"] != worked["properties"]["$device_id"]
    assert "$identity_signature" not in visited["properties"]
    page.evaluate("usertrack.identify('bob')")
    (joined,) = [event for event in queued(page) if event["distinct_id"] == "bob"]
    assert joined["properties"]["$anon_distinct_id"] == visited["distinct_id"]


def test_a_closed_tab_sends_what_it_had(page: Any, site: Site, served: Client) -> None:
    page.goto(site.put("<p>text", user_id="ann"))
    page.wait_for_function("sessionStorage.usertrack_queue")
    page.evaluate("usertrack.track('last')")
    page.close(run_before_unload=True)
    assert "$pageleave" in arrived(served, lambda names: "last" in names)


def test_a_clock_that_is_an_hour_ahead_is_corrected(page: Any, site: Site, served: Client) -> None:
    page.clock.install(time=datetime.now(UTC) + timedelta(hours=1))
    page.goto(site.put("<p>text", user_id="ann"))
    page.wait_for_function("sessionStorage.usertrack_queue")
    flush(page)
    arrived(served, lambda names: "$pageview" in names)
    assert served.rows("SELECT max(abs(dateDiff('second', timestamp, now()))) < 60 FROM posthog.events") == [[1]]


def test_a_dead_click_is_told_on_a_page_of_5_000_elements_with_a_full_queue(page: Any, site: Site) -> None:
    body = "<button id=b>B</button>" + "<div><input value=1><span>text</span></div>" * 1200
    page.goto(site.put(body, host=NOWHERE))
    page.wait_for_function("sessionStorage.usertrack_queue")
    page.evaluate("for (let n = 0; n < 1000; n++) usertrack.track('x', {n})")
    page.click("#b")
    page.wait_for_function("sessionStorage.usertrack_queue.includes('$dead_click')")
