"""A command whose extra is not installed says which line installs it, beside the extras that are there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("without_extras.py")


def ends(folder: Path, there: str, *commands: str) -> dict[str, tuple[int, str]]:
    """How commands end without the extras that are not ``there``: exit code and standard error."""
    run = [sys.executable, str(SCRIPT), there, *commands]
    done = subprocess.run(run, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {words: (code, said) for words, code, said in map(json.loads, done.stdout.splitlines())}


def test_a_missing_extra_is_named_with_the_line_that_installs_it(tmp_path: Path, clean_env: pytest.MonkeyPatch) -> None:
    needed = {
        "segments": "local,plan",
        "import events events.csv": "local,plan",
        "tracker secret": "local,plan",
        "open": "web,plan",
    }
    for command, (code, said) in ends(tmp_path, "plan", *needed).items():
        assert code == 2, command
        assert f"`pip install '.[{needed[command]}]'`" in said, command


@pytest.mark.slow
@pytest.mark.parametrize("there", ["", "web,plan"])
def test_no_command_fails_otherwise(there: str, tmp_path: Path, clean_env: pytest.MonkeyPatch) -> None:
    ended = ends(tmp_path, there)
    assert len(ended) > 70
    assert {command: said for command, (code, said) in ended.items() if code == 1} == {}
    missing = [said for _, said in ended.values() if "is not installed" in said]
    assert len(missing) > 30
    of_plan = "`pip install '.[plan]'`" in ended["plan scan"][1]
    assert of_plan == ("plan" not in there)
    assert all("`pip install '.[" in said for said in missing)
