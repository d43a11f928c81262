"""`usertrack tracker secret`: shown once, replaced when asked."""

from pathlib import Path

from typer.testing import CliRunner

from usertrack.cli.app import app

RUN = CliRunner()


def secret(data: Path, *options: str) -> tuple[int, str]:
    result = RUN.invoke(app, ["tracker", "secret", "--data", str(data), *options])
    return result.exit_code, result.stdout.strip()


def test_a_secret_is_shown_once_and_replaced_when_asked(tmp_path: Path) -> None:
    code, first = secret(tmp_path)
    assert (code, first[:4], len(first) > 40) == (0, "uts_", True)
    assert secret(tmp_path) == (1, "")
    code, second = secret(tmp_path, "--rotate")
    assert code == 0
    assert second != first
    text = (tmp_path / "identity.json").read_text()
    assert first in text
    assert second in text
    assert secret(tmp_path, "--rotate", "--overlap", "0")[0] == 0
