"""Where each setting comes from, and what is said of those that are wrong."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import problem
from usertrack.core.errors import UsageError
from usertrack.workspace.setting_specs import SETTINGS
from usertrack.workspace.settings import Settings, load_settings


def read(tmp_path: Path, text: str = "", env: dict[str, str] | None = None, **options: Any) -> Settings:
    (tmp_path / "usertrack.yaml").write_text(text, encoding="utf-8")
    return load_settings(workspace=tmp_path, env=env or {}, options=options)


def test_option_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    env = {"USERTRACK_TIMEZONE": "Asia/Tokyo"}
    text = "posthog:\n  host: https://eu.posthog.com\ntimezone: Europe/Berlin\n"
    assert read(tmp_path)["timezone"] == "UTC"
    assert read(tmp_path, text)["timezone"] == "Europe/Berlin"
    assert read(tmp_path, text, env)["timezone"] == "Asia/Tokyo"
    assert read(tmp_path, text, env, timezone="Africa/Cairo")["timezone"] == "Africa/Cairo"
    origins = [
        settings.values["timezone"].origin
        for settings in (read(tmp_path), read(tmp_path, text), read(tmp_path, text, env))
    ]
    assert origins == ["default", "usertrack.yaml, line 3", "environment, USERTRACK_TIMEZONE"]
    assert read(tmp_path, text, env, timezone="Africa/Cairo").values["timezone"].origin == "option"


def test_an_empty_variable_is_not_set(tmp_path: Path) -> None:
    assert read(tmp_path, "timezone: Asia/Tokyo", {"USERTRACK_TIMEZONE": " "})["timezone"] == "Asia/Tokyo"


def test_lists_numbers_and_dates(tmp_path: Path) -> None:
    settings = read(
        tmp_path, env={"USERTRACK_INTERNAL": " a.example, b@c.example ,", "USERTRACK_POSTHOG_TIMEOUT": "2.5"}
    )
    assert settings["internal"] == ["a.example", "b@c.example"]
    assert settings["posthog.timeout"] == 2.5
    settings = read(tmp_path, "internal: []\nposthog: {project_id: 12, timeout: 60}\nas_of: 2026-11-20\nneon:\n")
    assert (settings["internal"], settings["posthog.project_id"], settings["as_of"]) == ([], "12", "2026-11-20")


def test_a_file_in_a_folder_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "usertrack.yaml").write_text("timezone: Asia/Tokyo")
    (tmp_path / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "down")
    assert load_settings(env={})["timezone"] == "Asia/Tokyo"
    assert load_settings(env={"USERTRACK_WORKSPACE": str(tmp_path / "deep")}).root == tmp_path / "deep"


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("timezon: UTC", 1, "unknown setting 'timezon'", "'timezone'"),
        (
            "posthog:\n  project_id: 1\nneon:\n  project_idd: x",
            4,
            "unknown setting 'neon.project_idd'",
            "neon.project_id",
        ),
        ("postgres:\n  timeout: 5\nposthog:\n  timeout: soon", 4, "takes a number of seconds, not 'soon'", "300"),
        ("posthog:\n  timeout: true", 2, "takes a number of seconds", "300"),
        ("posthog:\n  timeout: 0", 2, "takes a number of seconds", "300"),
        ("posthog:\n  timeout: .nan", 2, "takes a number of seconds", "300"),
        ("posthog:\n  host: [a]", 2, "'posthog.host' takes a text", ""),
        ("neon:\n  database: false", 2, "'neon.database' takes a text", ""),
        ("internal: [1]", 1, "takes a list of texts", "internal: ["),
        ("internal: {a: b}", 1, "takes a list of texts", "internal: ["),
        ("timezone: UTC\nmax_age: 90", 2, "'90' is not an age", "30m"),
        ("cache_size: big", 1, "'big' is not a size", "500MB"),
        ("posthog: hello", 1, "unknown setting 'posthog'", ""),
        ("timezone: UTC\ntimezone: UTC", 2, "set twice", "line 1"),
        ("a: [1", 1, "not valid YAML", ""),
        ("timezone: UTC\n\tformat: csv", 2, "not valid YAML", ""),
        ("a: &x [*x]", 1, "not valid YAML", ""),
        ("? {b: c}\n: d", 1, "unknown setting", ""),
        ("- a", 1, "takes settings such as", ""),
        ("---\na: 1\n---\nb: 1", 3, "not valid YAML", ""),
        ("timezone: !!python/name:os.system x", 1, "not valid YAML", ""),
    ],
)
def test_a_wrong_file_is_named_with_its_line(tmp_path: Path, text: str, line: int, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert caught.value.message.startswith(f"{tmp_path / 'usertrack.yaml'}:{line}: ")
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").write_bytes(b"timezone: \xff")
    with pytest.raises(UsageError, match=r"usertrack.yaml: cannot be read"):
        load_settings(workspace=tmp_path, env={})
    (tmp_path / "usertrack.yaml").write_bytes(b"\xef\xbb\xbftimezone: Asia/Tokyo")
    assert load_settings(workspace=tmp_path, env={})["timezone"] == "Asia/Tokyo"


@pytest.mark.parametrize("name", ["Europe/Berln", "Mars/Olympus", "../etc/passwd", "Europe", "/etc/passwd", "\x00"])
def test_a_timezone_that_is_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is not a timezone") as caught:
        read(tmp_path, timezone=name)
    assert "Europe/Berlin" in caught.value.hint


@pytest.mark.parametrize("host", ["us.posthog.com", "ftp://x", "https://", "https://[", "https://a\nb", "javascript:1"])
def test_an_address_that_is_none(tmp_path: Path, host: str) -> None:
    with pytest.raises(UsageError, match=r"'posthog.host' is not an address .*\(environment, POSTHOG_HOST\)") as caught:
        read(tmp_path, env={"POSTHOG_HOST": host})
    assert "us.posthog.com" in caught.value.hint


@pytest.mark.parametrize("key", ["phx_sécret", "phx_se cret", "phx_se\ncret", "phx_se\x1bcret"])
def test_a_key_that_is_none_is_not_shown(tmp_path: Path, key: str) -> None:
    for name in ("POSTHOG_PERSONAL_API_KEY", "NEON_API_KEY"):
        with pytest.raises(UsageError, match="characters that no key has") as caught:
            read(tmp_path, env={name: key})
        assert "cret" not in f"{caught.value} {caught.value.hint}"


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    env = {SETTINGS[name].env: "s3cr3t" for name in SETTINGS if SETTINGS[name].secret}
    settings = read(tmp_path, env={name: f" {value}\n" for name, value in env.items()})
    assert [settings[name] for name in SETTINGS if SETTINGS[name].secret] == ["s3cr3t"] * len(env)
    assert {settings.displayed(name) for name in SETTINGS if SETTINGS[name].secret} == {"set"}
    assert "s3cr3t" not in repr(settings)
    assert read(tmp_path).displayed("postgres.url") == "not set"


def test_how_old_an_answer_may_be(tmp_path: Path) -> None:
    env = {"USERTRACK_MAX_AGE": "2h"}
    assert read(tmp_path, "max_age: 1d").max_age == timedelta(days=1)
    assert read(tmp_path, "max_age: 1d", env).max_age == timedelta(hours=2)
    assert read(tmp_path, "max_age: 1d", env, max_age="5m").max_age == timedelta(minutes=5)
    assert load_settings(workspace=tmp_path, env=env, refresh=True).max_age is None
    assert load_settings(env={"USERTRACK_OFFLINE": "1"}).offline
    assert not load_settings(env={"USERTRACK_OFFLINE": "1"}, refresh=True).offline


def test_the_demo_answers_when_nothing_is_connected(tmp_path: Path) -> None:
    assert read(tmp_path).uses_demo
    assert not read(tmp_path, env={"DATABASE_URL": "postgresql://x"}).uses_demo
    assert read(tmp_path, env={"DATABASE_URL": "postgresql://x", "USERTRACK_DEMO": "1"}).uses_demo


def test_the_own_people_of_the_demo_are_not_those_of_others(tmp_path: Path) -> None:
    internal, insights = read(tmp_path).values["internal"], read(tmp_path)["insights"]
    assert (internal.value, internal.origin, len(insights)) == (["datagen.dev"], "the demo", 9)
    own = read(tmp_path, env={"DATABASE_URL": "postgresql://x"})
    assert (own["internal"], own["insights"]) == ([], [])
    assert read(tmp_path, "internal: [acme.example]")["internal"] == ["acme.example"]


def test_a_workspace_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no workspace") as caught:
        load_settings(workspace=tmp_path / "nowhere", env={})
    assert "usertrack init" in caught.value.hint


def test_weeks_start_on_two_days_only(tmp_path: Path) -> None:
    assert read(tmp_path)["week_start"] is None
    assert read(tmp_path, "week_start: sunday")["week_start"] == "sunday"
    with pytest.raises(UsageError, match=r"weeks cannot start on 'sundae' \(usertrack.yaml, line 1\)") as wrong:
        read(tmp_path, "week_start: sundae")
    assert "'sunday'" in wrong.value.hint


@pytest.mark.parametrize("named", [True, False])
def test_a_settings_file_that_is_none_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, named: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "usertrack.yaml"
    path.symlink_to(path)
    error = problem(lambda: load_settings(workspace=tmp_path if named else None, env={}))
    assert (error.exit_code, error.message) == (2, f"{path}: a link that leads nowhere, where a file belongs")
    path.unlink()
    path.mkdir()
    error = problem(lambda: load_settings(workspace=tmp_path if named else None, env={}))
    assert error.message == f"{path}: a folder, where a file belongs"
