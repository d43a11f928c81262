"""The skill for agents: its commands exist, answer what it says, and it is never staler than it admits."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from usertrack.cli.app import whole_command_line
from usertrack.cli.commands import PANELS
from usertrack.library.library import Library, shipped_root
from usertrack.reports.skill import FOLDERS, NAME, skill_files
from usertrack.segments.rules import read_rules

from ..conftest import Cli, slow_but

TASKS = yaml.safe_load((Path(__file__).parent / "skill_tasks.yaml").read_text())
FILES = skill_files(Library([shipped_root() / "queries"]), read_rules(shipped_root() / "segments.yaml"), PANELS)
ROOT = whole_command_line()


def test_a_client_can_load_it() -> None:
    _, head, _ = FILES["SKILL.md"].split("---\n", 2)
    front = yaml.safe_load(head)
    assert (front["name"], len(front["metadata"]["version"])) == (NAME, 12)
    assert 100 < len(front["description"]) <= 1024  # what clients take
    assert len(FILES["SKILL.md"].splitlines()) < 500
    links = re.findall(r"\]\((references/\w+\.md)\)", FILES["SKILL.md"])
    assert sorted(links) == sorted(FILES.keys() - {"SKILL.md"})


@pytest.mark.parametrize("name", FILES)
def test_every_command_in_it_exists(name: str) -> None:
    written = re.findall(r"`usertrack ([a-z][^`]*)`", FILES[name])
    assert written or name == "references/output.md"
    for line in written:
        command: Any = ROOT
        words = line.split()
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        assert command is not ROOT, line
        assert not getattr(command, "commands", {}) or not words or words[0].startswith("-"), line
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= known, line


def test_it_is_of_the_workspace(cli: Cli, tmp_path: Path, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.chdir(tmp_path)
    assert cli("init").code == 0
    rules = Path("segments.yaml").read_text()
    Path("segments.yaml").write_text(rules.replace("name: Power Users", "name: 'Pow|er {{ 7 * 7 }}'"))
    assert cli("skill", "check").code == 2
    assert cli("skill", "install", "--for", "codex").code == 0
    folder = Path(FOLDERS["codex"]) / NAME
    assert "### `power`: Pow\\|er {{ 7 * 7 }}" in (folder / "references/segments.md").read_text()
    assert cli("skill", "check").code == 0
    Path("segments.yaml").write_text(rules)
    result = cli("skill", "check")
    assert (result.code, "out of date" in result.out) == (5, True)
    assert "did you mean 'cursor'" in cli("skill", "install", "--for", "curser").err


@pytest.mark.parametrize("task", slow_but(TASKS[:1], TASKS), ids=lambda task: task["question"])
def test_what_it_says_is_the_answer(demo: Cli, task: dict[str, Any]) -> None:
    email = re.search(r"\S+@\S+", demo("segments", "high_intent", "--limit", 1, "-f", "csv").out.replace(",", " "))
    assert email
    output = ""
    for command in task["commands"]:
        assert all(word in FILES["SKILL.md"] for word in command.split()[:1])
        result = demo(*command.replace("EMAIL", email[0]).split())
        assert result.code == 0, result.err
        output += result.out + result.err
    for fact in task["facts"]:
        assert re.search(fact.replace("EMAIL", re.escape(email[0])), output), (fact, output)
