"""On what people are: by the browser's own line, in the words of posthog-js."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

from typing import Any

import pytest
from capture_fixtures import TOKEN, Client, client, shared_store, store  # noqa: F401

from usertrack.server.capture.user_agent import device_of

MAC, PHONE = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X)"
WEBKIT, CHROME = "AppleWebKit/605.1.15 (KHTML, like Gecko)", "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0"


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (f"{MAC} {WEBKIT} Version/17.1 Safari/605.1.15", "Safari, Mac OS X, Desktop"),
        (f"{PHONE} {WEBKIT} Version/17.1 Mobile/15E148 Safari/604.1", "Mobile Safari, iOS, Mobile"),
        (f"{PHONE} {WEBKIT} CriOS/130.0 Mobile/15E148 Safari/604.1", "Chrome iOS, iOS, Mobile"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36", "Chrome, Windows, Desktop"),
        (f"Mozilla/5.0 (Windows NT 10.0) {CHROME} Safari/537.36 Edg/130.0.0.0", "Microsoft Edge, Windows, Desktop"),
        (f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {CHROME} Mobile Safari/537.36", "Chrome, Android, Mobile"),
        (f"Mozilla/5.0 (Linux; Android 14; SM-X710) {CHROME} Safari/537.36", "Chrome, Android, Tablet"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox, Linux, Desktop"),
        ("Mozilla/5.0 (iPad; CPU OS 17_1 like Mac OS X) FxiOS/130.0 Mobile", "Firefox iOS, iOS, Tablet"),
        ("curl/8.5.0", ""),
        ("", ""),
    ],
)
def test_the_names_are_those_of_posthog_js(user_agent: str, device: str) -> None:
    assert ", ".join(device_of(user_agent).values()) == device


def test_events_of_our_script_have_them_and_those_of_an_sdk_stay_as_they_are(client: Client) -> None:
    chrome = {"User-Agent": f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36"}
    for lib, own in (("usertrack.js", {}), ("usertrack.js", {"$os": "BeOS"}), ("posthog-python", {})):
        event = {"event": "seen", "distinct_id": "ann", "properties": {"$lib": lib, **own}}
        client.http.post("/batch/", json={"api_key": TOKEN, "batch": [event]}, headers=chrome)
    stored: list[Any] = [row[0] for row in client.rows("SELECT properties FROM posthog.events")]
    assert sorted(each.get("$os", "none") for each in stored) == ["BeOS", "Windows", "none"]
