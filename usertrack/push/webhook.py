"""The target `webhook`: JSON documents, POSTed to your own server. Equal documents have the same Idempotency-Key.

A receiver that remembers the keys may get the same document twice: after a failure, or from two cron jobs.
"""

import hashlib
import json
from collections.abc import Iterator
from itertools import islice

import httpx

from usertrack import __version__
from usertrack.core.errors import UsertrackError
from usertrack.core.json_types import JsonObject
from usertrack.core.notify import Notify
from usertrack.delivery.post import Delivery, masked, plain_refusal, require_address
from usertrack.engine.runner import Runner
from usertrack.push.audience import PushAudience
from usertrack.push.order import PushOrder, PushOutcome, Request
from usertrack.render import safe, text

VERSION = 1
"""Of the documents: adding a field keeps the version, changing one makes a new version."""

BATCH = 1000
"""People in one document."""


def check(order: PushOrder) -> None:
    if _url(order) or not order.dry_run:
        require_address(_url(order), "the webhook", _hint(order))


def push(audience: PushAudience, order: PushOrder, runner: Runner, notify: Notify) -> PushOutcome:
    """POST all people, `BATCH` at a time; nothing for an empty segment. Raises a UsertrackError at a refusal."""
    documents = list(_documents(audience))
    contents = [safe.utf8(json.dumps(document, ensure_ascii=False, separators=(",", ":"))) for document in documents]
    headers = [_headers(document) for document in documents]
    details = {"batches": len(documents), "idempotency_keys": [header["Idempotency-Key"] for header in headers]}
    if order.dry_run:
        pairs = zip(headers, documents, strict=True)
        requests = tuple(Request("POST", masked(_url(order)), header, document) for header, document in pairs)
        return PushOutcome(len(audience.people), requests=requests, details=details)
    url = require_address(_url(order), "the webhook", _hint(order))
    delivery = Delivery("the webhook", _refusal, notify, order.pause, repeatable=True)
    for number, (content, header) in enumerate(zip(contents, headers, strict=True), start=1):
        notify(f"sending document {number} of {len(contents)}", passing=True)
        try:
            delivery.post(url, content, header)
        except UsertrackError as error:
            raise _error_at(error, number, len(contents), audience) from error
    return PushOutcome(len(audience.people), details=details)


def _url(order: PushOrder) -> str | None:
    url: str | None = order.url or order.settings["webhook.url"]
    return url


def _hint(order: PushOrder) -> str:
    if order.url:
        return "--url takes the whole address, such as https://hooks.acme.example/usertrack"
    return "set USERTRACK_WEBHOOK_URL, or webhook.url in usertrack.yaml"


def _documents(audience: PushAudience) -> Iterator[dict[str, object]]:
    people = iter(audience.people)
    batches = -(-len(audience.people) // BATCH)
    segment = audience.segment
    for number in range(1, batches + 1):
        yield text.plain(
            {
                "version": VERSION,
                "type": "usertrack.segment",
                "set": audience.segment_set.name,
                "segment": {"id": segment.id, "name": segment.name, "action": segment.action},
                "as_of": audience.as_of,
                "total": audience.total,
                "members": audience.members,
                **({"filter": audience.filter} if audience.filter else {}),
                "batch": {"number": number, "of": batches},
                "people": [
                    {
                        **audience.names(person),
                        "priority": person.priority,
                        "reason": person.reason,
                        "evidence": person.facts,
                    }
                    for person in islice(people, BATCH)
                ],
            }
        )


def _headers(document: JsonObject) -> dict[str, str]:
    """The key leaves ``as_of`` out: a push of the same people a moment later has the same key."""
    content = safe.utf8(json.dumps({**document, "as_of": None}, ensure_ascii=False))
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": f"usertrack/{__version__}",
        "Idempotency-Key": hashlib.sha256(content).hexdigest()[:32],
    }


def _refusal(response: httpx.Response) -> UsertrackError:
    return plain_refusal(response, "the webhook")


def _error_at(error: UsertrackError, number: int, total: int, audience: PushAudience) -> UsertrackError:
    """``error`` with the number of the document, and how to send the same again."""
    if total == 1:
        return error
    hint = f"{error.hint}; sent again as of {text.plain(audience.as_of)}, what has arrived keeps its Idempotency-Key"
    return type(error)(f"{error.message}, at document {number} of {total}", hint)
