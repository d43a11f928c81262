"""What is shown of who is here, as it changes."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from starlette.datastructures import QueryParams

from tests.live.alerts.signals import signal
from tests.live.signals.events import event
from tests.web.conftest import Browser
from tests.web.live_site import Company, company, shared_store  # noqa: F401
from usertrack.core.errors import UsageError, UsertrackError
from usertrack.live.alerts.ids import short_id
from usertrack.live.alerts.life import after_signal
from usertrack.live.alerts.notifications import Notifications
from usertrack.live.signals.active import ActivePerson
from usertrack.live.signals.audience import Everybody
from usertrack.live.signals.occurrence import Occurrence
from usertrack.render import html
from usertrack.web.access import Access
from usertrack.web.app import create_app
from usertrack.web.live import hub as hub_module
from usertrack.web.live.drawing import Drawing
from usertrack.web.live.histories import Histories
from usertrack.web.live.hub import Hub
from usertrack.web.live.scene import Choice, FeedLine, OnePerson, Scene
from usertrack.web.live.screens import Screen
from usertrack.web.live.timeline import flow, lines, person_document, troubles, visits
from usertrack.web.live.words import deed_on_page
from usertrack.web.pages import live as live_module

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>\u202eZoë"


def ago(seconds: float) -> float:
    return NOW.timestamp() - seconds


def screen(number: int, rows: dict[str, str], text: str = "2 active") -> Screen:
    return Screen(str(number), NOW, {"summary": text}, {"people": rows})


def data(message: bytes) -> Any:
    return json.loads(message.split(b"data: ")[1])


def test_only_what_differs_is_sent_and_the_order_whole() -> None:
    before, after = screen(1, {"ann": "a", "bob": "b"}), screen(2, {"eve": "e", "bob": "b!", "ann": "a"})
    assert data(after.message(before))["lists"] == {
        "people": {"order": ["eve", "bob", "ann"], "rows": {"eve": "e", "bob": "b!"}}
    }
    assert data(after.message(before))["texts"] == {}
    assert screen(3, {"eve": "e", "bob": "b!", "ann": "a"}).message(after) == b""
    assert list(data(after.message(None))["lists"]["people"]["rows"]) == ["eve", "bob", "ann"]


def scene(**parts: Any) -> Scene:
    people = [
        ActivePerson("ann", "/a", "", since=ago(200), last=ago(2)),
        ActivePerson("bob", "/b", "", since=ago(100), last=ago(40)),
        ActivePerson("eve", "/e", "", since=ago(250), last=ago(240)),
    ]
    facts = {"ann": {"tier": "paid"}, "bob": {"tier": "trial"}}
    alert = after_signal(None, signal(person="bob"))[0]
    return Scene(NOW, people, [alert], facts=lambda person: facts.get(person, {}), **parts)


def test_people_are_chosen_by_tier_need_and_last_sign_of_life() -> None:
    def people_for(query: str) -> list[str]:
        return [each.person for each in Choice.of(QueryParams(query)).people(scene())]

    assert people_for("") == ["bob", "ann", "eve"]  # who came last stands first
    assert people_for("sort=active") == ["ann", "bob", "eve"]
    assert people_for("tier=paid") == ["ann"]
    assert people_for("need=help") == ["bob"]
    assert people_for("within=30s") == ["ann"]
    with pytest.raises(UsageError, match="'century' is nothing that `within` can be"):
        people_for("within=century")


def test_rows_are_harmless_drawn_once_and_dim_for_who_is_away() -> None:
    drawing = Drawing(Notifications(), "UTC")
    line = FeedLine(1, Occurrence(ago(1), "u", "$exception", "ann", HOSTILE, properties={"message": HOSTILE}))
    first, second = (drawing.screen(scene(feed=[line]), Choice()) for _ in range(2))
    assert "<script>" not in json.dumps(dict(first.lists["live-feed"]))
    assert "\u202e" not in first.lists["live-feed"]["1"]
    long = after_signal(None, signal(person="bob", facts={"email": "\N{HEBREW LETTER ALEF}" * 10_000}))[0]
    [row] = drawing.screen(Scene(NOW, alerts=[long]), Choice()).lists["live-alerts"].values()
    assert len(row) < 3_000
    assert first.lists["live-people"]["ann"] is second.lists["live-people"]["ann"]
    assert ["away" in row for row in first.lists["live-people"].values()] == [False, False, True]


def test_an_alert_is_late_after_ten_minutes_and_says_so_in_words() -> None:
    def row(age: timedelta) -> str:
        alert = after_signal(None, signal(person="bob"))[0]
        at = alert.started_at + age
        [row] = (
            Drawing(Notifications(), "UTC").screen(Scene(at, alerts=[alert]), Choice()).lists["live-alerts"].values()
        )
        return row

    assert "6 min left" in row(timedelta(minutes=4))
    assert "late by 2 min" in row(timedelta(minutes=12))


def test_an_alert_is_snoozed_as_long_as_that_lasts() -> None:
    def row(minutes: int) -> str:
        alert = after_signal(None, signal(person="bob"))[0]
        until = alert.started_at + timedelta(minutes=30)
        details = {"acknowledged_at": alert.started_at, "acknowledged_by": "eve", "snoozed_by": "ana"}
        alert = replace(alert, snoozed_until=until, **details)
        now = alert.started_at + timedelta(minutes=minutes)
        [row] = (
            Drawing(Notifications(), "UTC").screen(Scene(now, alerts=[alert]), Choice()).lists["live-alerts"].values()
        )
        return row

    assert "by ana" in row(20)
    assert "taken up by eve" in row(50)


def live(company: Company, act: Callable[[Hub, AsyncIterator[bytes]], Awaitable[Any]], **choice: Any) -> Any:
    """What ``act`` comes to with a hub and what a viewer of it is sent."""

    async def run() -> Any:
        hub = Hub(company.settings)
        messages = hub.messages(Choice(**choice), "")
        try:
            return await asyncio.wait_for(act(hub, messages), 60)
        finally:
            await messages.aclose()
            await hub.close()

    return asyncio.run(run())


async def until(messages: AsyncIterator[bytes], *texts: str) -> str:
    """Everything that was sent until all ``texts`` had come."""
    seen = ""
    async for message in messages:
        seen += message.decode()
        if all(text in seen for text in texts):
            return seen
    raise AssertionError(seen)


def test_who_comes_is_shown_at_once_and_our_own_people_never(company: Company) -> None:
    company.come("early@acme.example")

    async def act(hub: Hub, messages: AsyncIterator[bytes]) -> tuple[str, str, str]:
        seen = await until(messages, "early@acme.example")
        for email in ("boss@own.example", "dana@acme.example"):
            await asyncio.to_thread(company.come, email)
        seen += await until(messages, "dana@acme.example")
        last = (await hub.screen(Choice())).id
        await asyncio.to_thread(company.do, "dana@acme.example", "report_created")
        company.alert("dana@acme.example")
        await until(messages, "did “report created” on", "4 errors in 5 minutes")
        back, new = hub.messages(Choice(), last), hub.messages(Choice(), "of-another-server")
        return seen, (await anext(back)).decode(), (await anext(new)).decode()

    seen, since, everything = live(company, act)
    assert "/pricing/:id" in seen
    assert "boss@own.example" not in seen
    assert "Nobody looks for people in need" in seen
    assert "did “report created” on" in since  # what came while the viewer was away
    assert "Take up" in since
    assert "Nobody looks" not in since  # what the viewer had is not sent again
    assert "Nobody looks" in everything


def test_who_is_new_has_a_name_also_when_everybody_was_read_again(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "live_audience", lambda _: Everybody())  # as of before anybody came
    monkeypatch.setattr(hub_module, "REFRESH", timedelta(seconds=0.5))

    async def act(hub: Hub, messages: AsyncIterator[bytes]) -> str:
        await asyncio.to_thread(company.come, "dana@acme.example")
        await until(messages, "dana@acme.example")
        hub._read_people_again()
        return await until(hub.messages(Choice(), ""), "dana@acme.example")

    assert live(company, act)


def test_a_posthog_without_a_livestream_is_asked_again_and_again(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "POLL_SECONDS", 0.1)
    company.has_no_livestream()

    async def act(hub: Hub, messages: AsyncIterator[bytes]) -> str:
        await until(messages, "Nobody is here now")
        for email in ("boss@own.example", "dana@acme.example"):
            await asyncio.to_thread(company.come, email)
        return await until(messages, "dana@acme.example")

    assert "boss@own.example" not in live(company, act)


@pytest.mark.slow
def test_the_page_works_without_a_script_and_two_who_take_up_one_alert_are_told(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    # each request here has a loop of its own, in which all sources are opened anew
    monkeypatch.setattr(hub_module, "PATIENCE_SECONDS", 30)
    monkeypatch.setattr(live_module, "OPENING_SECONDS", 30)
    company.come("dana@acme.example")
    key = company.alert("dana@acme.example")
    access = Access(b"key", frozenset({"localhost"}), 8766)
    browser = Browser(create_app(company.settings, access), access)
    browser.enter()
    page = browser.get("/live").text
    assert "Take up" in page
    assert "https://meet.example/dana%40acme.example" in page

    def take_up() -> str:
        done = browser.post("/alerts/act", page="/live", do=f"acknowledge {short_id(key)}", back="/live")
        assert done.status_code == 303
        return browser.get(done.headers["location"]).text

    dana = company.person("dana@acme.example")
    company.do("dana@acme.example", "$exception", "/billing", **{"$exception_message": "card 4711 refused"})
    persons_page = browser.get(f"/live/{dana}").text
    assert "<h1>dana@acme.example</h1>" in persons_page
    assert "card 4711 refused" in persons_page.partition('id="live-timeline"')[2]
    assert "Nobody with this id" in browser.get("/live/00000000-0000-0000-0000-000000000000").text
    assert "dana@acme.example: you look after it" in take_up()
    assert re.search(r"dana@acme.example: \w+ took it up \d+ s ago", take_up())
    assert browser.request("POST", "/alerts/act", data={"do": f"resolve {short_id(key)}"}).status_code == 403
    assert browser.get("/user-activity").headers["location"] == "/live"


def test_a_visit_is_lines_with_repetitions_as_one_a_flow_of_pages_and_what_went_wrong() -> None:
    visit = [event(0, route="/a"), event(5, "page_time", route="/a"), event(9, "page_time", route="/a")]
    visit += [event(20, route="/b"), event(30, "$exception", route="/b", message="no such plan: 'gold'")]
    visit += [event(9000, route="/a", session="another"), event(9010, route="/c", session="another")]
    repetitions = [(line.last.name, line.times, line.begins) for line in lines(visit)]
    assert repetitions[-2:] == [("page_time", 2, False), ("$pageview", 1, True)]
    assert [begins for _, _, begins in repetitions].count(True) == 2
    ways = flow(visits(visit))
    assert ways
    assert [[(stop.name, stop.value) for stop in column] for column in ways.columns] == [
        [("/a", 2)],
        [("/b", 1), ("/c", 1)],
    ]
    assert [(each.words, each.route) for each in troubles(visit)] == [("no such plan: 'gold'", "/b")]


def test_of_few_visits_each_is_a_line_and_none_has_ended_that_goes_on() -> None:
    visit = [event(0, route="/a"), event(20, route="/b")]
    document = person_document(visit, datetime.fromtimestamp(visit[-1].at + 60, UTC), "UTC")
    text = html.body(document)
    assert "/a → /b" in text
    assert "%" not in text
    assert "ended" not in text


def test_what_people_do_is_told_in_sentences() -> None:
    click = {"event_type": "click"}
    kinds = [("$pageview", {}), ("$autocapture", click), ("feature_used", {}), ("field_error", {"field": "card"})]
    assert [deed_on_page(event(0, name, route="/a", **properties)) for name, properties in kinds] == [
        "looked at",
        "clicked on",
        "did “feature used” on",
        "met an error in the field card on",
    ]


def test_an_incident_counts_with_its_people() -> None:
    alerts = [after_signal(None, each)[0] for each in (signal(person="bob"), signal(person="", facts={"people": 10}))]
    summary = Drawing(Notifications(), "UTC").screen(Scene(NOW, alerts=alerts), Choice()).texts["live-summary"]
    assert "<strong>11</strong> need help" in summary


@pytest.mark.slow
def test_two_alerts_of_one_person_are_one_card_that_is_taken_up_as_a_whole(company: Company) -> None:
    keys = [company.alert("dana@acme.example", pattern=pattern) for pattern in ("stuck", "failed_form")]
    access = Access(b"key", frozenset({"localhost"}), 8766)
    browser = Browser(create_app(company.settings, access), access)
    browser.enter()
    page = browser.get("/live").text
    assert (page.count('class="alert open'), page.count("4 errors in 5 minutes</bdi>")) == (1, 2)
    assert "<strong>1</strong> needs help" in page
    [take_up] = re.findall('value="(acknowledge [^"]+)"', page)
    assert sorted(take_up.split()[1:]) == sorted(quote(key, safe="") for key in keys)
    done = browser.post("/alerts/act", page="/live", do=take_up, back="/live")
    page = browser.get(done.headers["location"]).text
    assert page.count("dana@acme.example: you look after it") == 1
    assert (page.count('class="alert attended'), page.count("Take up")) == (1, 0)


@pytest.mark.slow
def test_who_is_erased_is_gone_at_once_and_others_come_back(company: Company) -> None:
    company.come("dana@acme.example")

    async def act(hub: Hub, messages: AsyncIterator[bytes]) -> str:
        await until(messages, "dana@acme.example")
        assert "dana@acme.example" in str(hub._drawn(Choice()).lists)
        await asyncio.to_thread(hub.forget)
        assert "dana@acme.example" not in str(hub._drawn(Choice()).lists)
        return await until(messages, "dana@acme.example")

    assert live(company, act)


def test_who_is_erased_is_gone_from_their_own_page_before_anything_is_asked_again(company: Company) -> None:
    company.come("dana@acme.example")

    async def act(hub: Hub, _: AsyncIterator[bytes]) -> str:
        own = hub.messages(OnePerson(company.person("dana@acme.example")), "")
        await until(own, "dana@acme.example", "looked at")
        hub._has_begun.set = lambda: None  # type: ignore[method-assign]  # what is asked again is not there yet
        await asyncio.to_thread(hub.forget)
        return (await anext(own)).decode()

    last = live(company, act)
    assert "dana@acme.example" not in last
    assert "looked at" not in last
    assert "Reading what they did" in last  # it may be the page of somebody else
    assert "Nobody with this id" not in last


@pytest.mark.slow
def test_who_comes_back_after_a_rest_is_sent_nothing_of_before_it(company: Company) -> None:
    company.come("dana@acme.example")
    dana = OnePerson(company.person("dana@acme.example"))

    async def act(hub: Hub, _: AsyncIterator[bytes]) -> bool:
        last = (await hub.screen(dana)).id
        await asyncio.to_thread(company.do, "dana@acme.example", "report_created")
        await until(hub.messages(dana, last), "report created")
        await hub.close()
        await anext(hub.messages(dana, last))
        return hub._has_begun.is_set()

    assert live(company, act)


def test_it_ends_also_in_the_moment_of_a_change(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "STEP_SECONDS", 0.01)  # it waits for a change nearly always

    async def act(hub: Hub, _: AsyncIterator[bytes]) -> bool:
        await hub.screen(Choice())
        await asyncio.sleep(0.1)
        hub._changed.set()
        async with asyncio.timeout(5):
            await hub.close()
        return True

    assert live(company, act)


def test_a_history_that_cannot_be_read_is_told_and_asked_for_again_and_viewed_ones_stay() -> None:
    async def run() -> None:
        histories, readings = Histories(), []

        async def fails() -> list[Occurrence]:
            raise UsertrackError("Postgres refuses the key", "")

        async def works() -> list[Occurrence]:
            readings.append(1)
            return [event(0)]

        await histories.read("ann", fails)
        assert str(histories.problem_of("ann")) == "Postgres refuses the key"
        assert not histories.is_due("ann")  # not at once
        people = [f"p{number}" for number in range(40)]
        for person in people:
            await histories.read(person, works)
            histories.let_go(people[:35])
        assert not any(histories.is_due(person) for person in people[:35])

    asyncio.run(run())
