"""Accounts of one id: that figures are doubled is told, and the exit code is 6."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Cli, slow_but
from tests.people import Company, office, served
from usertrack.library.library import shipped_root


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    company = Company()
    for name in ("ann", "ben"):
        company.account(f"{name}@acme.example", runs={"failed": 9})
    with office(tmp_path_factory.mktemp("doubled"), company) as opened, served(opened) as env:
        yield env


def double(folder: Path, email: str) -> None:
    """Every account is there twice, the second time with ``email`` of ``twice.of``."""
    shipped = (shipped_root() / "tables/neon/accounts.sql").read_text()
    (folder / "tables/neon").mkdir(parents=True)
    (folder / "tables/neon/accounts.sql").write_text(
        shipped.replace("    w.email,", f"    {email} AS email,", 1)
        + "CROSS JOIN (VALUES (''), ('second-')) AS twice (of)\n"
    )


@pytest.mark.parametrize(
    ("email", "problem"),
    [
        ("twice.of || w.email", "2 account ids are there more than once, such as "),
        ("w.email", "2 account ids are there more than once: what they did is counted each time"),
    ],
)
def test_doubled_figures_are_told(
    cli: Cli, clean_env: pytest.MonkeyPatch, environment: dict[str, str], tmp_path: Path, email: str, problem: str
) -> None:
    for name, value in environment.items():
        clean_env.setenv(name, value)
    (tmp_path / "usertrack.yaml").write_text("")
    assert cli("segments").code == 0
    double(tmp_path, email)
    answer = cli("segments", "-f", "json")
    assert answer.code == 6
    assert any(note.startswith(problem) for note in json.loads(answer.out)["notes"])


TELLING = ["segments", "report segment failing", "history backfill --weeks 1", "push failing --to csv"]
KEYS = ["email", "account_id"]


@pytest.mark.parametrize(
    ("command", "key"),
    slow_but([*zip(TELLING, [*KEYS, *KEYS], strict=True)], [(command, key) for command in TELLING for key in KEYS]),
)
def test_every_command_tells_of_it(
    cli: Cli, clean_env: pytest.MonkeyPatch, environment: dict[str, str], tmp_path: Path, command: str, key: str
) -> None:
    for name, value in environment.items():
        clean_env.setenv(name, value)
    (tmp_path / "usertrack.yaml").write_text("")
    rules = (shipped_root() / "segments.yaml").read_text()
    (tmp_path / "segments.yaml").write_text(rules.replace("key: email", f"key: {key}"))
    double(tmp_path, "w.email")
    answer = cli(*command.split())
    is_told = "2 account ids are there more than once" in " ".join((answer.out + answer.err).split())
    assert (answer.code, is_told) == (6, True)
