"""PostHog is slow, limits, fails, refuses, is away and comes back; relays are several: each event arrives once."""

import socket
import threading
import time
from contextlib import suppress
from typing import Any

import psycopg
import pytest

import usertrack_track as track
from tests.track.conftest import Configure
from tests.track.posthog_server import PostHogServer
from usertrack_track import relay, sender
from usertrack_track.configuration import Configuration
from usertrack_track.message import make_message
from usertrack_track.tracker import Tracker

VALID = make_message("of another row", "ada", {}).to_json()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "LONGEST_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(relay, "POLL_SECONDS", 0.02)


@pytest.fixture(params=["postgres", "files"])
def anywhere(request: pytest.FixtureRequest, configure: Configure, db: "psycopg.Connection[Any]") -> None:
    """Events wait in the database, or in files without one."""
    configure() if request.param == "postgres" else configure(database_url=None)


@pytest.fixture
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long flush() would have slept."""
    slept: list[float] = []
    monkeypatch.setattr(relay.time, "sleep", slept.append)
    return slept


def test_429_and_errors_of_the_server_are_waited_out(
    anywhere: None, server: PostHogServer, no_sleep: list[float]
) -> None:
    uuids = {track.track("ada", "seen", {"n": n}) for n in range(3)}
    server.answers = [(429, {"Retry-After": "7"}), (503, {}), (408, {}), (401, {}), (404, {})]
    assert track.flush(60)
    assert server.requests == 6
    assert max(no_sleep) == 7
    assert dict(server.uuids()) == dict.fromkeys(uuids, 1)


def test_posthog_goes_and_comes_back(anywhere: None, server: PostHogServer) -> None:
    first = track.track("ada", "before")
    assert track.flush()
    server.stop()
    second = track.track("ada", "meanwhile")
    assert not track.flush(0.1)
    server.start()
    assert track.flush()
    assert dict(server.uuids()) == {first: 1, second: 1}


def test_more_than_a_batch_arrives_in_order(anywhere: None, server: PostHogServer) -> None:
    uuids = [track.track("ada", "seen") for _ in range(250)]
    assert track.flush()
    assert [event["uuid"] for event in server.received] == uuids
    assert server.requests == 3


def test_one_refused_event_keeps_no_other(
    anywhere: None, server: PostHogServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.refuses = {"bad"}
    refused = [track.track("ada", "bad" if n == 5 else "good") for n in range(20)][5]
    track.track("ada", "huge", {"text": "x" * 1_000_000})
    assert track.flush()
    assert len(server.named("good")) == 19
    assert f"PostHog takes no event {refused} (HTTP 400)" in caplog.text
    assert "(larger than 900 KiB)" in caplog.text
    requests = server.requests
    assert track.flush()
    assert server.requests == requests


def test_a_refused_event_stays_in_the_outbox_with_the_reason(
    configure: Configure, db: "psycopg.Connection[Any]", server: PostHogServer
) -> None:
    configure()
    server.refuses = {"bad"}
    track.track("ada", "bad")
    assert track.flush()
    assert db.execute("SELECT refusal FROM usertrack.outbox").fetchall() == [("HTTP 400",)]


@pytest.mark.parametrize("document", ["{}", "[]", "7", "null", '{"uuid": 7, "timestamp": "now"}', VALID])
def test_a_row_that_is_no_event_keeps_no_other(
    configure: Configure, db: "psycopg.Connection[Any]", server: PostHogServer, document: str
) -> None:
    configure()
    db.execute("INSERT INTO usertrack.outbox (id, message) VALUES (gen_random_uuid(), %s)", [document])
    track.track("ada", "seen")
    assert track.flush()
    assert db.execute("SELECT refusal FROM usertrack.outbox").fetchall() == [("no event",)]
    assert len(server.received) == 1


def test_over_quota_is_not_delivered(anywhere: None, server: PostHogServer, no_sleep: list[float]) -> None:
    server.quota_limited = True
    track.track("ada", "seen")
    assert not track.flush(1)
    server.quota_limited = False
    assert track.flush()
    assert len(server.received) == 1


def test_without_a_key_events_wait(
    configure: Configure, db: "psycopg.Connection[Any]", server: PostHogServer, caplog: pytest.LogCaptureFixture
) -> None:
    configure(project_key=None)
    track.track("ada", "seen")
    started = time.monotonic()
    assert not track.flush(60)
    assert time.monotonic() - started < 30
    assert caplog.text.count("POSTHOG_API_KEY is not set") == 1
    configure()
    assert track.flush()
    assert len(server.received) == 1


def test_the_thread_sends_by_itself_and_begins_again_after_shutdown(
    configure: Configure, db: "psycopg.Connection[Any]", server: PostHogServer
) -> None:
    configure(relay=True)
    for expected in (1, 2):
        track.track("ada", "seen")
        until(lambda expected=expected: len(server.received) == expected)
        track.shutdown()


def test_the_thread_survives_posthog_and_sees_what_others_commit(
    configure: Configure, migrated: str, db: "psycopg.Connection[Any]", server: PostHogServer
) -> None:
    configure(relay=True)
    server.answers = [(500, {})] * 3
    with psycopg.connect(migrated) as own:
        track.track("ada", "seen", connection=own)
        time.sleep(0.03)
        assert server.requests == 0
    until(lambda: len(server.received) == 1)


def test_several_relays_send_each_event_once(
    configure: Configure, migrated: str, db: "psycopg.Connection[Any]", server: PostHogServer, tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("usertrack_track.relay.BATCH", 7)
    configure()
    uuids = {track.track("ada", "seen") for _ in range(200)}
    settings = Configuration("phc_test", server.url, migrated, spool=tmp_path, relay=False)
    relays = [threading.Thread(target=drain, args=[Tracker(settings)]) for _ in range(4)]
    for thread in relays:
        thread.start()
    for thread in relays:
        thread.join()
    assert dict(server.uuids()) == dict.fromkeys(uuids, 1)


def drain(tracker: Tracker) -> None:
    tracker.flush(20)
    tracker.close(0)


def test_sent_but_not_deleted_is_sent_again_under_the_same_uuid_and_time(
    anywhere: None, server: PostHogServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    track.track("ada", "seen")
    send = sender.Sender.send

    def die(self: sender.Sender, *rest: Any) -> Any:
        send(self, *rest)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(sender.Sender, "send", die)
        track.flush()
    assert track.flush()
    first, second = server.received
    assert (first["uuid"], first["timestamp"]) == (second["uuid"], second["timestamp"])
    assert first["properties"]["$ignore_sent_at"] is True


def test_what_is_no_event_keeps_no_other(
    configure: Configure, db: "psycopg.Connection[Any]", server: PostHogServer
) -> None:
    configure()
    track.track("ada", "$groupidentify")
    track.track("ada", "$create_alias", {"alias": 7})
    track.track("ada", "seen")
    assert track.flush()
    assert [event["event"] for event in server.received] == ["seen"]


def test_flush_keeps_its_time_when_posthog_hangs(anywhere: None, server: PostHogServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server.stop()
        host = f"http://127.0.0.1:{silent.getsockname()[1]}"
        track.configure(**{**vars(track.current().configuration), "host": host})  # type: ignore[typeddict-item]
        track.track("ada", "seen")
        started = time.monotonic()
        assert not track.flush(0.2)
        assert time.monotonic() - started < 2


def test_a_long_outage_does_not_end_the_relay() -> None:
    assert relay._wait_seconds(Exception(), 1_000_000) <= 0.02 * 1.5


def test_tags_of_the_callers_context_get_into_no_event(anywhere: None, server: PostHogServer) -> None:
    import posthog

    track.track("ada", "seen")
    with posthog.new_context():
        posthog.tag("secret", "of another request")
        track.flush()
    assert "secret" not in server.received[0]["properties"]


def until(condition: Any) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
