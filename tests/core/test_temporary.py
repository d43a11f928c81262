"""Temporary folders of killed processes go with the next start, and those of running ones stay; files are whole."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from usertrack.core.temporary import remove_left_overs, write_private

AT_WORK = """
import sys, time
from pathlib import Path
from usertrack.core.temporary import temporary_folder
with temporary_folder(*map(Path, sys.argv[1:])) as folder:
    (folder / "rows.csv").write_text("ann@x.example")
    print("ready", flush=True)
    time.sleep(60)
"""
KILLED = """
import os, pathlib, signal, sys
from usertrack.core import temporary
pathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
temporary.write_private(pathlib.Path(sys.argv[1]), "new secret")
"""


@pytest.mark.parametrize("is_beside", [True, False])
def test_what_a_killed_process_leaves_goes_with_the_next_start(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_beside: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    command = [sys.executable, "-c", AT_WORK, *([str(tmp_path)] if is_beside else [])]
    with subprocess.Popen(command, stdout=-1, env={**os.environ, "TMPDIR": str(tmp_path)}) as process:
        assert process.stdout
        process.stdout.readline()
        remove_left_overs(tmp_path)
        assert [file.name for file in tmp_path.rglob("*.csv")] == ["rows.csv"]
        process.kill()
    remove_left_overs(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_writer_leaves_the_old_file_and_no_copy_of_the_secret(tmp_path: Path) -> None:
    path = tmp_path / "profiles/acme.secrets"
    write_private(path, "old secret")
    done = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert done.returncode == -signal.SIGKILL
    remove_left_overs(path.parent)
    assert [(file.name, file.read_text()) for file in path.parent.iterdir()] == [("acme.secrets", "old secret")]


def test_a_folder_of_the_users_own_stays(tmp_path: Path) -> None:
    for name in ("old-usertrack-run-results", "usertrack-run-of-monday"):
        (tmp_path / name).mkdir()
    remove_left_overs(tmp_path)
    assert len([*tmp_path.iterdir()]) == 2
