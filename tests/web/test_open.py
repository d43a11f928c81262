"""`usertrack open` as a process, and the commands that ask it."""

import os
import signal
import subprocess
import sys

import httpx
import pytest

from tests.conftest import Cli

USERTRACK = [sys.executable, "-m", "usertrack"]
pytestmark = pytest.mark.slow


@pytest.fixture
def env(demo: Cli) -> dict[str, str]:
    return dict(os.environ)


def run(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*USERTRACK, *words], env=env, capture_output=True, text=True, timeout=60)


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

        result = run(env, "segments", "--demo", "-f", "json")
        assert (result.stdout, result.returncode) == (alone, 0)
        unknown = run(env, "user", "nobody@nowhere.example", "--demo")
        assert (unknown.stdout, unknown.returncode) == ("", 2)
        assert "nobody is known" in unknown.stderr
    finally:
        opened.send_signal(signal.SIGINT)
        _, err = opened.communicate(timeout=30)
    assert opened.returncode == 0, err
