"""Code that would keep a scan busy for ever: it is told, and the rest is read. Without a budget no test here ends."""

import json
import os
from pathlib import Path

import pytest

from usertrack.core.errors import INCOMPLETE
from usertrack.coverage.scan_file import read_scan
from usertrack.plan.scan.scan import scan_code

from ...conftest import Cli
from .generated import IMPORT, LAST, SENT, program

DOUBLED = [  # what a line makes of the last one: after sixty lines, 2^60 of it
    *(("py", step) for step in ("{0} + {0}", "{{**{0}, **{0}}}", "f'{{{0}}}{{{0}}}'", "[{0}, {0}]")),
    *(("js", step) for step in ("{0} + {0}", "{{...{0}, ...{0}}}", "`${{{0}}}${{{0}}}`", "{0}({0})[{0}]")),
]
FILES = int(os.environ.get("USERTRACK_FUZZ", "200"))  # 5 000 by hand take some ten minutes


def write(folder: Path, language: str, *lines: str) -> None:
    (folder / f"a.{language}").write_text("\n".join([IMPORT[language], *lines, LAST[language], ""]))


@pytest.mark.parametrize(("language", "step"), DOUBLED)
def test_sixty_lines_that_double_end(language: str, step: str, tmp_path: Path) -> None:
    lines = [f"a{n + 1} = {step.format(f'a{n}')}" for n in range(60)]
    write(tmp_path, language, "a0 = 'x'", *lines, SENT[language].format("a60", "a60"))
    assert "the_last" in [site.event for site in scan_code([tmp_path]).sites]


@pytest.mark.parametrize(
    ("language", "choice"), [("py", "('a{0}' if c{0} else 'b{0}')"), ("js", "(c{0}?'a{0}':'b{0}')")]
)
def test_forty_conditionals_are_a_pattern(language: str, choice: str, tmp_path: Path) -> None:
    name = " + ".join(choice.format(n) for n in range(40))
    write(tmp_path, language, SENT[language].format(name, "{}"))
    scan = scan_code([tmp_path])
    assert (scan.is_partial, len(scan.sites)) == (False, 17)
    assert scan.sites[0].pattern == "a0a1a2a3*"


def test_what_is_too_complex_is_told(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path, "py", "a0 = 'x'", *(f"a{n + 1} = a{n} + a{n}" for n in range(60)), "posthog.capture('u', a60)")
    result = cli("plan", "scan", str(tmp_path))
    assert result.code == INCOMPLETE
    assert "a.py:63  1  too complex" in result.out
    result = cli("plan", "scan", str(tmp_path), "-f", "json", "-o", str(tmp_path / "scan.json"))
    assert json.loads((tmp_path / "scan.json").read_text())["partial"] is True
    assert read_scan(tmp_path / "scan.json").is_partial  # as `plan coverage --scan FILE` says then


def test_many_bad_calls_cost_no_more_than_a_few(tmp_path: Path) -> None:
    lines = [f"a{n + 1} = a{n} + a{n}" for n in range(60)]
    write(tmp_path, "py", "a0 = 'x'", *lines, *["posthog.capture('u', a60)"] * 1000)
    scan = scan_code([tmp_path])
    assert len([place for place in scan.unresolved if place.reason.startswith("too complex")]) == 1001


@pytest.mark.slow
def test_generated_code_ends(tmp_path: Path) -> None:
    lost = []
    for seed in range(FILES):
        language, text = program(seed)
        folder = tmp_path / str(seed)
        folder.mkdir()
        (folder / f"a.{language}").write_text(text)
        scan = scan_code([folder])
        if "the_last" not in [site.event for site in scan.sites] and not scan.is_partial:
            lost.append(seed)
    assert lost == []
