"""The warm process beside `usertrack open`: it has everything imported, and forks for each command that asks it.

The fork has the caller's streams, folder and environment, and ends as the command does. This process has one thread,
and opens no engine: what a fork gets is code alone.
"""

import gc
import json
import os
import random
import selectors
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from usertrack.cli.warm_client import socket_path

_MODULES = (
    "usertrack.cli.app",
    "usertrack.cli.session",
    "usertrack.demo.sources",
    "usertrack.engine.connect",
    "usertrack.product.funnel.view",
    "usertrack.product.journeys.view",
    "usertrack.product.retention.view",
    "usertrack.render.data",
    "usertrack.render.pages",
    "usertrack.render.terminal",
    "usertrack.reports.activity_view",
    "usertrack.reports.dossier_view",
    "usertrack.reports.weekly_view",
    "usertrack.segments.explain_view",
    "usertrack.segments.history.notes",
    "usertrack.segments.history.transitions",
    "usertrack.segments.view",
    "usertrack.sources.posthog",
    "usertrack.sources.postgres",
    "duckdb",
    "httpx",
    "psycopg",
    "rich.console",
    "sqlglot",
)


def main() -> None:
    """Serve commands until standard input ends."""
    import importlib

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal of `usertrack open` ends this by its end
    for name in _MODULES:
        with suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # so that memory stays shared with the forks
    path = Path(socket_path())
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.parent.chmod(0o700)
    path.unlink(missing_ok=True)
    began = time.time()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)
        try:
            _serve(listener, began)
        finally:
            path.unlink(missing_ok=True)


def _serve(listener: socket.socket, began: float) -> None:
    callers: dict[int, socket.socket] = {}
    ended, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    selector = selectors.DefaultSelector()
    for readable in (listener, ended, 0):
        selector.register(readable, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj == 0:
                return
            if key.fileobj == ended:
                os.read(ended, 1 << 16)
                _report_ends(callers, selector)
            elif key.fileobj is listener:
                caller, _ = listener.accept()
                with suppress(OSError, ValueError):
                    if process := _begin(caller, began):
                        callers[process] = caller
                        selector.register(caller, selectors.EVENT_READ, process)
                        continue
                caller.close()
            else:
                _hang_up(key, selector)


def _hang_up(key: selectors.SelectorKey, selector: selectors.BaseSelector) -> None:
    """End the command of a caller that was killed."""
    selector.unregister(key.fileobj)
    with suppress(ProcessLookupError):
        os.kill(key.data, signal.SIGTERM)


def _report_ends(callers: dict[int, socket.socket], selector: selectors.BaseSelector) -> None:
    """Tell the callers of commands that have ended their exit codes."""
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not process:
            return
        with callers.pop(process) as caller:
            with suppress(KeyError):
                selector.unregister(caller)
            code = os.waitstatus_to_exitcode(status)
            with suppress(OSError):
                caller.sendall((code if code >= 0 else 128 - code).to_bytes(4, "big"))


def _begin(caller: socket.socket, began: float) -> int:
    """The process that runs the caller's command; 0 where the code has changed since this process imported it."""
    caller.settimeout(5)
    size, streams, _, _ = socket.recv_fds(caller, 4, 3)
    try:
        request = json.loads(_read(caller, int.from_bytes(size, "big")))
        if _changed_since(began):
            caller.sendall(bytes(4))
            return 0
        process = os.fork()
        if process == 0:
            _become(request, streams)
        caller.sendall(process.to_bytes(4, "big"))
        return process
    finally:
        for stream in streams:
            os.close(stream)


def _read(caller: socket.socket, size: int) -> bytes:
    request = b""
    while len(request) < size:
        piece = caller.recv(size - len(request))
        if not piece:
            raise OSError("the caller is gone")
        request += piece
    return request


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
        os.closerange(3, 256)
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
