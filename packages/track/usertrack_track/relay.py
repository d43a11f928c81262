"""Brings what waits to PostHog, in a thread of the product or in a worker, until PostHog has acknowledged it.

A message is deleted after that. Killed in between, the next relay sends it again with the same UUID, and PostHog keeps
one. Relays do not take each other's messages.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from usertrack_track.message import Message
from usertrack_track.outbox import Delivery, Outbox
from usertrack_track.sender import REQUEST_SECONDS, NotDelivered

LOG = logging.getLogger("usertrack_track")
BATCH = 100
POLL_SECONDS = 1.0  # until events of other processes, and of callers' transactions, are seen
GATHER_SECONDS = 0.2  # from an event until it is sent, so that others come along: requests share the processor with us
LONGEST_WAIT_SECONDS = 30.0


class Destination(Protocol):
    """The destination of messages: ``send`` returns what became of them, and raises when nothing is known of some."""

    name: str

    def send(self, messages: Sequence[Message], seconds: float) -> Delivery: ...


class Relay:
    """``destination`` is made when there is something to send. ``prepare`` runs before; it returns how much it did."""

    def __init__(
        self, outbox: Outbox, destination: Callable[[], Destination | None], prepare: Callable[[], int] = lambda: 0
    ) -> None:
        self._outbox = outbox
        self._make_destination = destination
        self._destination: Destination | None = None
        self._prepare = prepare
        self._alone = threading.Lock()  # the thread, and who calls flush()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._news = threading.Event()
        self._stopped = threading.Event()

    def step(self, seconds: float = REQUEST_SECONDS) -> int:
        """Prepare and send one batch; returns how much was done, 0 when nothing is left that others do not have.

        PostHog has ``seconds`` to answer. Raises NotDelivered, and the database's errors; then nothing is lost, and the
        next step tries again. What cannot be prepared keeps nothing from being sent: it raises when all is sent.
        """
        if not self._alone.acquire(timeout=seconds):
            raise NotDelivered("this process is sending already")
        try:
            return self._prepare_and_send(seconds)
        finally:
            self._alone.release()

    def _prepare_and_send(self, seconds: float) -> int:
        try:
            prepared = self._prepare()
        except Exception:
            if sent := self._send(seconds):
                return sent
            raise
        return prepared + self._send(seconds)

    def _send(self, seconds: float) -> int:
        failure = None
        with self._outbox.lease(BATCH) as lease:
            if not lease.messages or (destination := self._open_destination()) is None:
                return 0
            try:
                delivery = destination.send(lease.messages, seconds)
            except NotDelivered as error:
                delivery, failure = error.delivery, error
            lease.settle(delivery)
        for uuid, reason in delivery.refused.items():
            LOG.error("%s takes no event %s (%s): it is set aside", destination.name, uuid, reason)
        if failure:
            raise failure
        return len(lease.messages)

    def _open_destination(self) -> Destination | None:
        if self._destination is None:
            self._destination = self._make_destination()
        return self._destination

    def wake(self) -> None:
        """Begin, if that has not happened, and look at once."""
        self.start()
        self._news.set()

    def start(self) -> None:
        """Begin, if that has not happened."""
        if not self._runs():
            with self._starting:
                if not self._runs():
                    self._stopped = threading.Event()  # not that of a thread which has yet to end
                    self._thread = threading.Thread(target=self.run, name="usertrack-relay", daemon=True)
                    self._thread.start()

    def _runs(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def run(self) -> None:
        """Send until ``stop``."""
        stopped, failures = self._stopped, 0
        while not stopped.is_set():
            wait = 0.0
            try:
                if self.step() < BATCH:
                    self._news.wait(POLL_SECONDS)
                    self._news.clear()
                    wait = GATHER_SECONDS
                failures = 0
            except Exception as error:  # of PostHog, of the network, of the database: each passes
                wait = _wait_seconds(error, failures)
                LOG.log(logging.INFO if failures else logging.WARNING, "%s: events wait", _describe(error))
                failures += 1
            stopped.wait(wait)

    def drain(self, seconds: float) -> bool:
        """Send until nothing waits, at most for ``seconds``; whether nothing does. Without a destination: at once."""
        end, failures = time.monotonic() + seconds, 0
        while True:
            try:
                if self.step(min(REQUEST_SECONDS, max(0.1, end - time.monotonic()))):
                    continue
                if self._outbox.waiting() == 0:
                    return True
                if self._open_destination() is None:
                    return False
                wait = 0.05  # another relay is sending it
            except Exception as error:
                wait = _wait_seconds(error, failures)
                failures += 1
            if time.monotonic() + wait > end:
                return False
            time.sleep(wait)

    def stop(self, seconds: float = 2.0) -> None:
        """End the thread; ``wake`` begins a new one."""
        with self._starting:
            thread, self._thread = self._thread, None
        self._stopped.set()
        self._news.set()
        if thread and thread is not threading.current_thread():
            with suppress(RuntimeError):
                thread.join(seconds)


def _wait_seconds(error: Exception, failures: int) -> float:
    retry_after = error.retry_after if isinstance(error, NotDelivered) else None
    growing: float = 0.5 * 2 ** min(failures, 10)
    return max(retry_after or 0.0, min(LONGEST_WAIT_SECONDS, growing) * random.uniform(0.5, 1.5))


def _describe(error: Exception) -> str:
    return str(error) if isinstance(error, NotDelivered) else type(error).__name__
