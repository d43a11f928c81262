"""Stores captured events in threads of their own, so that long queries do not hold them up."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from usertrack.core.pseudonyms import Pseudonyms
from usertrack.plan.conform import Violation
from usertrack.server.capture.ingest import Ingestor
from usertrack.server.capture.live_check import LiveCheck
from usertrack.server.capture.payload import Event
from usertrack.server.database.store import Store
from usertrack.server.http.server_settings import ServerSettings

_THREADS = 40  # requests that are decoded, or wait for the thread that writes
T = TypeVar("T")


class Capture:
    """The capture of one project: its ``token``, ``ingest`` for its events, ``hashed_ip`` for IP addresses."""

    def __init__(self, store: Store, settings: ServerSettings, live_check: LiveCheck | None = None) -> None:
        self.token = settings.project_token
        self.hashed_ip = Pseudonyms(settings.ip_key).of_id if settings.ip_key else None
        self._store_events = Ingestor(store, settings.project_token, live_check).ingest
        self._live_check = live_check
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="capture")

    def ingest(self, events: list[Event], now: datetime) -> Mapping[str, Sequence[Violation]]:
        """Store ``events``, but for those that an enforced plan refuses: their violations are returned, by uuid."""
        refused: Mapping[str, Sequence[Violation]] = {}
        if self._live_check:
            self._live_check.refresh()
            if self._live_check.enforces:
                events, refused = self._live_check.divide(events, now)
        if events:
            self._store_events(events, now)
        return refused

    async def run(self, work: Callable[[datetime], T]) -> T:
        """The result of ``work(now)``, called in a thread with the context variables of the caller."""
        in_context = partial(copy_context().run, work, datetime.now(UTC))
        return await asyncio.get_running_loop().run_in_executor(self._threads, in_context)
