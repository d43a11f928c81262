"""One HTTP attempt, shared by the channels that speak HTTP. The outbox repeats attempts."""

import json
from collections.abc import Callable

import httpx

from usertrack import __version__
from usertrack.core.errors import ConnectionFailed, UsertrackError
from usertrack.delivery.post import Delivery, plain_refusal, status_of
from usertrack.render import safe

JSON = {"Content-Type": "application/json; charset=utf-8", "User-Agent": f"usertrack/{__version__}"}
_CLOSED = {401, 403, 404, 405, 410}


def delivery_to(receiver: str, refusal: Callable[[httpx.Response], UsertrackError] | None = None) -> Delivery:
    """For `post_once`. ``refusal`` makes the error of an answer that is neither success nor worth a retry."""
    return Delivery(receiver, refusal or _by_status(receiver), _silent, repeatable=True, longest_wait=float("inf"))


def _by_status(receiver: str) -> Callable[[httpx.Response], UsertrackError]:
    """Either the address is wrong, which may be mended, or this message is."""

    def refusal(response: httpx.Response) -> UsertrackError:
        if response.status_code in _CLOSED:
            return ConnectionFailed(f"{receiver} takes no messages: {status_of(response)}", "is the address right?")
        return plain_refusal(response, receiver)

    return refusal


def json_bytes(body: object) -> bytes:
    return safe.utf8(json.dumps(body, ensure_ascii=False))


def _silent(message: str, *, passing: bool = False, unseen: bool = False) -> None:
    pass
