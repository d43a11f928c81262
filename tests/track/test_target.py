"""Events go to PostHog by its SDK or the product's own client, or to a function; flags are asked of PostHog."""

import asyncio
import logging
import sys

import posthog
import pytest

import usertrack_track as track
from tests.track.conftest import Configure
from tests.track.posthog_server import PostHogServer
from usertrack_track import Message, Refused, aio


def test_events_are_as_those_of_the_products_own_client(configure: Configure, server: PostHogServer) -> None:
    def without_plan(event: dict[str, object]) -> dict[str, object] | None:
        return None if event["event"] == "secret" else event

    client = posthog.Posthog(
        "phc_own", host=server.url, send=False, before_send=without_plan, super_properties={"release": "7"}
    )
    configure(target=client, project_key=None, host="http://127.0.0.1:1")
    track.track("ada", "seen")
    track.track("ada", "secret")
    assert track.flush()
    assert [(event["event"], event["properties"]["release"]) for event in server.received] == [("seen", "7")]


@pytest.mark.parametrize("database_url", [{}, {"database_url": None}], ids=["postgres", "files"])
def test_a_function_takes_each_event_once(configure: Configure, database_url: dict[str, None]) -> None:
    taken: list[Message] = []
    down = [OSError(), OSError()]

    def own(message: Message) -> None:
        if message.event == "odd":
            raise Refused("not ours")
        if message.event == "second" and down:
            raise down.pop()
        taken.append(message)

    configure(target=own, project_key=None, **database_url)
    uuids = [track.track("ada", name, {"n": 1}) for name in ("first", "odd", "second")]
    assert track.flush(20)
    assert [(message.uuid, message.event, message.properties["n"]) for message in taken] == [
        (uuids[0], "first", 1),
        (uuids[2], "second", 1),
    ]


def test_a_flag_is_asked_of_posthog_and_that_is_an_event(configure: Configure, server: PostHogServer) -> None:
    configure()
    server.flags = {"new-home"}
    for _ in range(2):
        assert track.is_feature_enabled("new-home", "ada", groups={"team": "acme"})
    assert asyncio.run(aio.is_feature_enabled("old-home", 7, default=True))
    assert not track.is_feature_enabled("old-home", 7)
    assert track.flush()
    [event] = [event for event in server.received if event["properties"]["$feature_flag"] == "new-home"]
    assert (event["event"], event["distinct_id"], event["properties"]["$feature_flag_response"]) == (
        "$feature_flag_called",
        "ada",
        True,
    )


def test_no_flag_is_known_while_posthog_is_away(configure: Configure, server: PostHogServer) -> None:
    configure()
    server.stop()
    assert track.is_feature_enabled("new-home", "ada", default=True)
    configure(project_key=None)
    assert not track.is_feature_enabled("new-home", "ada")


def test_what_is_not_installed_is_told_once_and_events_wait(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("usertrack_track.tracker.find_spec", lambda name: None)
    caplog.set_level(logging.WARNING)
    configure()
    track.track("ada", "seen")
    for _ in range(2):
        assert not track.flush(0.01)
    told = [record.getMessage() for record in caplog.records]
    assert sum("DATABASE_URL is not used" in text for text in told) == 1
    assert sum("PostHog's SDK is not installed: events wait" in text for text in told) == 1
    assert "`pip install psycopg`" in caplog.text
    assert track.current().spool.waiting() == 1
    assert "psycopg" in sys.modules
