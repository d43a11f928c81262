"""What people did not mean to send is not stored, and what says what they did stays readable."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

import random
import re
import string
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from capture_fixtures import SETTINGS, TOKEN, AppThread, Client, client, shared_store, store  # noqa: F401
from secrets_of_people import events_of, secrets, stays

from usertrack.server.capture.readable import Readable
from usertrack.server.database.set_aside import REFUSED
from usertrack.server.database.store import Store

ROUTES = [
    line for line in Path(__file__).with_name("routes_of_products.txt").read_text().splitlines() if line[0] != "#"
]
LABELS = Path(__file__).with_name("labels_of_products.txt").read_text().splitlines()
WORD = string.ascii_letters + string.digits


def stored(client: Client, sent: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a query returns of the events that were sent, in their order."""
    for event in sent:
        event["uuid"] = str(uuid4())
    client.send(*sent)
    rows = client.rows("SELECT uuid, event, properties FROM posthog.events")
    by_uuid: dict[str, Any] = {str(uuid): {"event": name, **properties} for uuid, name, properties in rows}  # type: ignore[dict-item]
    return [by_uuid[event["uuid"]] for event in sent]


def of_page(event: str, **properties: Any) -> dict[str, Any]:
    return {"event": event, "distinct_id": "ann", "properties": {"$lib": "usertrack.js", **properties}}


def test_none_of_200_secrets_in_12_places_is_stored(client: Client) -> None:
    sent = [(secret, place, event) for secret in secrets() for place, event in events_of(secret)]
    for number, (_, _, event) in enumerate(sent):
        event["distinct_id"] = f"p{number}"
    kept = stored(client, [event for _, _, event in sent])
    persons = client.persons()
    assert len(sent) == 200 * 12
    leaks = [
        (secret.kind, place, text)
        for (secret, place, event), properties in zip(sent, kept, strict=True)
        if secret.is_in(text := f"{properties} {persons[event['distinct_id']]}") and not stays(secret, place)
    ]
    assert leaks == []


def test_95_of_100_routes_and_labels_of_products_stay_readable(client: Client) -> None:
    assert (len(ROUTES) >= 500, len(LABELS) >= 300) == (True, True)
    rng = random.Random(24)
    made = {
        ":n": lambda: str(rng.randint(1, 10 ** rng.randint(1, 9))),
        ":uuid": lambda: str(uuid4()),
        ":sha": lambda: f"{rng.getrandbits(160):040x}",
        ":key": lambda: "".join(rng.choices(WORD, k=rng.randint(6, 22))),
        ":who": lambda: rng.choice(["kowalczyk", "@mueller", "ann.smith", "o-brien", "jdoe"]),
    }
    paths = [re.sub(r":\w+", lambda match: made[match[0]](), route) for route in ROUTES]
    views = stored(client, [of_page("$pageview", **{"$pathname": path}) for path in paths])
    clicks = stored(client, [of_page("$autocapture", **{"$el_text": label}) for label in LABELS])
    routes = [re.sub(r":\w+", ":id", route) for route in ROUTES]
    kept = [view["$pathname"] == route for view, route in zip(views, routes, strict=True)]
    assert sum(kept) / len(kept) >= 0.95
    kept = [click["$el_text"] == label for click, label in zip(clicks, LABELS, strict=True)]
    assert sum(kept) / len(kept) >= 0.95


@pytest.mark.parametrize(
    ("text", "readable"),
    [
        ("Save 3 files of ann@x.example", "Save 3 files of *"),
        ("Q3 report 2026 of +49 170 1234567", "Q3 report 2026 of *"),
        ("Request failed with status code 404", "Request failed with status code 404"),
        ("Cannot read properties of undefined (reading 'userId')",) * 2,
        ("Failed at (https://ann:pw@app.example/u/17/app.js?v=2:10:15)", "Failed at (https://app.example/u/:id/app.js:10:15)"),
        ("at load (https://app.example/static/app.js:10:15)",) * 2,
        ("Don’t show again…", "Don’t show again…"),
        ("GET //cdn.example/x?k=v, then /reset/kq8Zt2Vw#t.", "GET //cdn.example/x, then /reset/:id."),
    ],
)  # fmt: skip
def test_a_text_keeps_its_words_and_addresses_their_path(text: str, readable: str) -> None:
    rules = Readable()
    assert (rules.text(text), rules.text(readable)) == (readable, readable)


@pytest.mark.parametrize("number", ["030 - 123 - 456", "030–123–456", "01\u00a023\u00a045", "123;456;789", "12'34'56"])
def test_no_number_of_a_phone_stays(number: str) -> None:
    assert Readable().text(f"Call {number} now") == "Call * now"


def test_what_is_named_like_a_secret_goes_whatever_it_is(client: Client) -> None:
    secrets = {"token": "a1", "secret_key": "b2", "pass": "c3", "password": ["d4"], "creds": {"password": 12345678}}
    (kept,) = stored(client, [of_page("signed_in", **secrets, compass="north", cookie=True)])
    assert {name: kept[name] for name in secrets} == dict.fromkeys(secrets, "*") | {"creds": {"password": "*"}}
    assert (kept["compass"], kept["cookie"]) == ("north", True)


def test_ids_by_which_people_are_merged_stay(client: Client) -> None:
    (kept,) = stored(client, [of_page("$groupidentify", **{"$group_type": "team", "$group_key": "acme_4711"})])
    assert (kept["$group_type"], kept["$group_key"]) == ("team", "acme_4711")


def test_hosts_stay(client: Client) -> None:
    hosts = {"$host": "acme.example:8443", "$referring_domain": "www.kowalczyk.example"}
    direct, other = stored(client, [of_page("$pageview", **{**hosts, "$referrer": "$direct"}), of_page("x", **hosts)])
    assert direct["$referrer"] == "$direct"
    assert [{name: event[name] for name in hosts} for event in (direct, other)] == [hosts, hosts]


def test_values_that_code_named_keep_ids_and_names_and_an_email_that_is_a_trait(client: Client) -> None:
    given = {"plan": "Enterprise – Müller", "order": "ord_9f3kd82a", "team_id": "64f1c0ffee64f1c0ffee64f1", "rows": 3}
    ann = "ann@acme.example"
    sent = of_page("exported", **given, to=ann, password="hunter2", **{"$set": {"email": ann, "note": f"of {ann}"}})
    (kept,) = stored(client, [sent])
    assert {name: kept[name] for name in given} == given
    assert (kept["to"], kept["password"], kept["$set"]) == ("*", "*", {"email": ann, "note": "of *"})


def test_events_of_other_libraries_stay_as_they_are(client: Client) -> None:
    sent = {"event": "x", "distinct_id": "a", "properties": {"$lib": "web", "$pathname": "/u/kowalczyk?q=1"}}
    assert stored(client, [sent])[0]["$pathname"] == "/u/kowalczyk?q=1"


def test_declared_routes_words_and_labels_stay(store: Store) -> None:
    declared = ("# ours", "/praxis/:arzt/termine", "Speichern")
    with AppThread(store, replace(SETTINGS, declared=declared)) as server:
        client = Client(server.url, store)
        view, save, named, unnamed = stored(
            client,
            [
                of_page("$pageview", **{"$pathname": "/praxis/kowalczyk/termine"}),
                of_page("$autocapture", **{"$el_text": "Termine speichern"}),
                of_page("$autocapture", **{"$el_text": "Kowalczyk", "$el_declared": True}),
                of_page("$autocapture", **{"$el_text": "Kowalczyk"}),
            ],
        )
    assert view["$pathname"] == "/praxis/:arzt/termine"
    assert [save["$el_text"], named["$el_text"], unnamed["$el_text"]] == ["Termine speichern", "Kowalczyk", "*"]


def test_an_event_that_is_refused_is_kept_aside_without_secrets(client: Client) -> None:
    secret = secrets()[0]
    for _, event in events_of(secret):
        client.batch({**event, "uuid": "none"})
    client.batch(of_page("$identify", **{"$set": {"claimed_email": "ann@x.example"}}) | {"event": [secret.text]})
    text = (client.store.path / REFUSED).read_text()
    assert text.count("usertrack.js") == 13
    assert "ann@x.example" in text
    assert not secret.is_in(text)


def test_the_format_for_pages_without_the_script_has_the_same_rules(client: Client) -> None:
    events = [{"type": "click", "element": "button#Kowalczyk"}, {"type": "error", "message": "of Kowalczyk"}]
    client.http.post("/api/track/user-activity", json={"apiKey": TOKEN, "userId": "ann", "events": events})
    kept = client.rows("SELECT toString(properties) FROM posthog.events")
    assert len(kept) == 2
    assert "Kowalczyk" not in str(kept)
