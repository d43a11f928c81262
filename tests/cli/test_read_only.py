"""Home, workspace and data on a file system that is read-only: commands that read answer, the others say why not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

IN_A_MOUNT = """
set -e
mount -t tmpfs none "$1"; cd "$1"; mkdir home work; cd work
usertrack() { "$PYTHON" -m usertrack "$@" </dev/null; }
usertrack init . >/dev/null 2>&1
printf 'event,distinct_id,timestamp\\nseen,ann,2026-11-01T00:00:00Z\\n' > log.csv
usertrack import events log.csv --data data >/dev/null 2>&1
mount -o remount,ro "$1"
set +e
while read -r words; do echo "== $words"; usertrack $words 2>&1; echo "ended with $?"; done
"""
READS = ["check", "query list", "profiles"]
WRITES = ["init other", "plan init --from code .", "import events log.csv --data data", "serve --data data --port 0"]


@pytest.mark.slow
def test_a_read_only_disk(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("mounting is not permitted here")
    commands = [*READS, *WRITES, "alerts list"]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "USERTRACK_"))}
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", IN_A_MOUNT, "bash", str(tmp_path)],
        env=env | {"HOME": str(tmp_path / "home"), "PYTHON": sys.executable},
        input="\n".join(commands) + "\n", capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    assert "Traceback" not in done.stdout
    assert "usertrack itself failed" not in done.stdout
    said = {words: text for words, _, text in (part.partition("\n") for part in done.stdout.split("== ")[1:])}
    assert [words for words in READS if "ended with 0" not in said[words]] == []
    assert [words for words in WRITES if "Read-only file system" not in said[words]] == []
    assert [words for words in WRITES if "ended with 2" not in said[words]] == []
    assert "Read-only file system" in said["alerts list"]
