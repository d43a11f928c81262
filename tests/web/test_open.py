"""`usertrack open` as a process, and the commands that ask it."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import Cli

USERTRACK = [sys.executable, "-m", "usertrack"]
pytestmark = pytest.mark.slow


@pytest.fixture
def env(demo: Cli) -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # the name of a socket is short
        yield {**os.environ, "XDG_RUNTIME_DIR": folder}


def run(env: dict[str, str], *words: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*USERTRACK, *words], env=env, capture_output=True, text=True, timeout=60, **options)  # type: ignore[call-overload,no-any-return]


def test_commands_on_the_demo_ask_the_pages_and_answer_the_same(env: dict[str, str]) -> None:
    alone = run(env, "segments", "--demo", "-f", "json").stdout
    opened = subprocess.Popen(
        [*USERTRACK, "open", "--demo", "--port", "0"],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert opened.stdout
        link = opened.stdout.readline().strip()
        assert httpx.get(link, follow_redirects=True, timeout=60).status_code == 200
        assert httpx.get(link).status_code == 403

        again = run(env, "open", "--demo").stdout.strip()
        assert again != link
        assert httpx.get(again).status_code == 303

        while not (sockets := [path for path in Path(env["XDG_RUNTIME_DIR"]).glob("*/*") if path.is_socket()]):
            time.sleep(0.05)
        half = _begin_to_ask(sockets[0])  # and never go on: nobody waits for that
        result = run(env, "segments", "--demo", "-f", "json")
        assert (result.stdout, result.returncode) == (alone, 0)
        half.close()
        _hang_up_at_once(sockets[0], env)
        unknown = run(env, "user", "nobody@nowhere.example", "--demo")
        assert (unknown.stdout, unknown.returncode) == ("", 2)
        assert "nobody is known" in unknown.stderr
        sql = ["query", "run", "--demo", "--source", "neon", "--sql", "-"]
        assert "one" in run(env, *sql, input="SELECT 1 AS one").stdout  # reads its caller's input
        asking = subprocess.Popen([*USERTRACK, *sql], env=env, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert asking.stdin
        asking.stdin.write("SELECT pg_sleep(60)")
        asking.stdin.close()
        time.sleep(1)
        asking.send_signal(signal.SIGINT)
        assert asking.wait(20) == -signal.SIGINT
    finally:
        opened.send_signal(signal.SIGINT)
        _, err = opened.communicate(timeout=30)
    assert opened.returncode == 0, err
    assert not sockets[0].exists()


def _begin_to_ask(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    with open(os.devnull, "r+") as null:
        connection.connect(str(path))
        socket.send_fds(connection, [(1000).to_bytes(4, "big")], [null.fileno()] * 3)
    return connection


def _hang_up_at_once(path: Path, env: dict[str, str]) -> None:
    """Ask for a command, and be gone before it has begun."""
    caller = {"argv": ["usertrack", "--version"], "cwd": "/", "env": env, "umask": 0o022}
    request = json.dumps({**caller, "ignores_interrupts": False, "errors": ["strict"] * 3}).encode()
    with socket.socket(socket.AF_UNIX) as connection, open(os.devnull, "r+") as null:
        connection.connect(str(path))
        socket.send_fds(connection, [len(request).to_bytes(4, "big")], [null.fileno()] * 3)
        connection.sendall(request)
