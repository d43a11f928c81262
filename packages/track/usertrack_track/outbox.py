"""The messages that wait for PostHog, whoever keeps them: they are leased, sent and settled."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from usertrack_track.message import Message


@dataclass(frozen=True)
class Delivery:
    """The fate of messages, by uuid: PostHog has acknowledged ``accepted``, and never takes ``refused`` (why)."""

    accepted: frozenset[str] = frozenset()
    refused: dict[str, str] = field(default_factory=dict)


class Lease(Protocol):
    """Messages that nobody else sends meanwhile. What is not settled waits on."""

    @property
    def messages(self) -> Sequence[Message]: ...

    def settle(self, delivery: Delivery) -> None: ...


class Outbox(Protocol):
    """A keeper of messages: what is appended waits until a lease has settled it."""

    def append(self, *messages: Message) -> None: ...

    def lease(self, limit: int) -> AbstractContextManager[Lease]:
        """At most ``limit`` of the oldest messages that nobody else has leased; it may be none, with some waiting."""

    def waiting(self) -> int:
        """Return how many messages are not settled, those that others have leased among them."""
