"""Failed requests as events: the view and the type of the error, never its message, and never a flood of them."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

LOG = logging.getLogger("usertrack_track")
EVENT = "error_occurred"
UNKNOWN = "unknown"
_CAPACITY = 5.0
_REFILL_SECONDS = 60.0
_FINGERPRINTS = 1_000


@dataclass
class _Bucket:
    tokens: float
    filled_at: float
    dropped: int = 0


class TokenBuckets:
    """For each fingerprint, 5 at once and then one a minute; the last thousand fingerprints are known."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[tuple[object, ...], _Bucket] = OrderedDict()

    def take(self, fingerprint: tuple[object, ...]) -> int | None:
        """Return how many were dropped since the last one that passed; None when this one is dropped too."""
        now = self._clock()
        with self._lock:
            bucket = self._buckets.setdefault(fingerprint, _Bucket(_CAPACITY, now))
            self._buckets.move_to_end(fingerprint)
            if len(self._buckets) > _FINGERPRINTS:
                self._buckets.popitem(last=False)
            bucket.tokens = min(_CAPACITY, bucket.tokens + (now - bucket.filled_at) / _REFILL_SECONDS)
            bucket.filled_at = now
            if bucket.tokens < 1:
                bucket.dropped += 1
                return None
            bucket.tokens -= 1
            dropped, bucket.dropped = bucket.dropped, 0
            return dropped


def error_properties(error: BaseException | type | str | None, view: str | None, dropped: int) -> dict[str, object]:
    properties: dict[str, object] = {"view": view or _raised_in(error), "error_type": error_type(error)}
    return {**properties, "dropped": dropped} if dropped else properties


def error_type(error: BaseException | type | str | None) -> str:
    """The name of the class, with its module unless that is Python's own: `django.db.utils.IntegrityError`."""
    if error is None:
        return UNKNOWN
    if isinstance(error, str):
        return error
    kind = error if isinstance(error, type) else type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _raised_in(error: BaseException | type | str | None) -> str:
    """The function that raised ``error``, as `module.function`: a name of the code, and nothing of the request."""
    traceback: TracebackType | None = getattr(error, "__traceback__", None)
    if traceback is None:
        return UNKNOWN
    while traceback.tb_next:
        traceback = traceback.tb_next
    frame, code = traceback.tb_frame, traceback.tb_frame.f_code  # which knows its class from Python 3.11 on
    return f"{frame.f_globals.get('__name__', UNKNOWN)}.{getattr(code, 'co_qualname', code.co_name)}"


def name_of(view: object) -> str | None:
    """`module.function` of a view, also of one that is wrapped in a partial or is an object."""
    view = getattr(view, "func", view)
    if view is None:
        return None
    named = view if hasattr(view, "__qualname__") else type(view)
    return f"{named.__module__}.{named.__qualname__}"


def quietly(send: Callable[[], object]) -> None:
    """Run ``send``; what goes wrong in it is logged, as no response may suffer from its being counted."""
    try:
        send()
    except Exception as error:
        LOG.warning("a failed request could not be tracked (%s)", type(error).__name__)
