"""What a query lacks where an entity or a column does not exist: computed from its SQL."""

from pathlib import Path

import pytest

from usertrack.library.absence import absence_in
from usertrack.library.lack import Absence
from usertrack.library.library import Library, shipped_root

RUNS = "SELECT j.owner AS account_id, j.began AS at, j.state AS status FROM jobs AS j"
FROM = {"ACCOUNTS": "{accounts} AS a", "RUNS": "{runs} AS r", "CALLS": "{calls} AS c"}
JOINED = "ACCOUNTS LEFT JOIN CALLS USING (account_id)"


def absence_of(library: Library, sql: str) -> Absence:
    for name, entity in FROM.items():
        sql = sql.replace(name, entity)
    return absence_in(sql, library.entities)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """There are no calls, and runs have no error."""
    (tmp_path / "neon").mkdir()
    (tmp_path / "neon" / "runs.sql").write_text(f"-- title: jobs\n{RUNS}")
    return Library([], [tmp_path], ["calls"])


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) AS n FROM CALLS",
        "SELECT a.email FROM CALLS JOIN ACCOUNTS USING (account_id)",
        "SELECT a.email FROM ACCOUNTS, CALLS",
        "WITH x AS (SELECT c.at FROM CALLS) SELECT max(x.at) AS at FROM x",
        "SELECT y.at FROM (SELECT c.at FROM CALLS) AS y",
        "SELECT c.at FROM CALLS UNION ALL SELECT d.at FROM {calls} AS d",
        "SELECT r.at FROM RUNS WHERE r.error LIKE 'x%' AND r.ok",
        f"SELECT a.email FROM {JOINED} WHERE c.at > now()",
        "SELECT a.email FROM ACCOUNTS WHERE NOT EXISTS (SELECT FROM CALLS WHERE c.account_id = a.account_id)",
        f"SELECT a.email FROM {JOINED} WHERE c.account_id IS NULL",
        "SELECT a.email FROM CALLS RIGHT JOIN RUNS USING (account_id) JOIN ACCOUNTS ON a.account_id = c.account_id",
        "SELECT a.email FROM ACCOUNTS LEFT JOIN CALLS USING (account_id) RIGHT JOIN {calls} AS d ON true",
        "SELECT r.at FROM RUNS INTERSECT SELECT c.at FROM CALLS",
        "SELECT c.at FROM CALLS EXCEPT SELECT r.at FROM RUNS",
        "WITH RECURSIVE x AS (SELECT c.at FROM CALLS UNION ALL SELECT x.at FROM x) SELECT x.at FROM x",
        "SELECT a.email FROM (ACCOUNTS JOIN CALLS USING (account_id))",
        "SELECT r.at FROM ACCOUNTS JOIN RUNS ON r.error = a.email",
        f"SELECT a.email, count(*) AS n FROM {JOINED} GROUP BY 1 HAVING max(c.at) > now()",
    ],
)
def test_no_rows_without_it(library: Library, sql: str) -> None:
    absence = absence_of(library, sql)
    assert absence.empty
    assert absence.causes == ({"runs.error"} if "error" in sql else {"calls"})


@pytest.mark.parametrize(
    ("sql", "unknown"),
    [
        ("SELECT u.id FROM (SELECT c.account_id AS id FROM CALLS UNION ALL SELECT r.account_id FROM RUNS) AS u", []),
        ("SELECT r.at, r.error, left(r.error, 9) AS start FROM RUNS", ["error", "start"]),
        ("SELECT mode() WITHIN GROUP (ORDER BY r.error) AS top FROM RUNS", ["top"]),
        ("SELECT array_agg(r.at ORDER BY r.error) AS at FROM RUNS", []),
        ("SELECT (SELECT count(*) FROM CALLS WHERE c.account_id = a.account_id) AS n FROM ACCOUNTS", ["n"]),
        (f"SELECT a.email, c.at, coalesce(c.at, a.signed_up_at) AS x FROM {JOINED}", ["at"]),
        (
            f"SELECT greatest(c.at, a.signed_up_at) AS x, coalesce(c.kind, '') AS y FROM {JOINED}",
            ["y"],
        ),
        ("SELECT count(*) FILTER (WHERE r.error IS NULL) AS a FROM RUNS", ["a"]),
        ("SELECT count(*) FILTER (WHERE r.ok OR r.error = '') AS b FROM RUNS", []),
        ("SELECT r.actor FROM RUNS WHERE r.ok OR r.error = ''", []),
        ("WITH x AS (SELECT r.error AS e, r.at FROM RUNS) SELECT * FROM x", ["e"]),
        ("SELECT 1 AS a, r.error AS b FROM RUNS UNION SELECT 2, 'x'", []),
        ("SELECT 1 AS a, r.error AS b FROM RUNS UNION SELECT c.kind, 'x' FROM CALLS", ["b"]),
        ("SELECT error FROM RUNS", ["error"]),
        ("SELECT x.error FROM errors AS x", []),
        ("SELECT * FROM RUNS", ["ended_at", "error", "run_id"]),
        ("SELECT R.ERROR AS e FROM {runs} AS R", ["e"]),
        ("SELECT c.at AS x, a.email FROM CALLS RIGHT JOIN ACCOUNTS USING (account_id)", ["x"]),
        ("SELECT c.at AS x, a.email FROM CALLS FULL JOIN ACCOUNTS USING (account_id)", ["x"]),
        ("SELECT r.at FROM RUNS EXCEPT SELECT c.at FROM CALLS", []),
        ("SELECT length(r.error) + 1 AS n, r.at + length(r.error) * interval '1 s' AS t FROM RUNS", ["n", "t"]),
        ("SELECT a.email, r.at FROM ACCOUNTS LEFT JOIN RUNS ON r.error = a.email", ["at"]),
        ("WITH x (one, two) AS (SELECT r.at, r.error FROM RUNS) SELECT x.one, x.two FROM x", ["two"]),
        ("SELECT y.two FROM (SELECT r.at, r.error FROM RUNS) AS y (one, two)", ["two"]),
        ("SELECT ARRAY(SELECT c.at FROM CALLS) AS calls FROM ACCOUNTS", ["calls"]),
        ("SELECT (SELECT error) AS e, EXISTS (SELECT r.error) AS known FROM RUNS", ["e"]),
    ],
)
def test_columns_that_nothing_is_known_of(library: Library, sql: str, unknown: list[str]) -> None:
    absence = absence_of(library, sql)
    assert not absence.empty
    assert sorted(absence.columns) == unknown


def test_facts_of_it_are_not_there(library: Library) -> None:
    shipped = Library([shipped_root() / "queries"], [library.entities.files["runs"].parents[1]], ["calls"])
    assert "top_failure" not in shipped["neon/run_activity"].facts
    assert {"run_count", "runs_failed"} <= set(shipped["neon/run_activity"].facts)
    assert shipped["neon/tool_activity"].absence.empty
