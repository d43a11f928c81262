"""With `-f json` an error is for programs: one line of JSON on standard error, with a code that stays."""

import importlib
import json
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest

import usertrack
from tests.conftest import Cli
from usertrack.core.errors import UsertrackError


def error_of(cli: Cli, *args: str) -> dict[str, Any]:
    result = cli(*args)
    assert result.out == ""
    assert [line for line in result.err.splitlines() if line.startswith("{")] == result.err.splitlines()[-1:]
    document: dict[str, Any] = json.loads(result.err.splitlines()[-1])
    assert list(document) == ["error"]
    assert document["error"]["exit"] == result.code
    return document["error"]


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("segments nobody --demo -f json", "usage", "set 'action' has no segment 'nobody'"),
        ("segments --nonsense -f json", "usage", "no such option: --nonsense"),
        ("segments --format=jsonl --limit many", "usage", "invalid value for '--limit'"),
        ("nonsense -fjson", "usage", "no such command 'nonsense'"),
        ("-f json", "usage", "no such option: -f"),
        (
            "query run neon/accounts --format json --offline",
            "not_connected",
            "Postgres is not connected",
        ),
    ],
)
def test_an_error_for_programs(demo: Cli, clean_env: pytest.MonkeyPatch, line: str, code: str, message: str) -> None:
    if code == "not_connected":
        for name, value in {"HOST": "http://127.0.0.1:1", "PROJECT_ID": "1", "PERSONAL_API_KEY": "phx_1"}.items():
            clean_env.setenv(f"POSTHOG_{name}", value)
    error = error_of(demo, *line.split())
    assert (error["code"], error["message"][: len(message)]) == (code, message)
    assert error["hint"]


def test_the_format_may_come_from_the_environment(demo: Cli, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.setenv("USERTRACK_FORMAT", "json")
    assert error_of(demo, "segments", "nobody", "--demo")["exit"] == 2
    assert demo("segments", "nobody", "--demo", "-f", "table").err.startswith("error: set 'action' has no")


def test_a_bug_for_programs(cli: Cli, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.delenv("USERTRACK_DEBUG")
    clean_env.setattr("usertrack.cli.session.settings_of", lambda common: 1 / 0)
    assert error_of(cli, "segments", "-f", "json")["code"] == "bug"


def test_every_code_is_one_kind_of_error_and_documented() -> None:
    for module in pkgutil.walk_packages(usertrack.__path__, "usertrack."):
        if not module.name.startswith(("usertrack.__main__", "usertrack.track")):
            importlib.import_module(module.name)
    kinds, exits = [UsertrackError], {"bug": 1}
    for kind in kinds:
        kinds += [each for each in kind.__subclasses__() if each.__module__.startswith("usertrack.")]
        if "code" in vars(kind):  # others are, for programs, what they are a kind of
            assert kind.code not in exits
            exits[kind.code] = kind.exit_code
        assert kind.exit_code == exits[kind.code]
    text = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()
    assert {code: int(number) for code, number in re.findall(r"^\| `(\w+)` \| (\d) \|", text, re.MULTILINE)} == exits
