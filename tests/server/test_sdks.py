"""PostHog's own SDKs, as users have them, against a running server: every event once, persons merged."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

import json
import os
import shutil
import subprocess
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import posthog
import pytest
from browser import Site
from capture_fixtures import TOKEN, Client, client, shared_store, store, wait_until  # noqa: F401
from click_judges import posthog_js

from tests.chromium import chromium, patient  # noqa: F401
from usertrack.server.event_log.log import NotAppended

NODE_SDK = "posthog-node@5.70.0"
SCRIPT = """
const { PostHog } = require('posthog-node')
async function main() {
  const [host, token] = process.argv.slice(2)
  const client = new PostHog(token, { host, flushAt: 7 })
  for (let i = 0; i < 100; i++) client.capture({ distinctId: 'anon', event: 'click', properties: { i, path: '/a' } })
  client.identify({ distinctId: 'bob', properties: { $anon_distinct_id: 'anon', $set: { email: 'bob@x.example' } } })
  client.alias({ distinctId: 'bob', alias: 'bob-phone' })
  client.groupIdentify({ groupType: 'company', groupKey: 'acme', properties: { name: 'Acme' } })
  client.capture({ distinctId: 'bob-phone', event: 'run', groups: { company: 'acme' } })
  client.captureException(new Error('broken'), 'bob')
  const flags = await client.getAllFlags('bob')
  await client.shutdown()
  console.log(JSON.stringify(flags))
}
main()
"""
RETRY = """
const { PostHog } = require('posthog-node')
const [host, token] = process.argv.slice(2)
const client = new PostHog(token, { host, flushAt: 20, fetchRetryDelay: 200 })
for (let i = 0; i < 20; i++) client.capture({ distinctId: 'ann', event: 'click', properties: { i } })
client.shutdown()
"""
POSTHOG_PAGE = """<!doctype html><script>
const config = {
  api_host: '%s', request_batching: false, opt_out_useragent_filter: true, capture_pageview: false,
  autocapture: false, disable_session_recording: true, advanced_disable_flags: true
}
window.posthog = Object.assign([], { _i: [['%s', config, undefined]], __SV: 1 })
</script><script src=/posthog.js></script>"""


def counts(client: Client) -> dict[str, int]:
    rows = client.rows("SELECT event, count() FROM posthog.events GROUP BY event")
    assert client.rows("SELECT count() = uniqExact(uuid) FROM posthog.events") == [[1]]
    return Counter({str(event): int(count) for event, count in rows})  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "wire",
    [
        {"gzip": True},
        {"gzip": False},
        {"capture_mode": "v1"},
        {"capture_mode": "v1", "capture_compression": "gzip"},
        {"capture_mode": "v1", "capture_compression": "deflate"},
    ],
    ids=str,
)
def test_python(client: Client, wire: dict[str, Any]) -> None:
    failed: list[Exception] = []
    sdk = posthog.Posthog(
        TOKEN, host=str(client.http.base_url), flush_at=50, on_error=lambda error, _: failed.append(error), **wire
    )
    for number in range(500):
        sdk.capture("click", distinct_id="anon", properties={"i": number})
    sdk.capture("$identify", distinct_id="bob", properties={"$anon_distinct_id": "anon"})
    sdk.set(distinct_id="bob", properties={"email": "bob@x.example"})
    sdk.set_once(distinct_id="bob", properties={"email": "late@x.example", "source": "ad"})
    sdk.alias("bob", "bob-phone")
    sdk.group_identify("company", "acme", {"name": "Acme"})
    sdk.capture("run", distinct_id="bob-phone", groups={"company": "acme"})
    sdk.capture("anonymous")
    try:
        raise ValueError("broken")
    except ValueError as error:
        sdk.capture_exception(error, distinct_id="bob")
    assert not sdk.evaluate_flags("bob").is_enabled("beta")
    sdk.shutdown()
    assert failed == []
    once = ("$identify", "$set", "$set_once", "$create_alias", "$groupidentify", "run", "anonymous", "$exception")
    assert counts(client) == {"click": 500, "$feature_flag_called": 1} | dict.fromkeys(once, 1)
    check_people(client, {"email": "bob@x.example", "source": "ad"})
    assert client.rows("SELECT person_mode FROM posthog.events WHERE event = 'anonymous'") == [["propertyless"]]
    assert client.rows("SELECT DISTINCT properties.`$lib` FROM posthog.events") == [["posthog-python"]]


def no_room(bodies: object, events: int) -> int:
    raise NotAppended("database or disk is full")


def test_python_learns_what_was_dropped_and_sends_again_what_was_not_stored(
    client: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: list[Any] = []
    sdk = posthog.Posthog(
        TOKEN, host=str(client.http.base_url), capture_mode="v1", on_error=lambda error, _: failed.append(error)
    )
    append = client.store.log.append
    monkeypatch.setattr(client.store.log, "append", no_room)
    sdk.capture("kept", distinct_id="ann")
    dropped = sdk.capture("too long " * 30, distinct_id="ann")
    sending = threading.Thread(target=sdk.flush)
    sending.start()
    wait_until(lambda: "events were not taken" in caplog.text)
    monkeypatch.setattr(client.store.log, "append", append)
    sending.join()
    sdk.shutdown()
    assert counts(client) == {"kept": 1}
    assert [error.drops for error in failed] == [[(dropped, "event_name_too_long")]]


@pytest.fixture
def away(client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A server that stores the first request and is killed before it says so, then takes nothing for a while."""
    append, answers = client.store.log.append, iter(["stored", "refused"])

    def hardly(*bodies: Any) -> Any:
        if (answer := next(answers, "")) == "stored":
            append(*bodies)
        return no_room(*bodies) if answer else append(*bodies)

    monkeypatch.setattr(client.store.log, "append", hardly)
    return client


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["v0", "v1"])
def test_python_tries_again_and_all_is_stored_once(away: Client, mode: str) -> None:
    sdk = posthog.Posthog(TOKEN, host=str(away.http.base_url), capture_mode=mode)
    sent = {str(sdk.capture("click", distinct_id="ann", properties={"i": number})) for number in range(20)}
    sdk.shutdown()
    assert counts(away) == {"click": 20}
    assert {uuid for (uuid,) in away.rows("SELECT toString(uuid) FROM posthog.events")} == sent


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["v0", "v1"])
def test_node_tries_again_and_all_is_stored_once(away: Client, node_sdk: Path, mode: str) -> None:
    (script := node_sdk / "retry.js").write_text(RETRY)
    command = ["node", str(script), str(away.http.base_url), TOKEN]
    environment = {**os.environ, "POSTHOG_CAPTURE_MODE": mode}
    subprocess.run(command, env=environment, capture_output=True, timeout=120, check=True)
    assert counts(away) == {"click": 20}


@pytest.mark.slow
def test_posthog_js_tries_again_and_all_is_stored_once(away: Client, chromium: Any, tmp_path: Path) -> None:
    site = Site(str(away.http.base_url).rstrip("/"))
    try:
        site.scripts["/posthog.js"] = posthog_js(tmp_path)
    except OSError as reason:
        pytest.skip(str(reason))
    site.pages["/"] = POSTHOG_PAGE % (site.server, TOKEN)
    page = patient(chromium.new_context()).new_page()
    page.goto(site.url)
    page.wait_for_function("posthog.__loaded")
    page.evaluate("for (let i = 0; i < 20; i++) posthog.capture('click', { i })")
    for _ in range(60):
        page.wait_for_timeout(500)
        if away.rows("SELECT count() FROM posthog.events WHERE event = 'click'") == [[20]]:
            break
    page.context.close()
    site.close()
    assert counts(away)["click"] == 20


def check_people(client: Client, properties: dict[str, Any]) -> None:
    ids = client.person_ids()
    assert ids["anon"] == ids["bob"] == ids["bob-phone"]
    assert client.persons()["bob-phone"] == properties
    assert client.rows("SELECT key, properties.name FROM posthog.groups FINAL") == [["acme", "Acme"]]
    assert client.rows("SELECT $group_0 FROM posthog.events WHERE event = 'run'") == [["acme"]]
    ((exceptions,),) = client.rows("SELECT properties.`$exception_list` FROM posthog.events WHERE event = '$exception'")
    assert exceptions[0]["value"] == "broken"  # type: ignore[index]


@pytest.fixture(scope="session")
def node_sdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are needed for posthog-node")
    folder = tmp_path_factory.mktemp("node")
    install = ["npm", "install", NODE_SDK, "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
    subprocess.run(install, check=True, capture_output=True, timeout=300)
    (folder / "send.js").write_text(SCRIPT)
    return folder


@pytest.mark.parametrize("mode", [pytest.param("v0", marks=pytest.mark.slow), "v1"])
def test_node(client: Client, node_sdk: Path, mode: str) -> None:
    run = subprocess.run(
        ["node", str(node_sdk / "send.js"), str(client.http.base_url), TOKEN],
        env={**os.environ, "POSTHOG_CAPTURE_MODE": mode},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert json.loads(run.stdout) == {}
    once = dict.fromkeys(("$identify", "$create_alias", "$groupidentify", "run", "$exception"), 1)
    assert counts(client) == {"click": 100} | once
    check_people(client, {"email": "bob@x.example"})
