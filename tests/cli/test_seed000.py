"""Every query of seed 000 runs as it was written."""

import io
import sys
from pathlib import Path

import pytest

from ..conftest import Cli

QUERIES = sorted((Path(__file__).parent.parent / "seed000").glob("*.sql"))
UNGROUPED = "neon_check_if_user_actually_uses_suspected_tool"  # counts without GROUP BY: no PostgreSQL runs that


def test_all_of_them() -> None:
    assert len(QUERIES) == 27


@pytest.mark.parametrize("path", [path for path in QUERIES if path.stem != UNGROUPED], ids=lambda path: path.stem)
def test_runs_as_written(demo: Cli, clean_env: pytest.MonkeyPatch, path: Path) -> None:
    source = path.stem.split("_")[0]
    clean_env.setattr(sys, "stdin", io.StringIO(path.read_text()))
    said = demo("query", "run", "--source", source, "--sql", "-", "--format", "csv")
    assert said.code == 0
    assert said.out.count("\n") >= 1


def test_the_one_that_no_postgres_can_run_says_why(demo: Cli) -> None:
    path = next(path for path in QUERIES if path.stem == UNGROUPED)
    said = demo("query", "run", "--source", "neon", "--sql", path)
    assert said.code == 1
    assert 'column "t.tool_name" must appear in the GROUP BY clause' in said.err


@pytest.mark.parametrize(
    "name", ["posthog_full_user_journey", "neon_per_user_tool_breakdown", "neon_tool_error_details"]
)
def test_with_the_placeholder_filled_in(demo: Cli, tmp_path: Path, name: str) -> None:
    text = next(path.read_text() for path in QUERIES if path.stem == name)
    (tmp_path / "filled.sql").write_text(
        text.replace("{EMAIL}", "lena@northwind.example")
        .replace("{TOOL_NAME}", "web_scrape")
        .replace("30 DAY", "10 YEAR")
    )
    said = demo("query", "run", "--source", name.split("_")[0], "--sql", "filled.sql", "-f", "csv")
    assert said.code == 0
    assert said.out.count("\n") > 1
