"""Stores captured events in threads of their own, so that long queries do not hold them up."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from usertrack.core.pseudonyms import Pseudonyms
from usertrack.server.capture.ingest import Ingestor
from usertrack.server.database.store import Store
from usertrack.server.http.server_settings import ServerSettings

_THREADS = 40  # requests that are decoded, or wait for the thread that writes
T = TypeVar("T")


class Capture:
    """The capture of one project: its ``token``, ``ingest`` for its events, ``hashed_ip`` for IP addresses."""

    def __init__(self, store: Store, settings: ServerSettings) -> None:
        self.token = settings.project_token
        self.hashed_ip = Pseudonyms(settings.ip_key).of_id if settings.ip_key else None
        self.ingest = Ingestor(store, settings.project_token).ingest
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="capture")

    async def run(self, work: Callable[[datetime], T]) -> T:
        """The result of ``work(now)``, called in a thread with the context variables of the caller."""
        in_context = partial(copy_context().run, work, datetime.now(UTC))
        return await asyncio.get_running_loop().run_in_executor(self._threads, in_context)
