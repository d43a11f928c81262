"""A log in a NATS JetStream server: what takes the place of SQLite's file where one machine is not enough."""

import asyncio
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import nats
from nats.errors import Error
from nats.js.api import StreamState

from usertrack.server.event_log.log import LoggedRequest, NotAppended, Waiting

T = TypeVar("T")


class NatsLog:
    """The stream ``events`` of the server at ``url``, whose sequence numbers are the offsets."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._connection = self._do(nats.connect(url))
        self._stream = self._connection.jetstream()
        self._do(self._stream.add_stream(name="events", subjects=["events"]))

    def append(self, bodies: Sequence[bytes]) -> int:
        try:
            return [self._do(self._stream.publish("events", body)).seq for body in bodies][-1]
        except Error as error:
            raise NotAppended(str(error)) from error

    def read(self, after: int, size: int) -> list[LoggedRequest]:
        state, entries = self._state(), list[LoggedRequest]()
        for offset in range(max(after + 1, state.first_seq), state.last_seq + 1):
            body = self._do(self._stream.get_msg("events", offset)).data or b""
            size -= len(body)
            if size < 0 and entries:
                break
            entries.append(LoggedRequest(offset, body))
        return entries

    def trim(self, upto: int) -> None:
        self._do(self._stream.purge_stream("events", seq=upto + 1))

    def end(self) -> int:
        return self._state().last_seq

    def waiting(self) -> Waiting:
        return Waiting(self._state().messages, self._state().bytes)

    def purge(self) -> None:
        """A trimmed message is off the server's disk when its block is compacted, which is the server's business."""

    def problems(self) -> list[str]:
        return []

    def close(self) -> None:
        if self._loop.is_running():
            self._do(self._connection.close())
            self._loop.call_soon_threadsafe(self._loop.stop)

    def _state(self) -> StreamState:
        return self._do(self._stream.stream_info("events")).state

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


@contextmanager
def nats_server(folder: Path) -> Iterator[str]:
    """The address of a server on the loopback interface, which syncs each message to its disk."""
    binary = shutil.which("nats-server", path=Path(sys.executable).parent)
    assert binary, "install the extra dev"
    config = folder / "nats.conf"
    config.write_text(f'listen: 127.0.0.1:-1\njetstream {{ store_dir: "{folder}/nats", sync_interval: always }}\n')
    server = subprocess.Popen([binary, "-c", str(config)], stderr=subprocess.PIPE, text=True)
    assert server.stderr
    try:
        port = next(match[1] for line in server.stderr if (match := re.search(r"client connections on .*:(\d+)", line)))
        next(line for line in server.stderr if "Server is ready" in line)
        yield f"nats://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.communicate()
