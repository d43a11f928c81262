"""Eight commands at once in one workspace that has no cache and no history yet."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..people import Company, Office, ago, office, served

COMMANDS = {
    "segments -f csv": 0,
    "report weekly -f markdown": 0,
    "funnel $pageview $pageview -f json": 0,
    "activity -f json": 0,
    "failures -f json": 0,
    "check": 0,
    "user ann@x.example -f json": 0,
    "user nobody@x.example -f json": 2,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    company = Company()
    for number in range(20):
        email = f"{'ann' if not number else f'p{number}'}@x.example"
        company.account(email, runs={"completed": 6, "failed": number})
        company.event(company.person(email), "$pageview", ago(3), 4)
    with office(tmp_path_factory.mktemp("place"), company) as opened:
        yield opened


def answers(folder: Path, env: dict[str, str], *, together: bool) -> dict[str, tuple[int, str]]:
    """Exit code and output of each command, in a workspace of its own."""
    (folder / "tmp").mkdir(parents=True)
    (folder / "usertrack.yaml").write_text("")
    homes = {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
    environment = {**os.environ, **env, **homes, "TMPDIR": str(folder / "tmp")}
    running = {}
    for words in COMMANDS:
        output = (folder / f"{len(running)}.out").open("w")
        command = [sys.executable, "-m", "usertrack", *words.split()]
        running[words] = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.DEVNULL
        )
        if not together:
            running[words].wait(120)
    codes = [process.wait(300) for process in running.values()]
    assert [path.name for path in folder.rglob("*usertrack-run-*")] == []
    return {
        words: (codes[number], (folder / f"{number}.out").read_text().partition("<!-- usertrack provenance")[0])
        for number, words in enumerate(COMMANDS)
    }


@pytest.mark.slow
def test_each_answers_as_it_does_alone(place: Office, tmp_path: Path) -> None:
    with served(place) as env:
        together = answers(tmp_path / "together/work", env, together=True)
        alone = answers(tmp_path / "alone/work", env, together=False)
        assert {words: code for words, (code, _) in together.items()} == COMMANDS, together
        differ = [(words, together[words], alone[words]) for words in COMMANDS if together[words] != alone[words]]
        assert differ == []
