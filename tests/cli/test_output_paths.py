"""`--output`: a file that cannot be written is told before anything is asked; what is there stays as it is."""

import os
from pathlib import Path

import pytest

from ..conftest import Cli

COMMANDS = ["report weekly", "segments -f csv", "push failing --to csv"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_cannot_be_written_is_told_before_anything_is_asked(
    unreachable: Cli, tmp_path: Path, command: str
) -> None:
    (tmp_path / "folder").mkdir()
    paths = {
        "missing/week.html": f"there is no folder '{tmp_path}/missing'",
        "folder": "it is a directory",
        "/proc/week.html": "",  # another reason for root
        "~nobody-of-this-name/week.html": "there is no such user",
        f"{'long' * 100}.html": "File name too long",
    }
    for path, reason in paths.items():
        result = unreachable(*command.split(), "-o", path)
        assert (result.code, result.out) == (2, "")
        assert f"cannot write '{path}': {reason}" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_what_can_be_written_is_left_alone_when_the_question_fails(unreachable: Cli, tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("old")
    os.mkfifo(tmp_path / "pipe")
    for path in ("old.csv", "new.csv", "pipe", "/dev/full", "-"):
        assert unreachable("segments", "-f", "csv", "-o", path).code == 3
    assert (tmp_path / "old.csv").read_text() == "old"
    assert not (tmp_path / "new.csv").exists()
