"""PostHog's persons over HTTP, in its shapes; and the visitor's address, which is hashed or not kept."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from capture_fixtures import SETTINGS, Client, client, shared_store, store, wait_until

from usertrack.server.capture.payload import Payload, read_events
from usertrack.server.database.execute import run
from usertrack.server.database.store import Store

__all__ = ["client", "shared_store", "store"]
PERSONS = "/api/projects/1/persons/"
KEY = {"Authorization": f"Bearer {SETTINGS.personal_api_key}"}


@pytest.fixture
def ann(client: Client) -> str:
    for name in ("ann", "bob"):
        email = {"$set": {"email": f"{name}@x.example"}}
        client.send(*({"event": "seen", "distinct_id": name, "properties": email} for _ in range(3)))
    client.send({"event": "$identify", "distinct_id": "ann", "properties": {"$anon_distinct_id": "anon"}})
    id_: str = listed(client, email="ann@x.example")["results"][0]["uuid"]
    return id_


def ask(client: Client, method: str, path: str = "", **options: object) -> httpx.Response:
    return client.http.request(method, PERSONS + path, headers=KEY, **options)  # type: ignore[arg-type]


def listed(client: Client, **params: str) -> dict[str, list[dict[str, str]]]:
    page: dict[str, list[dict[str, str]]] = ask(client, "GET", params=params).json()
    return page


def test_listed_and_read(client: Client, ann: str) -> None:
    for params in ({"email": "ann@x.example"}, {"distinct_id": "anon"}, {"search": "ANN@"}):
        assert [each["uuid"] for each in listed(client, **params)["results"]] == [ann]
    assert listed(client, email="nobody@x.example")["results"] == []
    assert listed(client, limit="1", include_total="true")["count"] == 2  # type: ignore[comparison-overlap]
    person = ask(client, "GET", f"{ann}/").json()
    assert (person["name"], sorted(person["distinct_ids"])) == ("ann@x.example", ["ann", "anon"])
    assert person["properties"] == {"email": "ann@x.example"}
    for wrong in ("00000000-0000-0000-0000-000000000001/", "x/", "{00000000-0000-0000-0000-000000000001}/"):
        assert ask(client, "GET", wrong).status_code == 404
    assert ask(client, "GET", f"urn:uuid:{ann.upper()}/").json() == person


@pytest.mark.parametrize("many", [True, False])
def test_deleted_with_events(client: Client, ann: str, many: bool) -> None:  # noqa: FBT001
    if many:
        answer = ask(client, "POST", "bulk_delete/", json={"distinct_ids": ["anon"], "delete_events": True})
        assert answer.json()["persons_deleted"] == 1
    else:
        answer = ask(client, "DELETE", f"{ann}/?delete_events=false")  # PostHog looks at its presence alone
    assert answer.status_code == 202
    wait_until(lambda: not ask(client, "GET", "deletion_status/?status=pending").json()["results"])
    assert [each["person_uuid"] for each in ask(client, "GET", f"deletion_status/?person_uuid={ann}").json()["results"]]
    assert client.rows("SELECT distinct_id, count() FROM posthog.events GROUP BY 1") == [["bob", 3]]
    assert ask(client, "GET", f"{ann}/").status_code == 404
    assert client.rows("SELECT distinct_id FROM posthog.person_distinct_ids FINAL") == [["bob"]]


@pytest.mark.parametrize("body", [{}, {"ids": ["x"], "distinct_ids": ["y"]}, {"ids": ["x"] * 1001}, {"ids": "x"}])
def test_wrong_requests(client: Client, ann: str, body: dict[str, object]) -> None:
    assert ask(client, "POST", "bulk_delete/", json=body).status_code == 400
    assert len(listed(client)["results"]) == 2


def test_no_address_is_kept(client: Client, store: Store) -> None:
    of_person = {"$ip": "1.2.3.4", "$initial_ip": "1.2.3.4", "plan": "pro"}
    client.send({"event": "seen", "distinct_id": "ann", "properties": {"$ip": "1.2.3.4", "$set": of_person}})
    assert "1.2.3.4" not in str(store.rows("SELECT properties FROM posthog.events"))
    assert client.persons() == {"ann": {"plan": "pro"}}


def test_or_a_hash_of_it() -> None:
    from datetime import UTC, datetime

    from usertrack.core.pseudonyms import Pseudonyms

    body = json.dumps({"api_key": "t", "event": "seen", "distinct_id": "ann"}).encode()
    hashed = Pseudonyms(b"key").of_id
    (event,) = read_events(Payload(body, remote="1.2.3.4"), "t", datetime.now(UTC), hashed).events
    assert event.properties["$ip"] == hashed("1.2.3.4")
    assert "1.2.3.4" not in str(event)


def test_queries_go_on_while_what_was_deleted_goes_from_the_disk(client: Client, store: Store, ann: str) -> None:
    with ThreadPoolExecutor(1) as executor:
        purged = executor.submit(lambda: [store.purge(["events", "person_distinct_ids", "persons"]) for _ in range(3)])
        counts = set()
        while not purged.done():
            counts.add(run(store, "SELECT count() FROM posthog.events, posthog.persons FINAL", "TSV"))
        purged.result()
    assert len(counts) == 1
