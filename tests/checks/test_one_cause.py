"""A broken file of an entity is one problem of `check`, with its file and line."""

from pathlib import Path

import pytest

from ..conftest import Cli

RUNS = """-- title: jobs
-- states: {ok: [done], failed: [broke]}
SELECT
    j.owner AS account_id,
    j.began AS at,
    j.state AS status
FROM app.jobs AS j
"""


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("AS account_id", "AS acount_id", "runs.sql:4: 'runs' has no column 'account_id'"),
        ("app.jobs", "{runs}", "runs.sql:7: the table 'runs' reads itself: runs → runs"),
        ("AS j\n", "AS j; SELECT 1", "runs.sql:3: this is more than one statement"),
    ],
)
def test_one_problem(cli: Cli, clean_env: object, tmp_path: Path, right: str, wrong: str, message: str) -> None:
    (tmp_path / "tables/neon").mkdir(parents=True)
    (tmp_path / "tables/neon/runs.sql").write_text(RUNS.replace(right, wrong))
    (tmp_path / "usertrack.yaml").write_text("")
    answer = cli("check")
    text = " ".join(answer.out.split())
    assert answer.code == 5
    assert (text.count("FAIL"), message in text) == (1, True), text
