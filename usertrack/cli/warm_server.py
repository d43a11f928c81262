"""The warm process beside `usertrack open`: it has everything imported, and forks for each command that asks it.

The fork has the caller's streams, folder and environment, and ends as the command does. This process has one thread,
and opens no engine: what a fork gets is code alone.
"""

import fcntl
import gc
import json
import os
import random
import select
import selectors
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from usertrack.cli.rehearsal import rehearse
from usertrack.cli.warm_client import PATIENCE, require_own, socket_path


def main() -> None:
    """Serve commands until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal of `usertrack open` ends this by its end
    rehearse()
    from usertrack.cli.app import command_line

    command_line()
    gc.set_threshold(100_000)  # as for any command
    gc.collect()
    gc.freeze()  # so that memory stays shared with the forks
    path = Path(socket_path())
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        require_own(path)
    except OSError:
        return  # no such XDG_RUNTIME_DIR, or somebody else made that folder: commands run in their own process
    began = time.time()
    with path.with_suffix(".lock").open("w") as lock, socket.socket(socket.AF_UNIX) as listener:
        if not _own(lock):
            return
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        listener.listen(64)
        try:
            Forks(listener, began).serve()
        finally:
            path.unlink(missing_ok=True)


def _own(lock: IO[str]) -> bool:
    """Wait until no other warm process of this user runs; False where standard input ends before."""
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if select.select([0], [], [], 1.0)[0]:
            return False


class Request:
    """What a ``caller`` has sent so far, who may be slow: its streams with the size of the rest, then JSON."""

    def __init__(self, caller: socket.socket) -> None:
        self.caller = caller
        self.streams: list[int] = []
        self.text = b""
        self.begun = time.monotonic()
        self._size = 0

    def is_whole(self) -> bool:
        """Take what is there. Raises OSError when the caller is gone."""
        with suppress(BlockingIOError):
            if not self.streams:
                size, self.streams, _, _ = socket.recv_fds(self.caller, 4, 3)
                if not self.streams:
                    raise OSError("the caller is gone")
                self._size = int.from_bytes(size, "big")
            while len(self.text) < self._size:
                piece = self.caller.recv(self._size - len(self.text))
                if not piece:
                    raise OSError("the caller is gone")
                self.text += piece
        return bool(self.streams) and len(self.text) == self._size

    def require_waiting(self) -> None:
        """Raise OSError where the caller has run its command itself since: this process may have been suspended."""
        with suppress(BlockingIOError):
            if not self.caller.recv(1, socket.MSG_PEEK):
                raise OSError("the caller is gone")


class Forks:
    """Takes callers from ``listener``, and tells each how the fork that became its command ended."""

    def __init__(self, listener: socket.socket, began: float) -> None:
        self._listener = listener
        self._began = began
        self._callers: dict[int, socket.socket] = {}  # by process
        self._asking: dict[socket.socket, Request] = {}  # who has not sent all of it yet
        self._selector = selectors.DefaultSelector()

    def serve(self, until: int = 0) -> None:
        """Until that file, standard input, ends."""
        ended, wakeup = os.pipe()
        os.set_blocking(wakeup, False)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for readable in (self._listener, ended, until):
            self._selector.register(readable, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj == until:
                    return
                if key.fileobj == ended:
                    os.read(ended, 1 << 16)
                    self._report_ends()
                elif key.fileobj is self._listener:
                    self._drop_slow()
                    caller, _ = self._listener.accept()
                    caller.setblocking(False)
                    self._asking[caller] = Request(caller)
                    self._selector.register(caller, selectors.EVENT_READ)
                elif key.fileobj in self._asking:
                    self._hear(self._asking[key.fileobj])
                elif key.data in self._callers:  # not of an end that was told since
                    self._selector.unregister(key.fileobj)
                    os.kill(key.data, signal.SIGTERM)  # its caller was killed

    def _hear(self, request: "Request") -> None:
        """Take what has come of a request, and begin when that is all. Who sends nonsense is let go."""
        caller = request.caller
        try:
            if not request.is_whole():
                return
            words = json.loads(request.text)
            request.require_waiting()
        except (OSError, ValueError):
            words = None
        if words:
            self._selector.unregister(caller)
            with suppress(OSError):
                self._begin(caller, words, request.streams)
        self._drop(request)

    def _drop(self, request: "Request") -> None:
        """Let its caller go, unless its command has begun."""
        caller = request.caller
        del self._asking[caller]
        for stream in request.streams:
            os.close(stream)
        if caller not in self._callers.values():
            with suppress(KeyError):
                self._selector.unregister(caller)
            caller.close()

    def _drop_slow(self) -> None:
        """Let go of who has begun a request and does not end it."""
        for request in list(self._asking.values()):
            if time.monotonic() - request.begun > PATIENCE:
                self._drop(request)

    def _begin(self, caller: socket.socket, words: dict[str, Any], streams: list[int]) -> None:
        """Fork for the caller's command; where the code has changed since it was imported, say 0 instead."""
        if _changed_since(self._began):
            caller.sendall(bytes(4))
            return
        process = os.fork()
        if process == 0:
            _become(words, streams)
        self._callers[process] = caller
        self._selector.register(caller, selectors.EVENT_READ, process)
        caller.sendall(process.to_bytes(4, "big"))

    def _report_ends(self) -> None:
        """Tell the callers of commands that have ended their exit codes."""
        while self._callers:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                return
            with self._callers.pop(process) as caller:
                with suppress(KeyError):
                    self._selector.unregister(caller)
                code = os.waitstatus_to_exitcode(status)
                with suppress(OSError):
                    caller.sendall((code if code >= 0 else 128 - code).to_bytes(4, "big"))


def _changed_since(began: float) -> bool:
    files = [module.__file__ for name, module in list(sys.modules.items()) if name.startswith("usertrack")]
    with suppress(OSError):
        return any(os.stat(file).st_mtime > began for file in files if file)
    return True


def _become(caller: dict[str, Any], streams: list[int]) -> None:
    """Run the command in this fork, as if the caller had; never returns."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        interrupts = signal.SIG_IGN if caller["ignores_interrupts"] else signal.default_int_handler
        signal.signal(signal.SIGINT, interrupts)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.environ.clear()
        os.environ.update(caller["env"])
        os.chdir(caller["cwd"])
        os.umask(caller["umask"])
        time.tzset()
        random.seed()
        sys.argv = caller["argv"]
        sys.stdin, sys.stdout, sys.stderr = map(_stream, range(3), caller["errors"])
        from usertrack.cli.app import main as run

        run()
    finally:
        os._exit(1)


def _stream(number: int, errors: str) -> IO[str]:
    """The standard stream of that number, as Python opens it."""
    buffering = 1 if number == 2 or os.isatty(number) else -1
    return open(number, "w" if number else "r", buffering, encoding="utf-8", errors=errors, closefd=False)


if __name__ == "__main__":
    main()
    os._exit(0)  # DuckDB's bindings write to standard error when they are taken down after a `gc.freeze`
