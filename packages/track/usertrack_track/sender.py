"""PostHog's end: the SDK makes the events, and one request of it takes a batch of them."""

from __future__ import annotations

import contextvars
import importlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from usertrack_track.loading import before_forks
from usertrack_track.message import Message
from usertrack_track.outbox import Delivery

if TYPE_CHECKING:
    import requests
    from posthog import Posthog

Event = dict[str, Any]  # as the SDK sends it

_BATCH_BYTES = 5 * 1024 * 1024
_EVENT_BYTES = 900 * 1024  # beyond this, the SDK itself would drop it
_OUR_EVENTS_FAULT = {400, 413, 422}
REQUEST_SECONDS = 15.0
_OVER_QUOTA_SECONDS = 300.0


class NotDelivered(Exception):  # noqa: N818 - reads as a sentence
    """PostHog could not be reached, or did not acknowledge. ``retry_after``: seconds that it asked us to wait.

    ``delivery`` is what of the batch had been settled before.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.delivery = Delivery()


class Sender:
    """Sends messages to one project. ``send`` returns once PostHog has answered."""

    name = "PostHog"

    def __init__(self, project_key: str, host: str, client: Posthog | None = None) -> None:
        """``client`` is the product's own: its events are as those that it would send."""
        self._events: list[Event] = []
        self._seconds = REQUEST_SECONDS
        self._key = project_key
        with before_forks:  # the SDK looks for the name of the system once, under a lock, as modules are loaded
            for name in ("netrc", "encodings.ascii", "encodings.idna"):  # which the first request would load
                importlib.import_module(name)
            import posthog

            # it never sends by itself: only from batch_post we learn what was acknowledged
            self._sdk = posthog.Posthog(
                project_key,
                host=host,
                sync_mode=True,
                send=False,
                before_send=self._gather(client.before_send if client else None),
                super_properties=client.super_properties if client else None,
                disable_geoip=client.disable_geoip if client else True,
            )
            self._sdk.capture("the first event takes longest")

    def send(self, messages: Sequence[Message], seconds: float = REQUEST_SECONDS) -> Delivery:
        """Return what PostHog took and what it refuses for good; it has ``seconds`` to answer a request.

        Raises NotDelivered, with what PostHog had taken till then.
        """
        self._seconds = seconds
        events = contextvars.Context().run(self._make_events, messages)  # without the tags of whoever calls flush()
        sizes = {event["uuid"]: len(json.dumps(event, default=str)) for event in events}
        refused = {uuid: "larger than 900 KiB" for uuid, size in sizes.items() if size > _EVENT_BYTES}
        unmade = {message.uuid for message in messages} - {event["uuid"] for event in events}
        refused |= dict.fromkeys(unmade, "PostHog's SDK takes no such event")
        accepted: set[str] = set()
        try:
            for batch in _batches([event for event in events if event["uuid"] not in refused], sizes):
                refused |= self._post(batch)
                accepted |= {event["uuid"] for event in batch} - refused.keys()
        except NotDelivered as error:
            error.delivery = Delivery(frozenset(accepted), refused)
            raise
        return Delivery(frozenset(accepted), refused)

    def _gather(self, change: Callable[[Event], Event | None] | None) -> Callable[[Event], None]:
        """Return a function that keeps each event of the SDK, as ``change`` of the product's client makes it."""

        def gather(event: Event) -> None:
            changed = change(event) if change else event
            if changed is not None:
                self._events.append(changed)

        return gather

    def _make_events(self, messages: Sequence[Message]) -> list[Event]:
        self._events.clear()
        for message in messages:
            with suppress(Exception):  # what is no event is refused, as any other that the SDK does not take
                self._make_event(message)
            time.sleep(0)  # lets a request go first: Python would make it wait for up to 5 ms
        return list(self._events)

    def _make_event(self, message: Message) -> None:
        properties = message.properties
        same = {"timestamp": datetime.fromisoformat(message.timestamp), "uuid": message.uuid}
        if message.event == "$create_alias":
            self._sdk.alias(properties["distinct_id"], properties["alias"], **same)
        elif message.event == "$groupidentify":
            group = properties["$group_type"], properties["$group_key"], properties["$group_set"]
            self._sdk.group_identify(*group, distinct_id=message.distinct_id, **same)
        else:
            self._sdk.capture(message.event, distinct_id=message.distinct_id, properties=properties, **same)

    def _post(self, batch: Sequence[Event]) -> dict[str, str]:
        """Why PostHog refuses which of ``batch``; where one is at fault, the others are sent without it."""
        reason = self._refusal(batch)
        if reason is None:
            return {}
        if len(batch) == 1:
            return {batch[0]["uuid"]: reason}
        half = len(batch) // 2
        return self._post(batch[:half]) | self._post(batch[half:])

    def _refusal(self, batch: Sequence[Event]) -> str | None:
        """Why PostHog refuses the batch for good, or None when it took it. Raises NotDelivered for all else."""
        import requests
        from posthog.request import APIError, batch_post

        try:
            answer = batch_post(self._key, self._sdk.host, gzip=True, timeout=self._seconds, batch=list(batch))
        except APIError as error:
            if error.status in _OUR_EVENTS_FAULT:
                return f"HTTP {error.status}"
            raise NotDelivered(f"PostHog answered HTTP {error.status}", error.retry_after) from None
        except requests.exceptions.RequestException as error:
            raise NotDelivered(f"PostHog cannot be reached ({type(error).__name__})") from None
        if "events" in _quota_limited(answer):
            raise NotDelivered("PostHog's billing limit drops events", _OVER_QUOTA_SECONDS)
        return None


def _quota_limited(answer: requests.Response) -> Sequence[str]:
    try:
        document = answer.json()
    except ValueError:
        return ()
    return document.get("quota_limited") or () if isinstance(document, dict) else ()


def _batches(events: Sequence[Event], sizes: Mapping[str, int]) -> Iterator[list[Event]]:
    batch: list[Event] = []
    size = 0
    for event in events:
        if batch and size + sizes[event["uuid"]] > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += sizes[event["uuid"]]
    if batch:
        yield batch
