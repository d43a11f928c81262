"""Browsers are strangers: whose origin, how many requests, and whose signature a server takes."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from capture_fixtures import SETTINGS, TOKEN, AppThread, Client, shared_store, store  # noqa: F401
from starlette.requests import Request

from usertrack.core.errors import UsageError
from usertrack.server.capture.gate import Buckets, CaptureGate
from usertrack.server.capture.identity import FILE, new_secret, sign
from usertrack.server.capture.payload import Refused
from usertrack.server.capture.persons import MERGING
from usertrack.server.database.store import Store

NOW = datetime(2026, 11, 22, tzinfo=UTC)
APP = {"Origin": "https://app.example"}
VISITOR = str(UUID("01900000-0000-7000-8000-000000000001"))
Serving = Callable[..., Client]


@pytest.fixture
def serving(store: Store) -> Iterator[Serving]:
    with ExitStack() as servers:

        def serve(**settings: Any) -> Client:
            server = servers.enter_context(AppThread(store, replace(SETTINGS, **settings)))
            return Client(server.url, store)

        yield serve
    (store.path / FILE).unlink(missing_ok=True)


def send(client: Client, person: str, headers: dict[str, str] = APP, event: str = "seen", **properties: Any) -> int:
    body = {"event": event, "distinct_id": person, "properties": properties}
    answer = client.http.post("/batch/", json={"api_key": TOKEN, "batch": [body]}, headers=headers)
    return answer.status_code


def people(client: Client) -> list[object]:
    return [row[0] for row in client.rows("SELECT distinct_id FROM posthog.events ORDER BY distinct_id")]


def test_only_allowed_origins_may_send_and_programs_have_none(serving: Serving) -> None:
    client = serving(origins=("https://app.example",))
    assert send(client, "ann") == 200
    assert send(client, "bob", {"Origin": "https://evil.example"}) == 403
    assert send(client, "program", {}) == 200
    activity = {"apiKey": TOKEN, "userId": "eve", "events": [{"type": "route", "route": "/"}]}
    refusal = client.http.post("/api/track/user-activity", json=activity, headers={"Origin": "https://evil.example"})
    assert (refusal.status_code, refusal.json()["error"]) == (403, "this origin may not send events")
    assert people(client) == ["ann", "program"]


def test_who_sends_too_much_is_told_when_to_come_back(serving: Serving) -> None:
    client = serving(requests_per_address=0.2)
    assert send(client, "ann") == 200
    body = {"api_key": TOKEN, "batch": [{"event": "seen", "distinct_id": "ann"}]}
    answer = client.http.post("/batch/", json=body, headers=APP)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 6
    assert "Retry-After" in answer.headers["access-control-expose-headers"]
    assert send(client, "program", {}) == 200


def test_a_program_elsewhere_may_send_ten_times_as_much_and_one_here_any_number() -> None:
    gate = CaptureGate(replace(SETTINGS, requests_per_address=0.2))

    def admitted(address: str) -> int:
        request = Request({"type": "http", "method": "POST", "headers": [], "client": (address, 1234)})
        count = 0
        with suppress(Refused):
            while count < 50:
                gate.admit(request)
                count += 1
        return count

    assert [admitted(each) for each in ("203.0.113.7", "127.0.0.1", "::ffff:127.0.0.1", "")] == [10, 50, 50, 10]


def test_a_bucket_fills_again_and_forgets_who_was_quiet() -> None:
    time = [0.0]
    buckets = Buckets(2, lambda: time[0])
    assert [buckets.wait("a") for _ in range(11)] == [0] * 10 + [0.5]
    time[0] = 0.5
    assert (buckets.wait("a"), buckets.wait("b")) == (0, 0)
    for number in range(20_000):
        buckets.wait(str(number))
    assert len(buckets._levels) == 10_000


def test_a_signature_proves_the_id_and_the_whole_one_the_email_too(serving: Serving) -> None:
    client = serving()
    secret = new_secret(client.store.path / FILE, NOW, timedelta())
    claims = {"claimed_email": "ann@x.example", "claimed_subscription_tier": "paid"}
    signature = sign(secret, "ann", "ann@x.example", "paid")
    by_id = signature.partition(".")[0]
    assert send(client, "ann", event="$identify", **{"$set": claims, "$identity_signature": signature}) == 200
    assert send(client, "bob", event="$identify", **{"$set": claims, "$identity_signature": sign(secret, "bob")}) == 200
    assert send(client, "ann", **{"$identity_signature": by_id}) == 200
    assert send(client, "eve", event="$identify", **{"$set": claims, "identity_verified": True}) == 200
    persons = client.persons()
    assert persons["ann"] == {"email": "ann@x.example", "subscription_tier": "paid"}
    assert persons["bob"] == persons["eve"] == claims
    verified = "SELECT DISTINCT distinct_id, JSONExtractBool(toJSONString(properties), 'identity_verified')"
    assert client.rows(f"{verified} FROM posthog.events ORDER BY distinct_id") == [["ann", 1], ["bob", 1], ["eve", 0]]
    assert by_id not in str(client.rows("SELECT properties FROM posthog.events"))


def test_a_wrong_signature_refuses_its_events_and_no_others(serving: Serving) -> None:
    client = serving()
    new_secret(client.store.path / FILE, NOW, timedelta())
    spoofed = {"event": "seen", "distinct_id": "ann", "properties": {"$identity_signature": sign("other", "ann")}}
    batch = [spoofed, {"event": "seen", "distinct_id": "bob"}]
    answer = client.http.post("/batch/", json={"api_key": TOKEN, "batch": batch})
    assert answer.status_code == 400
    assert "signature" in answer.text
    assert people(client) == ["bob"]


def test_without_a_secret_a_signature_proves_nothing(serving: Serving) -> None:
    client = serving()
    assert send(client, "ann", **{"$identity_signature": "ab", "$set": {"claimed_email": "a@x.example"}}) == 200
    assert client.persons()["ann"] == {"claimed_email": "a@x.example"}


def test_signed_only_leaves_to_browsers_what_is_signed_or_anonymous(serving: Serving) -> None:
    client = serving(signed_only=True)
    secret = new_secret(client.store.path / FILE, NOW, timedelta())
    assert send(client, "ann", **{"$identity_signature": sign(secret, "ann")}) == 200
    assert send(client, VISITOR, **{"$set": {"email": "boss@x.example"}}) == 200
    assert send(client, "bob") == 400
    assert send(client, VISITOR, event="$identify") == 400
    assert send(client, "program", {}) == 200
    assert people(client) == [VISITOR, "ann", "program"]
    assert client.persons()[VISITOR] == {}


@pytest.mark.parametrize("event", ["$identify", "$create_alias", "$merge_dangerously"])
def test_with_signed_only_a_visitor_takes_nobody_over(serving: Serving, event: str) -> None:
    client = serving(signed_only=True)
    assert send(client, "victim", {}, "$identify", **{"$set": {"email": "v@x.example"}}) == 200
    assert send(client, VISITOR, event=event, **{MERGING[event]: "victim"}) == 400
    assert client.persons() == {"victim": {"email": "v@x.example"}}


@pytest.mark.parametrize("event", ["$identify", "$create_alias", "$merge_dangerously"])
def test_a_signature_proves_nobody_else(serving: Serving, event: str) -> None:
    client = serving()
    by_ann = {"$identity_signature": sign(new_secret(client.store.path / FILE, NOW, timedelta()), "ann")}
    assert send(client, "victim", {}) == 200
    assert send(client, "ann", event=event, **{MERGING[event]: "victim"}, **by_ann) == 400
    assert send(client, "ann", event="$identify", **{"$anon_distinct_id": VISITOR}, **by_ann) == 200
    assert set(client.persons()) == {"victim", "ann", VISITOR}
    ids = "SELECT uniqExact(person_id) FROM posthog.person_distinct_ids FINAL"
    assert client.rows(ids) == [[2]]


@pytest.mark.parametrize("kind", ["$set", "$set_once"])
def test_what_is_not_signed_is_a_claim(serving: Serving, kind: str) -> None:
    client = serving()
    secret = new_secret(client.store.path / FILE, NOW, timedelta())
    false = {kind: {"email": "ceo@big.example", "subscription_tier": "enterprise", "theme": "dark"}}
    assert send(client, "ann", **false, **{"$identity_signature": sign(secret, "ann").partition(".")[0]}) == 200
    assert send(client, "bob", **false) == 200
    claims = {"claimed_email": "ceo@big.example", "claimed_subscription_tier": "enterprise", "theme": "dark"}
    assert client.persons() == {"ann": claims, "bob": claims}


def test_a_browser_unsets_nothing_that_was_signed(serving: Serving) -> None:
    client = serving()
    secret = new_secret(client.store.path / FILE, NOW, timedelta())
    signed = {"$set": {"claimed_email": "a@x.example"}, "$identity_signature": sign(secret, "ann", "a@x.example")}
    assert send(client, "ann", **signed) == 200
    assert send(client, "ann", **{"$unset": ["email"]}) == 200
    assert client.persons() == {"ann": {"email": "a@x.example"}}


def test_with_signed_only_no_page_sets_properties_of_groups(serving: Serving) -> None:
    client = serving(signed_only=True)
    group = {"$group_type": "company", "$group_key": "acme", "$group_set": {"plan": "free"}}
    assert send(client, VISITOR, event="$groupidentify", **group) == 200
    assert client.rows("SELECT properties FROM posthog.groups FINAL") == [[{}]]


def test_an_image_on_a_page_is_a_browser(serving: Serving) -> None:
    client = serving(signed_only=True, origins=("https://app.example",), requests_per_address=0.2)
    pixel = {"data": json.dumps({"api_key": TOKEN, "event": "paid", "distinct_id": "victim"})}
    answers = [
        client.http.get("/e/", params=pixel, headers={"Referer": site})
        if site
        else client.http.get("/e/", params=pixel)
        for site in ("", "https://evil.example/a", "https://app.example/a", "https://app.example/a")
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 400, 429]
    assert people(client) == []


def test_a_new_secret_replaces_the_former_after_a_while(serving: Serving) -> None:
    client, now = serving(), datetime.now(UTC)
    path = client.store.path / FILE
    first = new_secret(path, now, timedelta())
    new_secret(path, now, timedelta(hours=1))
    assert send(client, "ann", **{"$identity_signature": sign(first, "ann")}) == 200
    new_secret(path, now - timedelta(minutes=2), timedelta(minutes=1))
    assert send(client, "ann", **{"$identity_signature": sign(first, "ann")}) == 400
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_broken_file_of_secrets_is_told_and_the_former_ones_hold(serving: Serving, tmp_path: Path) -> None:
    client = serving()
    secret = new_secret(client.store.path / FILE, NOW, timedelta())
    assert send(client, "ann", **{"$identity_signature": sign(secret, "ann")}) == 200
    (client.store.path / FILE).write_text("{")
    assert send(client, "ann", **{"$identity_signature": sign(secret, "ann")}) == 200
    (tmp_path / FILE).write_text("[1]")
    with pytest.raises(UsageError, match="cannot be read as a file of secrets"):
        new_secret(tmp_path / FILE, NOW, timedelta())


def test_the_guides_snippets_sign_as_the_server_does() -> None:
    guide = (Path(__file__).parents[2] / "docs/guide/browser.md").read_text()
    (python,), (node,) = (
        re.findall(f"^```{name}\n((?:import|const) .*?)^```", guide, re.M | re.S) for name in ("python", "js")
    )
    names: dict[str, Any] = {}
    exec(python, names)
    arguments = ["uts_secret", "ann ü", "ann@x.example", "paid"]
    assert names["signature"](*arguments) == sign(*arguments)
    if not shutil.which("node"):
        pytest.skip("node is missing")
    call = f"{node}\nprocess.stdout.write(signature(...{json.dumps(arguments)}))"
    assert subprocess.run(["node", "-e", call], capture_output=True, text=True).stdout == sign(*arguments)
