"""From an event to a word in Slack, by real processes: a server with live people, a watcher, and a Slack of our own."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.slow

PATTERNS = """
patterns:
  errors: {when: {count: $exception, more_than: 3, within: 5m}, because: "{count} errors in 5 minutes"}
notifications:
  budgets: {person: off, pattern: off, channel: off}
  channels: {slack: slack}
"""
PEOPLE = {
    "Dana": "dana@acme.example",
    "*Zoë* 🎉 <https://evil.example|click> [red]": "omar@acme.example",
    "Eve": "eve@acme.example",
    "Wei": "wei@acme.example",
}


class Slack:
    """Takes messages as an incoming webhook does; once ``revoked``, it refuses them all."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.revoked = False
        slack = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if not slack.revoked:
                    slack.messages.append(body)
                self.send_response(404 if slack.revoked else 200)
                self.end_headers()
                self.wfile.write(b"no_service" if slack.revoked else b"ok")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/services/T0/B0/secret"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def about(self, text: str) -> list[str]:
        """The messages with ``text``."""
        return [body for body in self.messages if text in json.dumps(json.loads(body), ensure_ascii=False)]


@pytest.fixture
def slack() -> Iterator[Slack]:
    slack = Slack()
    yield slack
    slack.close()


@contextmanager
def process(folder: Path, env: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "usertrack", *arguments]
    with (folder / f"{arguments[0]}-{time.time()}.log").open("w+") as log:
        running = subprocess.Popen(command, env=env, cwd=folder, stderr=log, stdout=log, text=True)
        running.log = Path(log.name)  # type: ignore[attr-defined]
        try:
            yield running
        finally:
            running.kill()
            running.wait()


def until(condition: Callable[[], object]) -> None:
    """Wait; what never comes is a failure, and how long it took is none."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_somebody_meets_is_told_once_over_a_kill_and_a_revoked_webhook(
    demo_cache: Path, demo_postgres: str, tmp_path: Path, slack: Slack
) -> None:
    (tmp_path / "usertrack.yaml").write_text("history: off\n")
    (tmp_path / "patterns.yaml").write_text(PATTERNS)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("POSTHOG_", "USERTRACK_"))}
    keys = {"USERTRACK_PERSONAL_API_KEY": "phx_test", "USERTRACK_PROJECT_TOKEN": "phc_test"}
    env = {**inherited, **keys, "XDG_CACHE_HOME": str(demo_cache), "PYTHONUNBUFFERED": "1"}
    with process(tmp_path, env, "serve", "--demo-traffic", "--data", "live", "--port", "0", "--speed", "20") as server:
        log: Path = server.log  # type: ignore[attr-defined]
        until(lambda: " at http" in log.read_text())
        url = log.read_text().split(" at ")[1].split(",")[0]
        env |= {"POSTHOG_HOST": url, "POSTHOG_PROJECT_ID": "1", "POSTHOG_PERSONAL_API_KEY": "phx_test"}
        env |= {"SLACK_WEBHOOK_URL": slack.url}
        for name, email in PEOPLE.items():
            _send(url, email, [{"event": "$identify", "properties": {"$set": {"email": email, "name": name}}}])
        with process(tmp_path, env, "alerts", "watch", "--every", "5s") as watcher:
            until(lambda: _has_learned(tmp_path))
            _fail(url, "dana@acme.example")
            until(lambda: slack.about("dana@acme.example"))
            watcher.send_signal(signal.SIGKILL)
        with process(tmp_path, env, "alerts", "watch", "--every", "1s") as watcher:
            _fail(url, "omar@acme.example")
            until(lambda: slack.about("omar@acme.example"))
            assert "<https://evil.example|click>" not in slack.messages[-1]
            (tmp_path / "patterns.yaml").write_text(PATTERNS.replace("{when", "{where: no_such_fact > 1, when"))
            until(lambda: slack.about("patterns.yaml"))
            _fail(url, "eve@acme.example")
            until(lambda: slack.about("eve@acme.example"))  # the previous patterns stay active
            (tmp_path / "patterns.yaml").write_text(PATTERNS)
            slack.revoked = True
            _fail(url, "wei@acme.example")
            watch_log: Path = watcher.log  # type: ignore[attr-defined]
            until(lambda: "slack does not get through" in watch_log.read_text())
            assert "secret" not in watch_log.read_text()
    told = {
        email: [text for text in slack.about(email) if "Perhaps sent before" not in text] for email in PEOPLE.values()
    }
    assert [len(messages) for messages in told.values()] == [1, 1, 1, 0]  # a kill before Slack's answer repeats one
    assert len(slack.about("patterns.yaml")) == 1


def _has_learned(folder: Path) -> bool:
    """Whether the watcher has read the past, of which nobody is told, and saved what it knows."""
    path = folder / ".usertrack/signals.db"
    if not path.exists():
        return False
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as state, suppress(sqlite3.OperationalError):
        return bool(state.execute("SELECT count(*) FROM people").fetchone()[0])
    return False


def _fail(url: str, email: str) -> None:
    """Somebody meets the same error four times."""
    failure = {"$exception_message": "Card declined", "$pathname": "/billing", "$session_id": "s"}
    _send(url, email, [{"event": "$exception", "properties": failure} for _ in range(4)])


def _send(url: str, email: str, events: list[dict[str, Any]]) -> None:
    now = datetime.now(UTC).isoformat()
    batch = [{"distinct_id": email, "timestamp": now, **event} for event in events]
    httpx.post(f"{url}/batch/", json={"api_key": "phc_test", "batch": batch}).raise_for_status()
