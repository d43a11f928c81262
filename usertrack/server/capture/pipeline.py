"""Checks captured events and hands them to the log: small requests at once, large ones in threads."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from usertrack.core.pseudonyms import Pseudonyms
from usertrack.plan.conform import Violation
from usertrack.server.capture.gate import CaptureGate
from usertrack.server.capture.identity import FILE, Identities
from usertrack.server.capture.ingest import Ingestor
from usertrack.server.capture.live_check import LiveCheck
from usertrack.server.capture.payload import Batch, Event, Refused, hide_address, read_event
from usertrack.server.capture.readable import Readable
from usertrack.server.capture.recorded import to_bytes
from usertrack.server.database.set_aside import KeptEvent, SetAside
from usertrack.server.database.store import Store
from usertrack.server.event_log.days import DayCounts
from usertrack.server.event_log.log import NotAppended
from usertrack.server.http.server_settings import ServerSettings

_THREADS = 4  # requests that are decoded, others wait
_FEW = 20  # events that are made bytes at once
_SMALL = 16 << 10  # bytes of a request that is decoded at once: a thread would take longer to be there
T = TypeVar("T")

RETRY_AFTER = {"Retry-After": "1"}
"""Of an answer to events that were not taken."""


class Capture:
    """The capture of one project: its ``token``, ``ingest`` for its events, ``hashed_ip`` for IP addresses.

    ``gate`` lets requests in, and ``identities`` events.
    """

    def __init__(self, store: Store, settings: ServerSettings, live_check: LiveCheck | None = None) -> None:
        self.token = settings.project_token
        self._set_aside = SetAside(store.path)
        self.gate = CaptureGate(settings)
        self.identities = Identities(store.path / FILE, signed_only=settings.signed_only)
        self.hashed_ip = Pseudonyms(settings.ip_key).of_id if settings.ip_key else None
        self._readable = Readable(settings.declared)
        self.ingestor = Ingestor(store, settings.project_token, live_check, settings.most_waiting)
        self._live_check, self._log = live_check, store.log
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="capture")

    async def ingest(self, events: Sequence[Event], now: datetime) -> Mapping[str, Sequence[Violation]]:
        """Acknowledge ``events``, but for those that an enforced plan refuses: their violations are returned, by uuid.

        Raises ``NotAppended``.
        """
        prepare = partial(self._prepare, events, now)
        # texts of pages may be long, and are read word by word
        takes_long = len(events) > _FEW or any(map(self._readable.concerns, events))
        accepted, body, refused = await self._in_thread(prepare) if takes_long else prepare()
        if accepted:
            await self.ingestor.append(body, accepted)
        return refused

    async def refuse(self, batch: Batch, now: datetime, *, browser: bool) -> None:
        """Keep the refused events of ``batch`` aside, with their reasons."""
        if batch.refused:
            kept = 0
            with suppress(OSError, NotAppended):  # disk full, for one: the sender learns that they were refused
                await self._in_thread(partial(self._log.trim, 0, DayCounts(refused=len(batch.refused))))
                kept = await self._in_thread(partial(self._keep, batch, now, browser=browser))
            self.ingestor.metrics.refused += len(batch.refused)
            self.ingestor.metrics.dropped += len(batch.refused) - kept

    def _keep(self, batch: Batch, now: datetime, *, browser: bool) -> int:
        refused = [(event.reason, self._readable.clean_json(event.json)) for event in batch.refused]
        return self._set_aside.add(now, refused, browser=browser)

    def replay(self) -> tuple[int, int]:
        """Store the events that were refused, where they can be now; return how many were stored, and were not."""
        return self._set_aside.replay(self._replay)

    def _replay(self, kept: KeptEvent) -> str:
        try:
            event = read_event(kept.raw, kept.received)
        except Refused as refused:
            return refused.text
        hide_address(event, "", self.hashed_ip)
        events, forged = self.identities.divide([event], kept.received, browser=kept.browser)
        accepted, body, against_plan = self._prepare(events, kept.received)
        if accepted:
            self.ingestor.append_now(body, accepted)
        return "forged" if forged else "against the plan" if against_plan else ""

    def _prepare(self, events: Sequence[Event], now: datetime) -> tuple[int, bytes, Mapping[str, Sequence[Violation]]]:
        """Count the accepted ``events``, and return them as bytes for the log, with what is refused."""
        refused: Mapping[str, Sequence[Violation]] = {}
        for event in events:
            self._readable.clean(event)
        if self._live_check:
            self._live_check.refresh()
            if self._live_check.enforces:
                events, refused = self._live_check.divide(events, now)
        return len(events), to_bytes(events, now) if events else b"", refused

    def counted(self, answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """``answer``, whose times and statuses are counted; browsers that ask for options get none."""
        metrics = self.ingestor.metrics

        async def receive(request: Request) -> Response:
            if request.method == "OPTIONS":
                return Response()
            began = time.perf_counter()
            response = await answer(request)
            metrics.answered.add(time.perf_counter() - began)
            metrics.requests[response.status_code] += 1
            return response

        return receive

    async def read(self, size: int, work: Callable[[datetime], T]) -> tuple[T, datetime]:
        """The result of ``work(now)``, which decodes ``size`` bytes, and that ``now``."""
        now = datetime.now(UTC)
        if size <= _SMALL:
            return work(now), now
        return await self._in_thread(partial(work, now)), now

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """The result of ``work()``, called in a thread with the context variables of the caller."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, work)
