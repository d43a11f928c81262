"""`usertrack plan codegen`: writes the file, and says in CI whether it is stale."""

from pathlib import Path

import pytest

from tests.conftest import Cli

PLAN = "events:\n  report_exported: {required: [format]}\n"
COMMAND = ("plan", "codegen", "python", "-o", "tracking.py")


@pytest.fixture
def workspace(cli: Cli, tmp_path: Path) -> Cli:
    (tmp_path / "tracking.yaml").write_text(PLAN)
    return cli


def test_the_file_is_what_standard_output_has(workspace: Cli, tmp_path: Path) -> None:
    assert workspace(*COMMAND).code == 0
    assert (tmp_path / "tracking.py").read_text() == workspace("plan", "codegen", "python").out
    assert 'REPORT_EXPORTED: "report_exported"' in workspace("plan", "codegen", "typescript").out


def test_check_fails_when_the_plan_has_changed(workspace: Cli, tmp_path: Path) -> None:
    assert workspace(*COMMAND, "--check").code == 5
    workspace(*COMMAND)
    assert workspace(*COMMAND, "--check").code == 0
    (tmp_path / "tracking.yaml").write_text(PLAN + "  report_shared:\n")
    stale = workspace(*COMMAND, "--check")
    assert stale.code == 5
    assert stale.err == (
        "error: 'tracking.py' is stale: tracking.yaml gives something else\n"
        "hint: `usertrack plan codegen python -o tracking.py` writes it anew\n"
    )
    assert "REPORT_SHARED" not in (tmp_path / "tracking.py").read_text()


def test_a_checkout_of_windows_is_not_stale(workspace: Cli, tmp_path: Path) -> None:
    workspace(*COMMAND)
    file = tmp_path / "tracking.py"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert workspace(*COMMAND, "--check").code == 0


def test_what_it_cannot_do(workspace: Cli, tmp_path: Path) -> None:
    assert "--check needs the file that it looks at" in workspace("plan", "codegen", "python", "--check").err
    assert "there is no tracking plan 'other.yaml'" in workspace(*COMMAND, "--plan", "other.yaml").err
    (tmp_path / "tracking.yaml").write_text("properties: {format: string}\n")
    assert workspace(*COMMAND).err.startswith("error: tracking.yaml: the plan has no events\n")
    assert not (tmp_path / "tracking.py").exists()
