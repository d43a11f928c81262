"""What is the same error, whoever sent it."""

import pytest

from usertrack.live.signals.occurrence import kind_of_error, known_properties
from usertrack.server.capture.readable import Readable

SENT = "TypeError: order 4711 of ann@x.example failed (id 9f86d081-884c-4d63-a5c3-2b0b2b7a9f10, step 'pay now')"


@pytest.mark.parametrize("text", [SENT, SENT.removeprefix("TypeError: "), f"Uncaught {SENT}", Readable().text(SENT)])
def test_a_message_is_of_one_kind_from_posthog_js_from_our_script_and_from_the_seeds_endpoint(text: str) -> None:
    assert kind_of_error(text) == "order … of … failed (id …, step …)"


def test_a_fingerprint_that_posthog_has_holds() -> None:
    assert known_properties({"message": "x is 4", "fingerprint": "abc"})["fingerprint"] == "abc"
    assert known_properties({"message": "x is 4"})["fingerprint"] == "x is …"
    assert known_properties({"form": "signup"}) == {"form": "signup"}
