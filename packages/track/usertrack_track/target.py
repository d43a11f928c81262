"""A function of the product's own as the destination of events, in place of PostHog."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from usertrack_track.exceptions import TrackError
from usertrack_track.message import Message
from usertrack_track.outbox import Delivery
from usertrack_track.sender import NotDelivered


class Refused(TrackError):  # noqa: N818 - reads as a sentence
    """Raised by a target that never takes an event: it is set aside, with the message as the reason."""


class FunctionDestination:
    """Hands each message to a function. An error of it means that the message waits, and those after it."""

    name = "the target"

    def __init__(self, target: Callable[[Message], object]) -> None:
        self._target = target

    def send(self, messages: Sequence[Message], seconds: float = 0) -> Delivery:
        """Return what the function took. ``seconds`` is not heeded: its limits are its own. Raises NotDelivered."""
        accepted: set[str] = set()
        refused: dict[str, str] = {}
        for message in messages:
            try:
                self._target(message)
            except Refused as error:
                refused[message.uuid] = error.message
            except Exception as error:
                failure = NotDelivered(f"the target failed ({type(error).__name__})")
                failure.delivery = Delivery(frozenset(accepted), refused)
                raise failure from error
            else:
                accepted.add(message.uuid)
        return Delivery(frozenset(accepted), refused)
