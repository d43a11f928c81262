"""`usertrack plan live-check` asks a running server what it was sent, and fails for what is not as the plan says."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import httpx
import pytest

from tests.conftest import Cli

PLAN = "events:\n  report_exported: {required: [format]}\nproperties: {format: {values: [csv, pdf]}}\n"
TOKEN = "phc_test"
COMMAND = ("plan", "live-check", "--data")


class Server:
    """`usertrack serve --plan` as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "events"
        (folder / "tracking.yaml").write_text(PLAN)
        command = "serve --port 0 --data events --plan tracking.yaml"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "usertrack", *command.split()],
            cwd=folder,
            env={**os.environ, "USERTRACK_PROJECT_TOKEN": TOKEN, "USERTRACK_PERSONAL_API_KEY": "phx_test"},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr
        line = next(line for line in self.process.stderr if " at http" in line)
        self.url = line.partition(" at ")[2].partition(",")[0]

    def send(self, *names: str, **properties: object) -> None:
        batch = [{"event": name, "distinct_id": "ann", "properties": properties} for name in names]
        httpx.post(f"{self.url}/batch/", json={"api_key": TOKEN, "batch": batch}).raise_for_status()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("served"))
    yield server
    server.stop()


@pytest.fixture
def ask(cli: Cli, server: Server) -> Cli:
    """`usertrack plan live-check --data … ARGS…`, of a server that begins anew."""
    cli(*COMMAND, server.data, "--reset")
    return lambda *args: cli(*COMMAND, server.data, *args)


def test_a_test_run_in_ci(ask: Cli, server: Server) -> None:
    nothing = ask()
    assert nothing.code == 5
    assert "as the plan says" not in nothing.out
    assert "error: no event has reached this server since it checks a plan" in nothing.err

    server.send("report_exported", format="csv")
    right = ask()
    assert right.code == 0
    assert "all that was sent is as the plan says" in right.out

    server.send("report_exported", "report_exportd", format="xls", color="red", **{"$lib": "web"})
    wrong = ask()
    assert wrong.code == 5
    assert "3 violations in 3 checked events" in wrong.out
    assert "unlisted-value" in wrong.out
    assert "web" in wrong.out
    assert wrong.err.startswith("error: 2 violations of the plan\n")

    report = json.loads(ask("-f", "json").out)
    assert (report["plan"], report["checked"]) == ("tracking.yaml", 3)
    assert report["violations"][0].keys() >= {"rule", "event", "property", "library", "version", "count", "severity"}
    assert report["samples"][0]["types"]["color"] == "string"
    assert ask("-f", "csv").out.count("\n") == 4


def test_what_it_fails_on(ask: Cli, server: Server) -> None:
    server.send("report_exported", format="pdf", color="red")
    assert [ask("--fail-on", least).code for least in ("error", "warning", "note", "never")] == [0, 0, 5, 0]
    server.send("report_exportd")
    assert [ask("--fail-on", least).code for least in ("error", "warning", "never")] == [0, 5, 0]
    assert ask().err.startswith("error: 1 violation of the plan\n")
    assert ask("--reset").code == 5
    assert "no event has reached this server" in ask().err


def test_following(ask: Cli, server: Server) -> None:
    server.send("a\x1b[31mb")
    command = [sys.executable, "-m", "usertrack", *COMMAND, str(server.data), "--follow"]
    follow = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out: IO[str] | None = follow.stdout
    assert out
    assert "unplanned-event    a␛[31mb ×1" in out.readline()
    server.send("report_exportd", "report_exportd")
    assert "report_exportd ×2" in out.readline()
    follow.send_signal(signal.SIGINT)
    follow.communicate()
    assert follow.returncode == -signal.SIGINT


@pytest.mark.slow
def test_a_server_that_is_configured_as_posthog(
    ask: Cli, cli: Cli, server: Server, clean_env: pytest.MonkeyPatch
) -> None:
    for name, value in (("HOST", server.url), ("PROJECT_ID", "1"), ("PERSONAL_API_KEY", "phx_test")):
        clean_env.setenv(f"POSTHOG_{name}", value)
    server.send("report_exportd")
    result = cli("plan", "live-check")
    assert result.err.splitlines()[-2] == "error: 1 violation of the plan"
    server.send("report_exportd")
    server.stop()
    assert "error: 1 violation of the plan, 2 times in all\n" in ask().err, "the folder is asked, where no server runs"


def test_a_folder_without_events(cli: Cli) -> None:
    missing = cli(*COMMAND, "events")
    assert missing.code == 2
    assert "no events are kept in events" in missing.err


def test_enforcing_needs_a_plan_that_can_be_read(cli: Cli, tmp_path: Path) -> None:
    assert "--enforce needs a plan" in cli("serve", "--enforce").err
    (tmp_path / "tracking.yaml").write_text("events: {a: {status: gone}}")
    wrong = cli("serve", "--port", "0", "--data", "events", "--plan", "tracking.yaml")
    assert wrong.code == 2
    assert wrong.err.startswith("error: tracking.yaml:1: ")
