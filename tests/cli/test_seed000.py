"""Every query of seed 000 runs as it was written, and one with a placeholder in quotes once these are gone."""

import io
import re
import sys
from pathlib import Path

import pytest

from ..conftest import Cli

QUERIES = sorted((Path(__file__).parent.parent / "seed000").glob("*.sql"))
UNGROUPED = "neon_check_if_user_actually_uses_suspected_tool"  # counts without GROUP BY: no PostgreSQL runs that


def test_all_of_them() -> None:
    assert len(QUERIES) == 27


PASTED = [path for path in QUERIES if re.search(r"'\{[A-Z_]+\}'", path.read_text())]


@pytest.mark.parametrize(
    "path", [path for path in QUERIES if path not in PASTED and path.stem != UNGROUPED], ids=lambda path: path.stem
)
def test_runs_as_written(demo: Cli, clean_env: pytest.MonkeyPatch, path: Path) -> None:
    source = path.stem.split("_")[0]
    clean_env.setattr(sys, "stdin", io.StringIO(path.read_text()))
    result = demo("query", "run", "--source", source, "--sql", "-", "--format", "csv")
    assert result.code == 0
    assert result.out.count("\n") >= 1


def test_the_one_that_no_postgres_can_run_says_why(demo: Cli, tmp_path: Path) -> None:
    path = next(path for path in QUERIES if path.stem == UNGROUPED)
    (tmp_path / "bound.sql").write_text(path.read_text().replace("'{EMAIL}'", "{EMAIL}"))
    result = demo("query", "run", "--source", "neon", "--sql", "bound.sql", "--param", "EMAIL=lena@northwind.example")
    assert result.code == 1
    assert 'column "t.tool_name" must appear in the GROUP BY clause' in result.err


@pytest.mark.parametrize("path", [path for path in PASTED if path.stem != UNGROUPED], ids=lambda path: path.stem)
def test_with_a_placeholder_it_says_how_to_write_it(demo: Cli, tmp_path: Path, path: Path) -> None:
    source, text = path.stem.split("_")[0], path.read_text()
    result = demo("query", "run", "--source", source, "--sql", path)
    assert (result.code, result.out) == (2, "")
    assert f"{path.name}:" in result.err
    [hint] = re.findall(r"hint: write (\{\w+\}) without the quotes", result.err)
    (tmp_path / "bound.sql").write_text(text.replace(f"'{hint}'", hint).replace("30 DAY", "10 YEAR"))
    value = f"{hint[1:-1]}={'lena@northwind.example' if hint == '{EMAIL}' else 'web_scrape'}"
    result = demo("query", "run", "--source", source, "--sql", "bound.sql", "--param", value, "-f", "csv")
    assert result.code == 0
    assert result.out.count("\n") > 1
