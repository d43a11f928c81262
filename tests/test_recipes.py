"""The recipes of docs/examples/production, run: proxies in front of both servers, unit files, the image's commands."""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

from tests.server.capture_fixtures import wait_until
from tests.server.certificates import make_certificate

pytestmark = pytest.mark.slow
RECIPES = Path(__file__).parent.parent / "docs/examples/production"
USERTRACK = [sys.executable, "-m", "usertrack"]
NAMES = ("events.example.com", "pages.example.com")
EVENT = {"api_key": "phc_test", "event": "signed up", "distinct_id": "ann"}
ENV = {
    "PYTHONPATH": str(Path(__file__).parent.parent),
    "USERTRACK_PROJECT_TOKEN": "phc_test",
    "USERTRACK_PERSONAL_API_KEY": "phx_test",
    "USERTRACK_PASSWORD": "open sesame",
    "POSTHOG_HOST": "http://127.0.0.1:9",
    "POSTHOG_PERSONAL_API_KEY": "phx_test",
}


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def running(command: list[str], port: int, env: Mapping[str, str] = ENV, **options: object) -> Iterator[None]:
    process = subprocess.Popen(command, env={**os.environ, **env}, **options)  # type: ignore[call-overload]
    try:
        wait_until(lambda: process.poll() is not None or is_open(port), 60)
        assert process.poll() is None, "it has ended"
        yield
    finally:
        process.terminate()
        process.wait(30)


def is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Site:
    """Both servers behind a proxy on ``port``."""

    port: int
    certificate: Path

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))

    def ask(self, method: str, name: str, path: str, **options: object) -> httpx.Response:
        with httpx.Client(verify=self.context(), timeout=30) as client:
            request = client.build_request(
                method,
                f"https://127.0.0.1:{self.port}{path}",
                headers={"host": name, "x-forwarded-for": "203.0.113.9"},
                extensions={"sni_hostname": name},
                **options,  # type: ignore[arg-type]
            )
            return client.send(request)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What stands in the recipes, and what stands there in the tests: addresses and certificates."""
    folder = tmp_path_factory.mktemp("servers")
    make_certificate(folder / "cert.pem", *NAMES)
    (folder / "usertrack.yaml").write_text("")
    events, pages = free_port(), free_port()
    serve = ["serve", "--port", str(events), "--data", str(folder / "events"), "--trusted-proxy", "127.0.0.1"]
    opened = ["open", "--port", str(pages), "--keep", "--no-browser", "--allow-host", NAMES[1]]
    with (
        running([*USERTRACK, *serve], events),
        running([*USERTRACK, *opened, "--trusted-proxy", "127.0.0.1"], pages, cwd=folder),
    ):
        yield {
            "127.0.0.1:8765": f"127.0.0.1:{events}",
            "127.0.0.1:8766": f"127.0.0.1:{pages}",
            "/etc/usertrack/tls/cert.pem": str(folder / "cert.pem"),
            "/etc/usertrack/tls/key.pem": str(folder / "cert.pem"),
        }


def replaced(text: str, pairs: Mapping[str, str]) -> str:
    for name, value in pairs.items():
        text = text.replace(name, value)
    return text


@pytest.fixture(params=["nginx", "caddy"])
def site(request: pytest.FixtureRequest, servers: dict[str, str], tmp_path: Path) -> Iterator[Site]:
    if not shutil.which(request.param):
        pytest.skip(f"{request.param} is not installed")
    port, certificate = free_port(), servers["/etc/usertrack/tls/cert.pem"]
    if request.param == "nginx":
        recipe = replaced((RECIPES / "nginx.conf").read_text(), servers)
        recipe = recipe.replace("listen 443", f"listen 127.0.0.1:{port}").replace(
            "listen 80", f"listen 127.0.0.1:{free_port()}"
        )
        own = f"pid {tmp_path}/pid; error_log stderr; user root; events {{}} http {{ access_log off; {recipe} }}"
        (tmp_path / "nginx.conf").write_text(own)
        command = ["nginx", "-c", str(tmp_path / "nginx.conf"), "-g", "daemon off;"]
    else:
        recipe = replaced((RECIPES / "Caddyfile").read_text(), servers)
        recipe = recipe.replace("{\n\tservers", "{\n\tadmin off\n\tauto_https disable_redirects\n\tservers", 1)
        for name in NAMES:
            recipe = recipe.replace(f"\n{name} {{", f"\nhttps://{name}:{port} {{\n\ttls {certificate} {certificate}")
        (tmp_path / "Caddyfile").write_text(recipe)
        command = ["caddy", "run", "--config", str(tmp_path / "Caddyfile"), "--adapter", "caddyfile"]
    with running(command, port, {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}):
        yield Site(port, Path(certificate))


def test_events_and_pages_come_through_a_proxy(site: Site) -> None:
    assert site.ask("POST", NAMES[0], "/e/", json=EVENT).json() == {"status": 1}
    assert site.ask("GET", NAMES[0], "/metrics").status_code == 404
    assert site.ask("GET", NAMES[1], "/").headers["location"] == "/login"
    cookie = site.ask("POST", NAMES[1], "/login", data={"password": "open sesame"}).headers["set-cookie"]
    assert cookie.startswith("__Host-usertrack-")
    assert "; Secure" in cookie
    assert site.ask("POST", NAMES[0], "/e/", content=bytes(21 << 20)).status_code == 413


def test_a_proxy_speaks_http_2(site: Site) -> None:
    context = site.context()
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", site.port)) as plain,
        context.wrap_socket(plain, server_hostname=NAMES[0]) as client,
    ):
        assert client.selected_alpn_protocol() == "h2"


@pytest.mark.parametrize("site", ["nginx"], indirect=True)
def test_nginx_limits_guesses_and_events(site: Site) -> None:
    assert 429 in {site.ask("GET", NAMES[1], "/login").status_code for _ in range(15)}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", ["usertrack-serve.service", "usertrack-open.service"])
def test_the_units_are_what_systemd_reads(unit: str, tmp_path: Path) -> None:
    text = (RECIPES / unit).read_text().replace("/opt/usertrack/bin/usertrack", sys.executable)
    (tmp_path / unit).write_text(text)
    result = subprocess.run(["systemd-analyze", "verify", str(tmp_path / unit)], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


def image_commands() -> dict[str, tuple[list[str], list[str]]]:
    """What the image runs as each service of the compose file, and how its health is asked."""
    dockerfile = (RECIPES / "Dockerfile").read_text()
    health = json.loads(re.search(r"^HEALTHCHECK .*\\\n +CMD (\[.*\])$", dockerfile, re.M)[1])  # type: ignore[index]
    services = yaml.safe_load((RECIPES / "compose.yaml").read_text())["services"]
    return {
        name: (service["command"], service.get("healthcheck", {}).get("test", ["CMD", *health])[1:])
        for name, service in services.items()
    }


@pytest.mark.skipif(os.getuid() != 0, reason="only root runs a command as another user")
@pytest.mark.parametrize("service", ["serve", "open"])
def test_the_image_runs_as_a_user_with_nothing_but_its_volume(service: str) -> None:
    command, health = image_commands()[service]
    port = free_port()
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        (folder / "workspace").mkdir()
        for path in (folder, folder / "workspace"):
            os.chown(path, 10001, 10001)
        places = {"/var/lib/usertrack": name, "8765": str(port), "8766": str(port)}
        words = [replaced(word, places) for word in command]
        words += ["--port", str(port)] if "--port" not in words else []
        user = ["setpriv", "--reuid=10001", "--regid=10001", "--clear-groups", "--no-new-privs", "--bounding-set=-all"]
        env = {"HOME": name, "PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": f"{name}/run", **ENV}
        clean = ["env", "-i", *(f"{key}={value}" for key, value in env.items())]
        with running([*user, *clean, *USERTRACK, *words], port, cwd=folder / "workspace"):
            asked = [sys.executable, *(replaced(word, places) for word in health[1:])]
            wait_until(lambda: subprocess.run(asked, timeout=30).returncode == 0)


def test_the_image_runs_as_no_root_and_writes_nowhere_else() -> None:
    dockerfile = (RECIPES / "Dockerfile").read_text()
    assert re.findall(r"^USER (\d+)$", dockerfile, re.M) == ["10001"]
    for service in yaml.safe_load((RECIPES / "compose.yaml").read_text())["services"].values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
