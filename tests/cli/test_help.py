"""Help, completion and what they cost."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from usertrack import __version__
from usertrack.cli.app import command_line, whole_command_line
from usertrack.cli.commands import PANELS

from ..conftest import Cli

COMMANDS = [
    "segments",
    "explain",
    "user",
    "match",
    "query list",
    "query show",
    "query run",
    "query new",
    "init",
    "check",
]
COMMANDS += [
    "doctor",
    "login",
    "logout",
    "profiles",
    "allow",
    "demo",
    "serve",
    "import events",
    "metrics",
    "cache info",
    "cache clear",
]
COMMANDS += ["insight list", "insight show", "insight run", "insight create", "insight delete"]
COMMANDS += ["trends", "funnel", "retention", "cohorts", "lifecycle", "stickiness", "features", "churn"]
COMMANDS += ["events", "properties", "errors", "search"]


def plain(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


def test_top_level(cli: Cli) -> None:
    result = cli("--help")
    text = plain(result.out)
    assert result.code == 0
    assert text.startswith("Usage: usertrack [OPTIONS] COMMAND")
    assert text.index("usertrack segments") < text.index("Options")
    for code, words in {
        0: "ok",
        2: "usage, settings or a file",
        5: "a check found problems",
        130: "interrupted",
    }.items():
        assert f"{code} {words}" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_come_first(cli: Cli, command: str) -> None:
    result = cli(*command.split(), "--help")
    assert result.code == 0
    text = plain(result.out)
    example = text.index(f"usertrack {command}", len(f"Usage: usertrack {command}"))
    assert example < text.index("─ Options")


def test_the_help_lists_what_the_commands_say_themselves() -> None:
    """Their modules are imported only when they are called."""
    said: dict[str, dict[str, str]] = {}
    for name, command in whole_command_line().commands.items():
        panel = getattr(command, "rich_help_panel", "")
        said.setdefault(panel, {})[name] = " ".join((command.help or "").split("\n\n")[0].split())
    assert said == PANELS


def test_version(cli: Cli) -> None:
    assert cli("--version").out == f"usertrack {__version__}\n"


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, json; sys.argv = ['usertrack', 'segments', '--help']\n"
        "from usertrack.cli.app import run; run()\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "duckdb",
        "chdb",
        "httpx",
        "psycopg",
        "sqlglot",
        "jinja2",
        "yaml",
        "pyarrow",
        "pandas",
        "numpy",
        "starlette",
    }
    assert heavy.isdisjoint(json.loads(done.stdout.splitlines()[-1]))


Completed = Callable[[str], str]


@pytest.fixture
def completed(cli: Cli, clean_env: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Completed:
    """What bash is offered for a line, by the protocol that its completion script speaks."""

    def ask(typed: str) -> str:
        clean_env.setenv("_USERTRACK_COMPLETE", "complete_bash")
        clean_env.setenv("COMP_WORDS", typed)
        clean_env.setenv("COMP_CWORD", str(len(typed.split(" ")) - 1))
        with pytest.raises(SystemExit, match="0"):
            cli()
        out, err = capsys.readouterr()
        assert err == ""
        return out

    return ask


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("usertrack seg", {"segments"}),
        ("usertrack segments f", {"failing", "frustrated"}),
        ("usertrack segments --set l", {"lifecycle"}),
        ("usertrack query show posthog/pe", {"posthog/people"}),
        ("usertrack query run neon/user_ti", {"neon/user_timeline"}),
        ("usertrack query run user_ti", {"user_timeline"}),
        ("usertrack push d", set()),
        ("usertrack push --set lifecycle d", {"dormant"}),
        ("usertrack history --segment d", set()),
        ("usertrack report segment fa", {"failing"}),
        ("usertrack match a", {"ambiguous"}),
        ("usertrack segments --format j", {"json", "jsonl"}),
        ("usertrack retention --interval ", {"hour", "day", "week", "month"}),
        ("usertrack lifecycle --period w", {"week"}),
        ("usertrack lifecycle --week-start ", {"monday", "sunday"}),
        ("usertrack journeys --by ", {"page", "event"}),
        ("usertrack funnel a --order s", {"strict"}),
        ("usertrack retention --type f", {"first-time"}),
        ("usertrack properties --of p", {"person"}),
        ("usertrack errors --sort f", {"first_seen"}),
        ("usertrack query run --source ", {"posthog", "neon"}),
        ("usertrack history backfill --set l", {"lifecycle"}),
        ("usertrack segments --timezone Europe/Berl", {"Europe/Berlin"}),
        ("usertrack activity --breakdown utm_s", {"utm_source"}),
        ("usertrack user x", set()),
        ("usertrack segments --max-age ", set()),
    ],
)
def test_completion_in_bash(completed: Completed, typed: str, offered: set[str]) -> None:
    assert set(completed(typed).split()) == offered


@pytest.mark.slow
def test_completion_with_names_of_the_last_answers(demo: Cli, completed: Completed) -> None:
    for command in ("segments", "events", "properties", "properties --of person", "failures", "insight list"):
        assert demo(*command.split(), "--demo").code == 0
    offered = {
        "user ada.chan@": {"ada.chan@evergreen.example"},
        "explain ada.chan": {"ada.chan@evergreen.example"},
        "failures --tool linkedin_g": {"linkedin_get_profile"},
        "lifecycle --event mcp_c": {"mcp_connect_clicked"},
        "funnel user_signed_u": {"user_signed_up"},
        "activity --breakdown person.pl": {"person.plan"},
        "insight run Daily": {"Daily active users (DAUs)"},
    }
    assert {typed: set(completed(f"usertrack {typed}").splitlines()) for typed in offered} == offered


def test_completion_of_a_broken_workspace_is_empty(cli: Cli, completed: Completed, tmp_path: Path) -> None:
    cli("init")
    (tmp_path / "segments.yaml").write_text("{")
    assert completed("usertrack segments f").strip() == ""


def test_a_home_that_cannot_take_the_completion(cli: Cli, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.delenv("USERTRACK_DEBUG")
    clean_env.setenv("HOME", "/proc/nowhere")
    clean_env.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")  # which looks at the parent process
    command_line.cache_clear()  # which is made once for all tests
    result = cli("--install-completion", "bash")
    command_line.cache_clear()
    assert (result.code, result.out) == (2, "")
    assert "hint: `usertrack --show-completion` prints it" in result.err
