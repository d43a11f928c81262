"""The warm process of `usertrack open`, as those who ask it see it."""

import gc
import math
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from usertrack.cli import warm_client, warm_server
from usertrack.cli.warm_server import Forks


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as own:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        path = Path(warm_client.socket_path())
        path.parent.mkdir(mode=0o700)
        own.bind(str(path))
        own.listen()
        yield own


def test_a_command_does_not_wait_for_a_warm_process_that_is_stuck(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = [TextIOWrapper(BytesIO(), encoding="utf-8") for _ in range(3)]
    for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
        monkeypatch.setattr(sys, name, stream)
    monkeypatch.setattr(sys, "argv", ["usertrack", "segments"])
    monkeypatch.setattr(warm_client, "PATIENCE", 0.1)
    assert warm_client.run_warm() is None


def test_who_sends_half_a_request_holds_up_nobody(listener: socket.socket) -> None:
    """Code that has changed since is not run: the answer is 0, and no fork begins."""
    answers: list[bytes] = []

    def ask() -> None:
        with _asking(b""), _asking(b"{") as half, _asking(b'{"argv": []}', 12) as complete:
            answers.append(complete.recv(4))
            half.shutdown(socket.SHUT_WR)
            answers.append(half.recv(4))

    _serve(Forks(listener, began=0.0), ask)
    assert answers == [bytes(4), b""]


def test_who_has_gone_meanwhile_gets_no_second_run(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    forks: list[int] = []
    monkeypatch.setattr(os, "fork", lambda: forks.append(1) or 1 << 30)
    _asking(b'{"argv": []}', 12).close()
    _serve(Forks(listener, began=math.inf), lambda: _asking(b"nonsense", 8).recv(4))
    assert not forks


def test_who_sends_nothing_is_let_go(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_server, "PATIENCE", 0.0)
    ends: list[bytes | Exception] = []

    def ask() -> None:
        with _asking(b"") as silent, _asking(b""):
            try:
                ends.append(silent.recv(4))
            except ConnectionResetError as reset:  # where its first bytes were not read, either
                ends.append(reset)

    _serve(Forks(listener, began=0.0), ask)
    assert len(ends) == 1


def _serve(forks: Forks, ask: Callable[[], object]) -> None:
    """Serve until ``ask`` ends."""
    until, end = os.pipe()

    def ask_and_end() -> None:
        try:
            ask()
        finally:
            os.close(end)

    callers = threading.Thread(target=ask_and_end)
    callers.start()
    handler = signal.getsignal(signal.SIGCHLD)
    try:
        forks.serve(until)
    finally:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, handler)
        os.close(until)
    callers.join()


def _asking(text: bytes, size: int = 1000) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(5)
    connection.connect(warm_client.socket_path())
    with open(os.devnull, "r+") as null:
        socket.send_fds(connection, [size.to_bytes(4, "big")], [null.fileno()] * 3)
    connection.sendall(text)
    return connection


def test_a_runtime_folder_that_does_not_exist_is_no_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "missing" / "run"))
    monkeypatch.setattr(warm_server, "rehearse", lambda: None)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    warm_server.main()
    assert list(tmp_path.iterdir()) == []
