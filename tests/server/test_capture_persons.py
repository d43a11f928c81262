"""Who a distinct_id is: PostHog's merging, from the events' side (posthog-facts §7.5, §8)."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from capture_fixtures import TOKEN, Client, client, running, shared_store, store  # noqa: F401
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from usertrack.server.capture.payload import Payload, read_events
from usertrack.server.capture.persons import Resolver


def event(name: str, distinct_id: str, at: int = 0, **properties: Any) -> dict[str, Any]:
    return {
        "event": name,
        "distinct_id": distinct_id,
        "timestamp": f"2026-01-01T{at:02}:00:00Z",
        "properties": properties,
    }


def identify(distinct_id: str, anonymous: str, **set_: Any) -> dict[str, Any]:
    return event("$identify", distinct_id, **{"$anon_distinct_id": anonymous, "$set": set_})


def alias(distinct_id: str, other: str) -> dict[str, Any]:
    return event("$create_alias", distinct_id, alias=other)


def people(client: Client) -> list[set[str]]:
    """The distinct_ids of each person, from the events; the tables of persons must say the same."""
    together: dict[str, set[str]] = {}
    for distinct_id, ids in client.person_ids().items():
        assert len(ids) == 1, f"{distinct_id} is several people"
        together.setdefault(ids.pop(), set()).add(distinct_id)
    mapped = dict(client.rows("SELECT distinct_id, person_id FROM posthog.person_distinct_ids FINAL"))
    persons = {id_ for (id_,) in client.rows("SELECT id FROM posthog.persons FINAL")}
    assert set(mapped.values()) == persons
    for person, distinct_ids in together.items():
        assert {mapped.get(id_, person) for id_ in distinct_ids} == {person}
    return sorted(together.values(), key=sorted)


def test_identify_joins_the_anonymous_past(client: Client) -> None:
    client.send(event("visit", "anon", 1))
    client.send(event("visit", "bob", 2))
    client.send(identify("bob", "anon", email="b@x.example"))
    client.send(event("visit", "anon", 3))
    assert people(client) == [{"anon", "bob"}]
    assert client.persons() == {"anon": {"email": "b@x.example"}, "bob": {"email": "b@x.example"}}


def test_a_clock_that_was_set_back_loses_no_merge(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.send(event("visit", "anon", 1))
    client.send(event("visit", "bob", 2))
    client.person_ids()  # they are stored
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() - 3600 * 10**9)
    client.send(identify("bob", "anon", email="b@x.example"))
    assert people(client) == [{"anon", "bob"}]


def test_a_clock_that_jumped_ahead_and_was_set_right_loses_no_change(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns
    for hours, plan in ((0, "trial"), (1, "paid"), (0, "free")):
        monkeypatch.setattr(time, "time_ns", lambda: now() + hours * 3600 * 10**9)  # noqa: B023
        client.send(identify("bob", "anon", plan=plan))
        client.person_ids()  # they are stored
    assert client.persons()["bob"] == {"plan": "free"}
    assert client.rows("SELECT count() FROM posthog.events") == [[3]]


def test_the_same_within_one_batch(client: Client) -> None:
    client.send(
        event("visit", "anon"), identify("bob", "anon", n=1), event("visit", "anon"), identify("bob", "phone", n=2)
    )
    client.send(event("visit", "phone"))
    assert people(client) == [{"anon", "bob", "phone"}]
    assert client.persons()["phone"] == {"n": 2}


def test_identify_does_not_join_two_identified_people(client: Client) -> None:
    client.send(identify("bob", "a1"), identify("eve", "a2"))
    client.send(identify("eve", "bob"), alias("eve", "a1"))
    assert people(client) == [{"bob"}, {"eve"}]
    assert client.persons().keys() == {"bob", "a1", "eve", "a2"}


def test_merge_dangerously_always_joins(client: Client) -> None:
    client.send(identify("bob", "a1", plan="free", age=3), identify("eve", "a2", plan="pro"))
    client.send(event("visit", "a1"), event("$merge_dangerously", "eve", alias="bob"))
    assert people(client) == [{"a1", "bob", "eve"}]
    assert client.persons()["a1"] == {"plan": "pro", "age": 3}


def test_alias(client: Client) -> None:
    client.send(event("visit", "a"), event("visit", "b"), alias("a", "b"), alias("a", "c"))
    client.send(event("visit", "c"))
    assert people(client) == [{"a", "b", "c"}]


def test_chains_of_merges_in_one_batch(client: Client) -> None:
    client.send(*(event("visit", id_) for id_ in "abcd"))
    client.send(alias("b", "a"), alias("d", "c"), event("$merge_dangerously", "d", alias="b"), event("visit", "a"))
    assert people(client) == [{"a", "b", "c", "d"}]


def test_a_merge_takes_along_ids_it_does_not_name(client: Client) -> None:
    client.send(alias("b", "a"), event("visit", "a"))
    client.send(event("$merge_dangerously", "c", alias="b"))
    client.send(event("visit", "a"))
    assert people(client) == [{"a", "b", "c"}]


def test_ids_of_nobody_do_not_merge(client: Client) -> None:
    client.send(identify("bob", "null"), identify("eve", "undefined"), alias("None", "bob"), identify("bob", "bob"))
    assert people(client) == [{"None"}, {"bob"}, {"eve"}]


def test_the_earlier_birth_and_the_survivors_properties_win(client: Client) -> None:
    client.send(event("visit", "anon", 1, **{"$set": {"city": "Ulm", "dog": True}}))
    client.send(event("visit", "bob", 5, **{"$set": {"city": "Bonn"}}))
    client.send(identify("bob", "anon"))
    assert client.rows("SELECT toString(created_at), properties, is_identified FROM posthog.persons FINAL") == [
        ["2026-01-01 01:00:00.000000", {"city": "Bonn", "dog": True}, True]
    ]


def test_set_once_keeps_set_overwrites_unset_removes(client: Client) -> None:
    client.send(event("e", "d", **{"$set": {"a": 1, "b": 1}, "$set_once": {"c": 1}}))
    client.send(event("e", "d", **{"$set": {"a": 2}, "$set_once": {"a": 3, "c": 3, "d": 3}}))
    client.send({**event("e", "d"), "$unset": ["b", "never"]}, {**event("e", "d"), "$set": {"top": "level"}})
    assert client.persons() == {"d": {"a": 2, "c": 1, "d": 3, "top": "level"}}


def test_an_event_without_profile_leaves_no_person(client: Client) -> None:
    client.send(event("visit", "ghost", **{"$process_person_profile": False, "$set": {"a": 1}}))
    assert client.persons() == {}
    assert client.rows("SELECT person_mode, properties FROM posthog.events") == [
        ["propertyless", {"$process_person_profile": False}]
    ]
    client.send(identify("bob", "ghost"))
    client.send(event("visit", "ghost", **{"$process_person_profile": False}))
    assert people(client) == [{"bob", "ghost"}]


def test_last_seen_moves_at_most_hourly(client: Client) -> None:
    for hour, minute in ((1, 0), (1, 59), (3, 0)):
        client.send({**event("e", "d", **{"$set": {"x": hour}}), "timestamp": f"2026-01-01T{hour:02}:{minute:02}:00Z"})
    assert client.rows("SELECT toString(last_seen_at), properties FROM posthog.persons FINAL") == [
        ["2026-01-01 03:00:00.000000", {"x": 3}]
    ]


def test_last_seen_does_not_lose_properties(client: Client) -> None:
    client.send(event("e", "d", 1, **{"$set": {"x": 1}}))
    client.send(event("e", "d", 9))
    client.send(alias("d", "other"))
    assert client.persons() == {"d": {"x": 1}, "other": {"x": 1}}


def test_a_crash_before_the_events_are_written_heals(client: Client) -> None:
    client.send(event("visit", "anon", 1, **{"$set": {"a": 1}}), event("visit", "phone", 1))
    lost = [{**sent, "uuid": str(uuid.uuid4())} for sent in (identify("bob", "anon", b=2), alias("bob", "phone"))]
    body = json.dumps({"api_key": TOKEN, "batch": lost}).encode()
    Resolver(client.store, TOKEN, read_events(Payload(body), TOKEN, datetime.now(UTC)).events).resolve()
    client.send(*lost)
    assert people(client) == [{"anon", "bob", "phone"}]
    assert client.persons()["phone"] == {"a": 1, "b": 2}
    assert client.rows("SELECT count() FROM posthog.events") == [[4]]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["visit", "ghost", "set", "$identify", "$create_alias", "$merge_dangerously"]),
        st.sampled_from("abcde"),
        st.sampled_from("abcde"),
    ),
    max_size=12,
)


def events_of(steps: list[tuple[str, str, str]], world: str) -> list[dict[str, Any]]:
    """``steps`` as events of people whose ids start with ``world``."""
    kinds = {
        "ghost": lambda _, number: {"$process_person_profile": False},
        "set": lambda _, number: {"$set": {"last": number, f"n{number}": True}, "$set_once": {"first": number}},
        "$identify": lambda other, number: {"$anon_distinct_id": world + other, "$set": {"identified": number}},
        "$create_alias": lambda other, _: {"alias": world + other},
        "$merge_dangerously": lambda other, _: {"alias": world + other},
    }
    return [
        event(kind, world + who, number, **kinds.get(kind, lambda *_: {})(other, number))
        for number, (kind, who, other) in enumerate(steps)
    ]


Ids = dict[str, set[str]]
Persons = dict[str, dict[str, object]]


def outcome(person_ids: Ids, persons: Persons, world: str) -> tuple[Any, Any]:
    together: dict[str, set[str]] = {}
    for distinct_id, ids in person_ids.items():
        if distinct_id.startswith(world):
            together.setdefault(",".join(sorted(ids)), set()).add(distinct_id.removeprefix(world))
    of_world = {id_.removeprefix(world): properties for id_, properties in persons.items() if id_.startswith(world)}
    return sorted(map(sorted, together.values())), of_world


@pytest.mark.slow
@given(steps=STEPS, worlds=st.uuids())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_how_events_are_batched_changes_nothing(running: Client, steps: Any, worlds: uuid.UUID) -> None:
    batched, one_by_one = f"{worlds}-1-", f"{worlds}-2-"
    if steps:
        running.send(*events_of(steps, batched))
    for single in events_of(steps, one_by_one):
        running.send(single)
    person_ids, persons = running.person_ids(), running.persons()
    assert outcome(person_ids, persons, batched) == outcome(person_ids, persons, one_by_one)
    assert all(len(ids) == 1 for ids in person_ids.values()), "several people for one id"
