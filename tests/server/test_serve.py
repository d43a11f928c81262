"""The server as a process: keys, ports, hosts."""

import json
import socket
from pathlib import Path

import pytest

from usertrack.core.errors import ConnectionFailed, UsageError
from usertrack.server.http.server_settings import ServerSettings
from usertrack.server.serve import is_public, load_or_create_settings, serve


def test_generated_keys_are_kept_for_the_owner_alone(tmp_path: Path) -> None:
    settings = load_or_create_settings(tmp_path / "new", {})
    assert settings.project_token.startswith("phc_")
    assert settings.personal_api_key.startswith("phx_")
    assert load_or_create_settings(tmp_path / "new", {}) == settings
    file = tmp_path / "new" / "keys.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["project_token"] == settings.project_token


def test_keys_of_the_environment_win_and_are_not_written(tmp_path: Path) -> None:
    env = {"USERTRACK_PROJECT_TOKEN": "phc_mine", "USERTRACK_PERSONAL_API_KEY": "phx_mine"}
    settings = load_or_create_settings(tmp_path, env)
    assert (settings.project_token, settings.personal_api_key) == ("phc_mine", "phx_mine")
    assert not (tmp_path / "keys.json").exists()
    half = load_or_create_settings(tmp_path, {"USERTRACK_PROJECT_TOKEN": "phc_mine"})
    assert half.project_token == "phc_mine"
    assert "phc_mine" not in (tmp_path / "keys.json").read_text()
    assert load_or_create_settings(tmp_path, {}).personal_api_key == half.personal_api_key


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_broken_file_of_keys_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(UsageError, match=r"keys\.json"):
        load_or_create_settings(tmp_path, {})


def no_settings() -> ServerSettings:
    raise AssertionError("they are made for a directory and a port that are free")


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConnectionFailed, match=f"cannot listen on 127.0.0.1:{port}") as caught:
            serve(tmp_path, no_settings, port=port)
    assert "--port" in caught.value.hint


def test_an_unknown_host_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed, match=r"cannot listen on nowhere\.invalid"):
        serve(tmp_path, no_settings, host="nowhere.invalid", port=0)


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="data directory"):
        serve(tmp_path / "file" / "data", no_settings, port=0)


def test_public_hosts() -> None:
    assert [
        host for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "192.168.0.9", "box") if is_public(host)
    ] == [
        "0.0.0.0",
        "::",
        "192.168.0.9",
        "box",
    ]
