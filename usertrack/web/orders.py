"""Forms that do something: shown first, done once. A form sent twice gets the outcome of the first time."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

from usertrack.core.errors import QueryError, UsageError, UsertrackError

Value = TypeVar("Value")


class Once(Generic[Value]):
    """Calls ``make`` for whoever comes first; the others wait for it. Each gets the value, or its error."""

    def __init__(self, make: Callable[[], Value]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._outcome: list[Value | UsertrackError] = []

    def __call__(self) -> Value:
        with self._lock:
            if not self._outcome:
                self._outcome.append(self._attempt())
        [outcome] = self._outcome
        if isinstance(outcome, UsertrackError):
            raise outcome
        return outcome

    def _attempt(self) -> Value | UsertrackError:
        try:
            return self._make()
        except UsertrackError as error:
            return error


_MOST = 200  # forms that wait to be confirmed: bounds the memory, the oldest go
ORDER_SECONDS = 15 * 60  # in which what was shown may be done


@dataclass
class Order(Generic[Value]):
    """``outcome`` does it, for whoever asks first, and gives what came of it to all. ``back`` leads to the form.

    ``confirmation`` is what has to be typed for it, "" where nothing has. ``begun_at`` is when it was confirmed; both
    times are those of `time.monotonic`.
    """

    outcome: Once[Value]
    back: str
    confirmation: str = ""
    made_at: float = field(default_factory=time.monotonic)
    begun_at: float | None = None


class Orders(Generic[Value]):
    """The orders of one kind, by ids that nobody guesses. They are forgotten when the server ends."""

    def __init__(self) -> None:
        self._orders: OrderedDict[str, Order[Value]] = OrderedDict()
        self._lock = threading.Lock()

    def prepare(self, action: Callable[[], Value], back: str, confirmation: str = "") -> str:
        """The id under which a form may ask for ``action``, once and soon."""
        id_ = secrets.token_urlsafe(16)
        with self._lock:
            self._orders[id_] = Order(Once(_with_faults(action)), back, confirmation)
            while len(self._orders) > _MOST:
                self._orders.popitem(last=False)
        return id_

    def carry_out(self, id_: str, typed: str = "") -> None:
        """Do it, unless that was done.

        Raises UsageError for what is unknown, was shown too long ago, or is not confirmed by what was ``typed``.
        """
        order = self._order(id_)
        if typed.strip().casefold() != order.confirmation.casefold():
            hint = f"go back, and type {order.confirmation}"
            raise UsageError("nothing was done: that is not what was to be typed", hint)
        if order.begun_at is None:
            if time.monotonic() - order.made_at > ORDER_SECONDS:
                hint = "look at it again, and confirm then"
                raise UsageError("this was shown more than a quarter of an hour ago", hint)
            order.begun_at = time.monotonic()
        try:
            order.outcome()
        except UsertrackError:
            return  # the page of the outcome says so

    def outcome(self, id_: str) -> Value:
        """Return what came of it; raises its error, and UsageError where nothing was done."""
        order = self._order(id_)
        if order.begun_at is None:
            raise UsageError("this was not confirmed", "nothing was done")
        return order.outcome()

    def latest(self, back: str) -> tuple[str, timedelta] | None:
        """The order that was confirmed last of those whose form is at ``back``, and how long ago that was."""
        with self._lock:
            begun = [(order.begun_at, id_) for id_, order in self._orders.items() if order.back == back]
        at, id_ = max(((at, id_) for at, id_ in begun if at is not None), default=(0.0, ""))
        return (id_, timedelta(seconds=time.monotonic() - at)) if id_ else None

    def back(self, id_: str) -> str:
        """Return the address of its form."""
        return self._order(id_).back

    def _order(self, id_: str) -> Order[Value]:
        with self._lock:
            if id_ not in self._orders:
                raise UsageError("the server does not know this form any more", "open its page again; nothing was done")
            return self._orders[id_]


def _with_faults(action: Callable[[], Value]) -> Callable[[], Value]:
    """``action``, whose faults of ours are an outcome, too: it is not known how far it came, and it is not repeated."""

    def guarded() -> Value:
        try:
            return action()
        except UsertrackError:
            raise
        except Exception as fault:
            raise QueryError(
                f"usertrack itself failed ({type(fault).__name__}), and it is not known how far it came",
                "look at the target before you do it again",
            ) from fault

    return guarded
