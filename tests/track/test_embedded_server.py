"""The embedded PostHog takes what the library sends: people, groups and times are right, and twice is once."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

import usertrack_track as track
from tests.server.capture_fixtures import TOKEN, Client, client, shared_store, store  # noqa: F401
from tests.track.conftest import Configure
from tests.track.test_kills import run_killed
from usertrack_track.message import Message

MOMENT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@pytest.fixture
def posthog(configure: Configure, client: Client, db: "psycopg.Connection[Any]") -> Client:
    configure(project_key=TOKEN, host=str(client.http.base_url))
    return client


def test_people_groups_and_times(posthog: Client) -> None:
    track.track("anon", "seen", timestamp=MOMENT)
    track.identify("bob", {"role": "admin"}, set_once={"source": "ad"}, anonymous_id="anon")
    track.alias("bob", "bob-phone")
    track.group_identify("company", "acme", {"name": "Acme"})
    track.track("bob-phone", "run", groups={"company": "acme"}, session_id="s1")
    assert track.flush()
    ids = posthog.person_ids()
    assert ids["anon"] == ids["bob"] == ids["bob-phone"]
    assert posthog.persons()["bob-phone"] == {"role": "admin", "source": "ad"}
    assert posthog.rows("SELECT key, properties.name FROM posthog.groups FINAL") == [["acme", "Acme"]]
    assert posthog.rows("SELECT $group_0, properties.`$session_id` FROM posthog.events WHERE event = 'run'") == [
        ["acme", "s1"]
    ]
    ((at,),) = posthog.rows("SELECT toUnixTimestamp(timestamp) FROM posthog.events WHERE event = 'seen'")
    assert int(str(at)) == MOMENT.timestamp()


def test_twice_is_once(posthog: Client, db: "psycopg.Connection[Any]") -> None:
    track.track("ada", "seen", {"n": 1})
    rows = db.execute("SELECT message FROM usertrack.outbox").fetchall()
    for _ in range(2):
        assert track.flush()
        track.current().spool.append(Message.from_json(rows[0][0]))
        db.execute("TRUNCATE usertrack.event")  # or the database would know it
    assert track.flush()
    assert posthog.rows("SELECT count() FROM posthog.events") == [[1]]


@pytest.mark.slow
def test_after_kills_both_ends_have_the_same(
    posthog: Client, migrated: str, db: "psycopg.Connection[Any]", tmp_path: Path
) -> None:
    returned = run_killed(200, str(posthog.http.base_url), migrated, tmp_path / "spool")
    assert track.flush(120)
    stored = {str(uuid) for (uuid,) in db.execute("SELECT id FROM usertrack.event")}
    arrived = [uuid for (uuid,) in posthog.rows("SELECT uuid FROM posthog.events")]
    assert len(arrived) == len(set(arrived))
    assert set(map(str, arrived)) == stored
    assert returned - stored == set()
