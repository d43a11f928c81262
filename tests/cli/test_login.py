"""Logging in and out, over HTTP and TCP: at a terminal, and with what is piped."""

import fcntl
import io
import json
import os
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import keyring
import pytest
from keyring.backends import fail

from tests.conftest import Cli, CommandResult
from tests.databases import database
from tests.people import SERVER
from tests.server.capture_fixtures import AppThread
from tests.vault import Vault
from usertrack.checks.doctor import check_settings
from usertrack.server.database.store import Store
from usertrack.workspace.settings import load_settings

KEY = SERVER.personal_api_key


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = Store(tmp_path_factory.mktemp("posthog"))
    with AppThread(store, replace(SERVER, scopes=("query:read", "project:read"))) as server:
        yield server.url
    store.close()


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with database() as dsn:
        yield dsn.replace("@", ":hunter2@") if "@" in dsn else dsn


Piped = Callable[..., CommandResult]


@pytest.fixture
def piped(cli: Cli, clean_env: pytest.MonkeyPatch) -> Piped:
    def call(text: str, *args: object) -> CommandResult:
        clean_env.setattr(sys, "stdin", io.StringIO(text))
        return cli(*args)

    return call


@pytest.fixture
def config(clean_env: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    clean_env.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "usertrack"


def seen_by_doctor(**options: str) -> dict[str, str]:
    return {finding.subject: finding.detail for finding in check_settings(load_settings(options=options))}


def test_logged_in_asked_and_logged_out(piped: Piped, cli: Cli, config: Path, host: str, dsn: str) -> None:
    lines = f"POSTHOG_HOST={host}\nPOSTHOG_PROJECT_ID=1\nPOSTHOG_PERSONAL_API_KEY={KEY}\nDATABASE_URL='{dsn}'\n"
    login = piped(lines, "login", "acme")
    assert login.code == 0, login.err
    assert "PostHog lets the key query project 1" in login.err
    assert "the key lacks the scope person:read, for `push --to posthog-cohort` and `privacy`" in login.err
    assert "Postgres: " in login.err
    assert f"stored profile 'acme' in {config / 'profiles/acme.yaml'}" in login.err
    assert cli("query", "run", "posthog/event_names", "-f", "csv", "--profile", "acme").code == 0
    rows = seen_by_doctor(profile="acme")
    assert rows["profile"] == "acme (option)"
    assert rows["posthog.personal_api_key"] == "set (profile acme)"
    assert rows["postgres.url"] == "set (profile acme)"
    listing = cli("profiles", "-f", "json")
    [row] = json.loads(listing.out)["rows"]
    assert (row["name"], row["used"], row["project_id"], row["secrets"]) == ("acme", False, "1", "file")
    assert KEY not in listing.out + login.err + str(rows)
    assert cli("logout", "acme").code == 0
    assert list((config / "profiles").iterdir()) == []
    gone = cli("segments", "--profile", "acme")
    assert (gone.code, "there is no profile 'acme'" in gone.err) == (2, True)


def test_an_address_of_prismas(piped: Piped, cli: Cli, dsn: str) -> None:
    url = f"{dsn}{'&' if '?' in dsn else '?'}schema=public&connection_limit=1"
    assert piped(f"DATABASE_URL={url}\n", "login").code == 0
    assert "/test_" in cli("profiles").out
    assert cli("query", "run", "--source", "neon", "--sql", "SELECT 1 AS one", "-f", "csv").out == "one\n1\n"


def test_one_answer_a_line(piped: Piped, cli: Cli, host: str) -> None:
    assert piped(f"{KEY}\n", "login", "--host", host, "--project", 1).code == 0
    assert piped(f"{host}\n1\n{KEY}\n", "login", "other").code == 0
    assert "yes" in cli("profiles").out
    assert piped("a\nb\nc\nd\ne\n", "login").code == 2


def test_a_new_key_keeps_the_rest(piped: Piped, cli: Cli, host: str, dsn: str) -> None:
    assert piped(f"-\n-\n-\n{dsn}\n", "login").code == 0
    assert piped(f"POSTHOG_PERSONAL_API_KEY={KEY}\n", "login", "--host", host, "--project", 1).code == 0
    [row] = json.loads(cli("profiles", "-f", "json").out)["rows"]
    assert (row["project_id"], bool(row["database"])) == ("1", True)


def test_a_stored_key_goes_to_no_other_host(piped: Piped, host: str) -> None:
    assert piped(f"{KEY}\n", "login", "--host", host, "--project", 1).code == 0
    assert piped("", "login", "--project", 1).code == 0
    moved = piped("", "login", "--host", "http://127.0.0.1:9")
    assert (moved.code, "standard input has no key" in moved.err) == (2, True)


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"POSTHOG_PERSONAL_API_KEY": "phx_hunter2"}, 3, "does not accept the personal API key"),
        ({"POSTHOG_PROJECT_ID": "2"}, 3, "does not know this: Project not found"),
        ({"POSTHOG_PROJECT_ID": "mine"}, 2, "takes a number"),
        ({"POSTHOG_HOST": "http://127.0.0.1:1"}, 3, "cannot reach PostHog"),
        ({"POSTHOG_HOST": "eu.posthog.com"}, 2, "is not an address"),
        ({"POSTHOG_PERSONAL_API_KEY": "phx hunter2"}, 2, "holds characters that no key has"),
        ({"DATABASE_URL": "postgresql://ann:hunter2@127.0.0.1:1/app"}, 3, "nothing answers there"),
        ({"DATABASE_URL": "hunter2"}, 3, "is no connection URI"),
        ({"POSTHOG_PERSONAL_API_KEY": "'phx_hunter2"}, 2, "standard input:3: this line is not NAME=VALUE"),
    ],
)
def test_what_does_not_work_is_told_and_not_stored(
    piped: Piped, config: Path, host: str, change: dict[str, str], code: int, message: str
) -> None:
    env = {"POSTHOG_HOST": host, "POSTHOG_PROJECT_ID": "1", "POSTHOG_PERSONAL_API_KEY": KEY, **change}
    login = piped("".join(f"{name}={value}\n" for name, value in env.items()), "login")
    assert (login.code, message in login.err) == (code, True), login.err
    assert "hunter2" not in login.err
    assert not config.exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("a/b",), "a profile cannot be called 'a/b'"),
        (("off",), "a profile cannot be called 'off'"),
        (("--store", "keyring"), "this system has no keyring"),
        ((), "neither PostHog nor a database"),
    ],
)
def test_nothing_to_log_in_to(piped: Piped, config: Path, args: tuple[str, ...], message: str) -> None:
    login = piped("", "login", *args)
    assert (login.code, message in login.err) == (2, True), login.err
    assert not config.exists()


def test_a_locked_keyring_is_said_before_anything_is_asked(piped: Piped, clean_env: pytest.MonkeyPatch) -> None:
    vault = Vault()
    keyring.set_keyring(vault)
    vault.locked = True
    try:
        login = piped("", "login")
        assert (login.code, "the system's keyring is locked" in login.err) == (2, True), login.err
    finally:
        keyring.set_keyring(fail.Keyring())


def test_a_profile_whose_secrets_are_gone(piped: Piped, cli: Cli, config: Path, host: str, dsn: str) -> None:
    assert piped(f"{host}\n1\n{KEY}\n{dsn}\n", "login").code == 0
    (config / "profiles/default.secrets").unlink()
    result = cli("query", "run", "posthog/event_names")
    assert (result.code, "'posthog.personal_api_key' is not in" in result.err) == (2, True)
    assert "`usertrack login default` stores it again" in result.err


def test_a_broken_env_file_is_a_finding_of_check(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").touch()
    (tmp_path / ".env").write_text("DATABASE_URL='hunter2\n")
    check = cli("check")
    assert (check.code, ".env:1:thisline" in "".join(check.out.split())) == (5, True), check.out  # a long path wraps
    assert "hunter2" not in check.out + check.err


def test_allowing_a_command(cli: Cli, tmp_path: Path, host: str) -> None:
    settings = (
        f"posthog: {{host: '{host}', project_id: 1}}\npassword_command: {{posthog.personal_api_key: echo {KEY}}}\n"
    )
    (tmp_path / "usertrack.yaml").write_text(settings)
    ask = ("query", "run", "posthog/event_names", "-f", "csv")
    refused = cli(*ask)
    assert (refused.code, "usertrack.yaml:1: nobody has allowed 'posthog.personal_api_key' to go" in refused.err) == (
        2,
        True,
    )
    assert "add --yes" in cli("allow").err
    allowed = cli("allow", "--yes")
    assert f"for 'posthog.personal_api_key': echo {KEY}" in allowed.err
    assert f"usertrack.yaml:1, for 'posthog.personal_api_key': {host}" in allowed.err
    assert cli("allow").err.count("allowed already") == 2
    assert cli(*ask).code == 0
    rows = seen_by_doctor()
    assert rows["posthog.personal_api_key"] == "set (password_command, usertrack.yaml, line 2)"


def test_at_a_terminal_what_is_wrong_is_asked_again(config: Path, host: str, dsn: str) -> None:
    terminal = Terminal("login", "acme", "--host", "http://127.0.0.1:1", "--project", "1")
    terminal.answer("personal API key (not shown, from Settings", "phx_hunter2")
    terminal.answer("nothing answers at that address", "phx_pasted")
    terminal.answer("that is no address", host)
    terminal.answer("[1]", "")
    terminal.answer("Enter keeps the one before", "")
    terminal.answer("does not accept the personal API key", KEY)
    terminal.answer("lets the key query project 1", "postgresql://ann:hunter2@127.0.0.1:1/app")
    terminal.answer("nothing answers there", dsn)
    terminal.answer("domains of your own people", "acme")
    terminal.answer("that is no domain", "%@Acme.com, boss@mailbox.example")
    assert terminal.ends() == 0
    assert "stored profile 'acme'" in terminal.text
    assert load_settings(options={"profile": "acme"})["internal"] == ["acme.com", "boss@mailbox.example"]
    assert json.loads((config / "profiles/acme.secrets").read_text())["posthog.personal_api_key"] == KEY
    assert terminal.text.count("phx_pasted") == 1, "as it was typed, and never offered"
    assert [secret for secret in ("hunter2", KEY, dsn) if secret in terminal.text] == []


def test_interrupted_stores_nothing(config: Path) -> None:
    terminal = Terminal("login")
    terminal.answer("address [https://us.posthog.com]", "")
    terminal.answer("number of the project", "\x03", end="")
    assert (terminal.ends(), config.exists()) == (-signal.SIGINT, False)


class Terminal:
    """`usertrack` at a terminal, and what is seen there."""

    def __init__(self, *args: str) -> None:
        self._fd, inner = os.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "usertrack", *args],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(inner)
        self.text = ""
        self._seen = 0

    def answer(self, question: str, text: str, end: str = "\n") -> None:
        """Type ``text`` once a prompt ends a text with ``question``, after the last answer."""
        until = time.monotonic() + 60
        while question not in (new := self.text[self._seen :]) or not new.endswith(": "):
            assert time.monotonic() < until, self.text
            assert self._read(), self.text
        self._seen = len(self.text)
        time.sleep(0.05)  # the prompt is there before the echo is off
        os.write(self._fd, (text + end).encode())

    def ends(self) -> int:
        while self._read():
            pass
        os.close(self._fd)
        return self._process.wait(20)

    def _read(self) -> bool:
        """Whether there was something to read, and may be more."""
        poll = select.poll()  # select.select takes no file above 1024, and a process of tests has more
        poll.register(self._fd, select.POLLIN)
        ready = poll.poll(60_000)
        try:
            data = os.read(self._fd, 4096) if ready else b""
        except OSError:  # the other end is closed
            data = b""
        self.text += data.decode().replace("\r\n", "\n")
        return bool(data)
