"""Where secrets come from: `.env`, profiles, commands; and that none of them is shown."""

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest

from tests.conftest import Cli, problem
from tests.vault import Vault
from usertrack.core.errors import UsageError
from usertrack.sources.identity import database_of, identities
from usertrack.sources.neon import connection_uri
from usertrack.sources.posthog import PostHog
from usertrack.workspace import password_command
from usertrack.workspace.allowed import allow
from usertrack.workspace.destinations import ADDRESSES, destinations
from usertrack.workspace.profiles import Profile, find_profile, profile_names, profiles_folder, save_profile
from usertrack.workspace.secret_stores import StoreName
from usertrack.workspace.setting_specs import SETTINGS
from usertrack.workspace.settings import Settings, load_settings

KEY, URL = "phx_hunter2", "postgresql://ann:hunter2@db.example:5433/app"
BOTH = {"posthog.personal_api_key": KEY, "postgres.url": URL}
ADDRESS = "host=db.example port=5433 dbname=app user=ann"


@pytest.fixture
def vault(clean_env: pytest.MonkeyPatch) -> Iterator[Vault]:
    before, vault = keyring.get_keyring(), Vault()
    keyring.set_keyring(vault)
    yield vault
    keyring.set_keyring(before)


@pytest.fixture(autouse=True)
def workspace(clean_env: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "usertrack.yaml").write_text("")
    clean_env.chdir(folder)
    return folder


def store(name: str = "default", place: StoreName = "file", secrets: dict[str, str] = BOTH) -> Profile:
    profile = Profile(name, "https://eu.posthog.com", "7", ADDRESS, place, profiles_folder())
    save_profile(profile, secrets)
    return profile


def read(env: dict[str, str] | None = None, **options: str) -> Settings:
    return load_settings(env=env or {}, options=options)


def test_the_environment_beats_env_beats_profile_beats_file(workspace: Path) -> None:
    (workspace / "usertrack.yaml").write_text("posthog: {host: https://file.example, project_id: 1}\ntimezone: UTC\n")
    project = lambda env: (read(env)["posthog.project_id"], read(env).values["posthog.project_id"].origin)  # noqa: E731
    assert project({}) == ("1", "usertrack.yaml, line 1")
    store()
    assert project({}) == ("7", "profile default")
    assert read().values["profile"].origin == "default"
    (workspace / ".env").write_text("# ours\nPOSTHOG_PROJECT_ID=8\nOTHER=x\n")
    assert project({}) == ("8", ".env, line 2")
    assert project({"POSTHOG_PROJECT_ID": "9"}) == ("9", "environment, POSTHOG_PROJECT_ID")
    assert read()["posthog.personal_api_key"] == KEY
    assert read({"USERTRACK_PROFILE": "off"}).values["posthog.host"].origin == "usertrack.yaml, line 1"


def test_an_env_file_names_the_profile(workspace: Path) -> None:
    store("acme")
    assert not read().has_posthog
    (workspace / ".env").write_text("USERTRACK_PROFILE=acme\n")
    assert read().values["profile"].origin == ".env, line 1"
    assert read()["posthog.personal_api_key"] == KEY


@pytest.mark.parametrize("place", [".", ".."])
def test_an_env_file_of_another_folder_is_named(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, place: str
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    other = (Path() if place == "." else workspace / place).resolve() / ".env"
    other.write_text("DATABASE_URL=postgresql://127.0.0.1:9/shop\nOTHER=1\n")
    assert load_settings(workspace=workspace, env={}).unread_env_file == (
        f"{other} is not read: variables are the workspace's, beside usertrack.yaml; write them into {workspace}/.env"
    )
    other.write_text("OTHER=1\n")
    assert load_settings(workspace=workspace, env={}).unread_env_file == ""


def test_env_file_reads_what_shells_read(workspace: Path) -> None:
    text = "\ufeffexport DATABASE_URL='postgresql://a:p%40#x@h/d' # ours\nUSERTRACK_DEMO=1\nUSERTRACK_TIMEZONE=\n"
    (workspace / ".env").write_text(text, encoding="utf-8")
    settings = read()
    assert settings["postgres.url"] == "postgresql://a:p%40#x@h/d"
    assert (settings.demo, settings["timezone"]) == (True, "UTC")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=1\n\nDATABASE_URL='postgresql://hunter2\nB=1\n", 3),
        ("\n\n# x\nDATABASE_URL postgresql://hunter2\n", 4),
        ("DATABASE_URL='hunter2' hunter2", 1),
        ("A=1\nDATABASE_URL", 2),
        ("hunter2: yes = 'no", 1),
        ('A=1\nDATABASE_URL="hunter2\nB="\n', 2),
    ],
)
def test_a_broken_line_is_named_and_not_shown(workspace: Path, text: str, line: int) -> None:
    (workspace / ".env").write_text(text)
    error = problem(read)
    assert error.exit_code == 2
    assert error.message.startswith(f"{workspace / '.env'}:{line}: ")
    assert "hunter2" not in error.message + error.hint


def test_a_virtual_environment_called_env_is_no_file_of_variables(workspace: Path) -> None:
    (workspace / ".env").mkdir()
    assert read()["timezone"] == "UTC"


def test_secrets_of_a_file_are_for_its_owner_alone(workspace: Path) -> None:
    profile = store()
    paths = [profile.folder, profile.file, profile.folder / "default.secrets"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o700, 0o600, 0o600]
    assert "hunter2" not in profile.file.read_text()
    assert "hunter2" not in repr(read())
    paths[2].chmod(0o640)
    assert read().notes == (f"others may read the secrets of profile 'default': run `chmod 600 {paths[2]}`",)


def test_a_keyring_is_asked_only_for_a_secret(vault: Vault) -> None:
    store(place="keyring")
    requests = vault.requests
    settings = read()
    assert (settings.has_posthog, settings.has_postgres) == (True, True)
    assert database_of(settings) == "db.example:5433/app"
    assert identities(settings).keys() == {"posthog", "neon"}
    assert vault.requests == requests
    assert (settings["posthog.personal_api_key"], settings["postgres.url"]) == (KEY, URL)
    assert vault.requests == requests + 1


def test_the_cache_knows_the_database_of_a_profile_as_that_of_the_environment(vault: Vault) -> None:
    store(place="keyring")
    env = {"DATABASE_URL": URL, "USERTRACK_PROFILE": "off"}
    assert identities(read())["neon"] == identities(read(env))["neon"]


def test_a_locked_keyring_loses_nothing(vault: Vault) -> None:
    store(place="keyring")
    vault.locked = True
    error = problem(lambda: read()["postgres.url"])
    assert (error.exit_code, error.message) == (2, "the system's keyring is locked")
    assert "hunter2" not in error.message + error.hint
    assert problem(lambda: store(place="keyring", secrets={"postgres.url": "new"})).message == error.message
    assert problem(lambda: store("other", place="keyring")).message == error.message
    assert profile_names() == ["default"]
    vault.locked = False
    assert read()["postgres.url"] == URL


def test_a_keyring_that_stores_nothing_is_found_out(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "set_password", lambda *_: None)
    assert "did not store" in problem(lambda: store(place="keyring")).message
    assert profile_names() == []


@pytest.mark.parametrize("place", ["file", "keyring"])
def test_what_cannot_be_written_leaves_what_there_was(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, place: StoreName
) -> None:
    profile = store(place=place)
    replace = os.replace

    def fail(old: str, new: Path) -> None:
        if new == profile.file:
            raise OSError(28, "No space left on device")
        replace(old, new)

    monkeypatch.setattr(os, "replace", fail)
    error = problem(lambda: store(place=place, secrets={"postgres.url": "new"}))
    assert error.message == f"cannot write {profile.file} (No space left on device)"
    assert read()["postgres.url"] == URL
    assert [path.name for path in profile.folder.iterdir() if path.name.startswith(".")] == []


def test_moving_to_the_keyring_leaves_no_file_of_secrets(vault: Vault) -> None:
    moved = store()
    store(place="keyring")
    assert not (moved.folder / "default.secrets").exists()
    assert read()["postgres.url"] == URL


@pytest.mark.parametrize("name", ["acm", "../acme", "", "x" * 99])
def test_an_unknown_profile(name: str) -> None:
    store("acme")
    error = problem(lambda: read({}, profile=name or "none"))
    assert error.message.startswith("there is no profile '")
    assert "there are: acme" in error.hint
    assert ("did you mean 'acme'?" in error.hint) is (name in ("acm", "../acme"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("host: https://a.example\nsecrets: file\n", ":1: 'host' and 'project_id' belong together"),
        ("database: host=x\nsecrets: paper\n", ":2: 'secrets' takes keyring or file"),
        ("secrets: file\npassword: hunter2\n", ":2: unknown key 'password'"),
        ("secrets: [file]\n", ":1: 'secrets' takes a text"),
        ("secrets: {", ":1: not valid YAML"),
    ],
)
def test_a_broken_profile_names_its_line_and_is_stored_anew(text: str, message: str) -> None:
    path = store().file
    path.write_text(text)
    error = problem(read)
    assert message in error.message
    assert "hunter2" not in error.message
    store()
    assert find_profile("default")


def test_a_broken_file_of_secrets_is_said_without_its_text() -> None:
    path = store().folder / "default.secrets"
    for text in ("hunter2", '["hunter2"]', '{"postgres.url": 1}', "\udcff"):
        path.write_text(text, errors="surrogateescape")
        error = problem(lambda: read()["postgres.url"])
        assert str(path) in error.message
        assert "hunter2" not in error.message + str(error.__cause__)
    path.unlink()
    assert "'postgres.url' is not in" in problem(lambda: read()["postgres.url"]).message


def test_a_key_goes_to_its_own_host_alone(workspace: Path) -> None:
    store()
    (workspace / ".env").write_text("POSTHOG_HOST=https://evil.example\n")
    error = problem(lambda: read()["posthog.personal_api_key"])
    assert "is for https://eu.posthog.com, not for the host of .env, line 1" in error.message
    (workspace / ".env").write_text("POSTHOG_HOST=https://eu.posthog.com/\n")
    assert read()["posthog.personal_api_key"] == KEY


EVIL = "posthog: {host: https://evil.example, project_id: 1}\n"
COMMAND = f"password_command: {{posthog.personal_api_key: sh -c 'touch ran; echo {KEY}'}}\n"


@pytest.mark.parametrize(
    ("yaml", "dotenv", "env"),
    [
        (EVIL + COMMAND, "", {}),
        (EVIL, "", {"POSTHOG_PERSONAL_API_KEY": KEY}),
        (EVIL, f"POSTHOG_PERSONAL_API_KEY={KEY}\n", {}),
        ("posthog.project_id: 1\n" + COMMAND, "POSTHOG_HOST=https://evil.example/\n", {}),
    ],
)
def test_a_key_goes_to_no_host_of_a_file_before_it_is_allowed(
    workspace: Path, yaml: str, dotenv: str, env: dict[str, str]
) -> None:
    (workspace / "usertrack.yaml").write_text(yaml)
    (workspace / ".env").write_text(dotenv)
    for each in read(env).commands:
        allow(each.fingerprint)
    error = problem(lambda: PostHog.from_settings(read(env), lambda *_, **__: None))
    assert "1: nobody has allowed 'posthog.personal_api_key' to go to https://evil.example" in error.message
    assert "`usertrack allow`" in error.hint
    assert not (workspace / "ran").exists()
    allow(destinations(read(env))[0].fingerprint)
    PostHog.from_settings(read(env), lambda *_, **__: None)


def test_neons_key_goes_to_no_host_of_a_file_before_it_is_allowed(workspace: Path) -> None:
    (workspace / "usertrack.yaml").write_text("neon: {api: https://evil.example, project_id: p, database: d}\n")
    error = problem(lambda: asyncio.run(connection_uri(read({"NEON_API_KEY": KEY}))))
    assert "usertrack.yaml:1: nobody has allowed 'neon.api_key' to go to https://evil.example" in error.message


PATTERN = "patterns: {errors: {when: {count: $exception, more_than: 3, within: 5m}, because: errors}}\n"


@pytest.mark.parametrize(
    ("key", "yaml", "channel"),
    [
        ("SLACK_BOT_TOKEN", "slack.api: https://evil.example", "{type: slack, channel: C1}"),
        ("PAGERDUTY_ROUTING_KEY", "pagerduty.url: https://evil.example", "pagerduty"),
        (
            "SMTP_PASSWORD",
            "smtp: {server: evil.example, user: ann}",
            "{type: email, to: [a@b.example], from: c@b.example}",
        ),
        (
            "SMTP_PASSWORD",
            "smtp.user: ann",
            "{type: email, to: [a@b.example], from: c@b.example, server: evil.example}",
        ),
    ],
)
def test_keys_of_channels_go_to_no_address_of_a_file_before_it_is_allowed(
    workspace: Path, clean_env: pytest.MonkeyPatch, cli: Cli, key: str, yaml: str, channel: str
) -> None:
    (workspace / "usertrack.yaml").write_text(yaml)
    (workspace / "patterns.yaml").write_text(PATTERN + f"notifications: {{channels: {{ops: {channel}}}}}\n")
    clean_env.setenv(key, "hunter2")
    refused = cli("alerts", "test")
    assert refused.code == UsageError.exit_code
    setting = next(name for name in ADDRESSES if SETTINGS[name].env == key)
    assert f"nobody has allowed '{setting}' to go to" in " ".join(refused.err.split())
    assert "allowed" in cli("allow", "--yes").err
    assert "nobody has allowed" not in cli("alerts", "test").err  # it tries, and there is no such host


@pytest.mark.parametrize(
    ("url", "variable"),
    [
        ("postgresql://ann@evil.example/app", "PGPASSWORD"),
        ("postgresql://ann:@evil.example/app?schema=public", "PGPASSWORD"),
        ("host=evil.example dbname=app", "PGPASSWORD"),
        ("postgresql://good.example/app?host=evil.example", "PGSERVICE"),
        ("postgresql://evil.example/app?serv%69ce=prod", ""),
        ("postgresql://good.example/app?hostaddr=127.0.0.1&application_name=evil.example", "PGPASSFILE"),
    ],
)
def test_a_database_of_a_file_gets_no_password_of_the_environment(
    workspace: Path, clean_env: pytest.MonkeyPatch, cli: Cli, url: str, variable: str
) -> None:
    (workspace / ".env").write_text(f"DATABASE_URL={url}\n")
    if variable:
        clean_env.setenv(variable, "hunter2")
    refused = cli("query", "run", "neon/accounts").err
    assert f"nobody has allowed '{variable or 'PGSERVICE'}' to go to" in " ".join(refused.split())
    assert "evil.example" in refused


def test_a_database_with_a_password_of_its_own_needs_no_word(workspace: Path, clean_env: pytest.MonkeyPatch) -> None:
    (workspace / ".env").write_text(f"DATABASE_URL={URL}\n")
    clean_env.setenv("PGPASSWORD", "hunter2")
    assert destinations(read()) == []


def test_every_setting_that_names_an_address_is_guarded() -> None:
    ends = (".host", ".api", ".url", "_url", "smtp.server")
    named = {name for name in SETTINGS if name.endswith(ends)}
    secrets = {name for name in named if SETTINGS[name].secret}  # the address itself is the key
    assert secrets == {"postgres.url", "slack.webhook_url", "webhook.url", "alertmanager.url"}
    assert named - secrets == {*ADDRESSES.values()}
    of_services = {name for name, spec in SETTINGS.items() if spec.secret} - secrets - {"pseudonym_key"}
    assert of_services == {*ADDRESSES}


@pytest.mark.parametrize(
    ("yaml", "dotenv", "env"),
    [
        ("posthog.host: https://eu.posthog.com/", "", {"POSTHOG_PERSONAL_API_KEY": KEY}),
        (COMMAND, "", {"POSTHOG_HOST": "https://ours.example"}),
        ("", f"POSTHOG_HOST=https://ours.example\nPOSTHOG_PERSONAL_API_KEY={KEY}", {}),
        (EVIL, "", {}),
    ],
)
def test_hosts_that_nobody_has_to_allow(workspace: Path, yaml: str, dotenv: str, env: dict[str, str]) -> None:
    (workspace / "usertrack.yaml").write_text(yaml)
    (workspace / ".env").write_text(dotenv)
    assert destinations(read(env)) == []


def test_a_login_that_was_killed_halfway_leaves_no_key_for_another_host() -> None:
    path = store().file
    path.write_text(path.read_text().replace("eu.posthog.com", "us.posthog.com"))
    error = problem(lambda: read()["posthog.personal_api_key"])
    assert error.message.endswith("is for another host than https://us.posthog.com")
    assert "`usertrack login default`" in error.hint


def test_what_goes_before_a_profile_is_told(workspace: Path) -> None:
    store("acme")
    (workspace / "usertrack.yaml").write_text("profile: acme\nposthog: {project_id: 7}\n")
    assert read().notes == ()
    (workspace / "usertrack.yaml").write_text("profile: acme\nposthog: {project_id: 8}\n")
    assert read().notes == ("profile 'acme' goes before usertrack.yaml, line 2; `profile: off` there switches it off",)
    (workspace / "usertrack.yaml").write_text("")
    named = read({"DATABASE_URL": URL}, profile="acme")
    assert named.notes == ("not all is of profile 'acme': environment, DATABASE_URL goes first",)


def command(workspace: Path, words: str, *, allowed: bool = True, name: str = "postgres.url") -> Settings:
    (workspace / "usertrack.yaml").write_text(f"timezone: UTC\npassword_command:\n  {name}: {words}\n")
    settings = read()
    for each in settings.commands if allowed else ():
        allow(each.fingerprint)
    return settings


def test_a_command_prints_a_secret_when_it_is_needed(workspace: Path) -> None:
    settings = command(workspace, f"[sh, -c, 'echo x >> ran; echo {URL}']")
    assert settings.has_postgres
    assert settings.displayed("postgres.url") == "set"
    assert settings.values["postgres.url"].origin == "password_command, usertrack.yaml, line 3"
    assert not (workspace / "ran").exists()
    assert [settings["postgres.url"], settings["postgres.url"]] == [URL, URL]
    assert (workspace / "ran").read_text() == "x\n"


def test_no_command_runs_before_it_is_allowed(workspace: Path, tmp_path: Path) -> None:
    settings = command(workspace, "touch ran", allowed=False)
    error = problem(lambda: settings["postgres.url"])
    assert error.message.endswith("usertrack.yaml:3: nobody has allowed the command that prints 'postgres.url'")
    assert "`usertrack allow`" in error.hint
    command(workspace, "cat secret.txt")
    (workspace / "secret.txt").write_text("one")
    assert "nobody has allowed" in problem(lambda: read()["postgres.url"]).message
    allow(read().commands[0].fingerprint)
    assert read()["postgres.url"] == "one"
    for change in (
        lambda: (workspace / "secret.txt").write_text("two"),
        lambda: command(workspace, "cat ./secret.txt", allowed=False),
        lambda: workspace.rename(tmp_path / "elsewhere") and os.chdir(tmp_path / "elsewhere"),
    ):
        change()
        assert "nobody has allowed" in problem(lambda: read()["postgres.url"]).message
        allow(read().commands[0].fingerprint)


def test_completion_runs_no_command(workspace: Path) -> None:
    settings = command(workspace, f"[sh, -c, 'touch ran; echo {URL}']").without_fetching()
    assert "not fetched" in problem(lambda: identities(settings)).message
    assert not (workspace / "ran").exists()


def test_no_shell_reads_the_command(workspace: Path) -> None:
    assert command(workspace, "echo $HOME '`id`' a;b")["postgres.url"] == "$HOME `id` a;b"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("no-such-command x", "`no-such-command`, for 'postgres.url', cannot be found"),
        ("sh -c 'echo hunter2; echo PGPASSWORD=hunter2 >&2; exit 3'", "ended with exit code 3"),
        ("'true'", "printed nothing"),
        ("sh -c 'echo hunter2; echo hunter2'", "printed more than one line"),
        ("sh -c 'printf \"\\\\377\"'", "printed what is not UTF-8 text"),
        ("sleep 9", "took longer than 0.2 s"),
        (".", "cannot be run"),
    ],
)
def test_a_command_that_fails(workspace: Path, monkeypatch: pytest.MonkeyPatch, words: str, message: str) -> None:
    monkeypatch.setattr(password_command, "LONGEST_SECONDS", 0.2 if "sleep" in words else 9)
    settings = command(workspace, words)
    error = problem(lambda: settings["postgres.url"])
    assert error.exit_code == 2
    assert "usertrack.yaml:3: the command " in error.message
    assert message in error.message
    assert "hunter2" not in error.message + error.hint


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("password_command: op read x", ":1: unknown setting 'password_command'", "op read"),
        (
            "password_command:\n  postgres.ulr: x",
            ":2: unknown setting 'password_command.postgres.ulr'",
            "'postgres.url'",
        ),
        ("password_command:\n  timezone: date", ":2: 'timezone' is no secret", "postgres.url"),
        ("password_command:\n  postgres: {url: 'a \"b'}", ":2: the command has a quote without its end", "op read"),
        ("password_command:\n  postgres.url: []", ":2: 'password_command' takes a command", "op read"),
        ("postgres.url: x\npassword_command:\n  postgres.url: y", ":3: 'postgres.url' is set twice", "line 1"),
    ],
)
def test_a_wrong_password_command(workspace: Path, text: str, message: str, hint: str) -> None:
    (workspace / "usertrack.yaml").write_text(text)
    error = problem(read)
    assert message in error.message
    assert hint in error.hint


def test_an_empty_section_sets_nothing(workspace: Path) -> None:
    (workspace / "usertrack.yaml").write_text("password_command:\n")
    assert read().commands == ()
