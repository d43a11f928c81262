"""`usertrack serve` under attack, at full size, and with TLS."""

import os
import resource
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from certificates import make_certificate

pytestmark = pytest.mark.slow
USERTRACK = [sys.executable, "-m", "usertrack"]
KEYS = {"USERTRACK_PROJECT_TOKEN": "phc_test", "USERTRACK_PERSONAL_API_KEY": "phx_test"}
EVENT = {"api_key": "phc_test", "event": "signed up", "distinct_id": "ann"}


@contextmanager
def served(folder: Path, *options: str, nofile: int = 1024) -> Iterator[str]:
    command = [*USERTRACK, "serve", "--port", "0", "--data", str(folder / "data"), *options]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, **KEYS},
            stderr=log,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile)),
        )
    try:
        while " at http" not in (text := (folder / "log").read_text()):
            time.sleep(0.05)
        yield text.partition(" at ")[2].partition(",")[0]
    finally:
        process.terminate()
        process.wait(30)


def test_1100_idle_connections_at_1024_descriptors_stop_nothing_and_fill_no_log(tmp_path: Path) -> None:
    with served(tmp_path) as url, ExitStack() as stack, httpx.Client() as client:
        address = urlsplit(url)
        for number in range(1100):
            stack.enter_context(socket.create_connection((address.hostname, address.port)))
            if number % 100 == 99:
                assert client.post(f"{url}/e/", json=EVENT, timeout=20).json() == {"status": 1}
        for _ in range(20):
            assert httpx.post(f"{url}/e/", json=EVENT, timeout=20).json() == {"status": 1}
        assert (tmp_path / "log").stat().st_size < 2000


def test_with_a_certificate_events_come_by_https_and_commands_ask_as_before(tmp_path: Path) -> None:
    make_certificate(tmp_path / "cert.pem")
    with served(tmp_path, "--tls-cert", str(tmp_path / "cert.pem")) as url:
        trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        assert url.startswith("https://")
        assert httpx.post(f"{url}/e/", json=EVENT, verify=trusting).json() == {"status": 1}
        status = [*USERTRACK, "serve", "--status", "--data", str(tmp_path / "data")]
        assert subprocess.run(status, capture_output=True, timeout=60).returncode == 0


def test_pages_with_a_certificate_are_opened_by_a_link(tmp_path: Path) -> None:
    make_certificate(tmp_path / "cert.pem")
    (tmp_path / "usertrack.yaml").write_text("")
    command = [*USERTRACK, "open", "--port", "0", "--tls-cert", str(tmp_path / "cert.pem"), "--no-browser"]
    env = {**os.environ, "POSTHOG_HOST": "http://127.0.0.1:9", "POSTHOG_PERSONAL_API_KEY": "phx_x"}
    process = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        link = process.stdout.readline().strip()
        with httpx.Client(verify=ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))) as browser:
            cookie = browser.get(link).headers["set-cookie"]
            assert cookie.startswith("__Host-usertrack-")
            assert browser.get(link.partition("/login")[0] + "/leave").status_code == 200
        again = subprocess.run([*USERTRACK, "open"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
        assert again.stdout.startswith(link.partition("=")[0])
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["serve", "--tls-key", "key.pem"], "--tls-key needs a certificate"),
        (["serve", "--tls-cert", "missing.pem"], "cannot be used"),
        (["open", "--demo", "--proxy-header", "X-Email"], "--trusted-proxy"),
    ],
)
def test_options_that_do_not_fit_are_told(tmp_path: Path, words: list[str], said: str) -> None:
    result = subprocess.run([*USERTRACK, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (result.returncode, said in result.stderr) == (2, True), result.stderr


def test_who_serves_other_machines_without_tls_is_warned(tmp_path: Path) -> None:
    with served(tmp_path, "--host", "0.0.0.0"):
        assert "warning: events and the personal key can be read" in (tmp_path / "log").read_text()
