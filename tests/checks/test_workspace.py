"""What `usertrack check` says of a workspace: each mistake with its file and line, and a remedy."""

from pathlib import Path

import duckdb
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from usertrack.checks.finding import Finding
from usertrack.checks.workspace import check_files, check_queries, check_rules
from usertrack.library.library import Library, shipped_root
from usertrack.segments.expressions import parse
from usertrack.segments.reachability import Reachability
from usertrack.workspace.settings import load_settings

from ..conftest import Cli

SHIPPED = (shipped_root() / "segments.yaml").read_text()
TWO_SETS = SHIPPED[: SHIPPED.index("  offers: #")]
LIBRARY = Library([shipped_root() / "queries"])


def findings(folder: Path, text: str) -> list[Finding]:
    (folder / "segments.yaml").write_text(text)
    return check_rules(folder / "segments.yaml", LIBRARY)


def failures(folder: Path, text: str) -> list[Finding]:
    return [finding for finding in findings(folder, text) if finding.level == "FAIL"]


def with_rules(*, exclusive: bool = False, **rules: str) -> str:
    """A small segments.yaml with these segments."""
    segments = {name: {"when": when} for name, when in rules.items()}
    queries = ["neon/accounts", "neon/run_activity", "posthog/mcp_connects"]
    return yaml.safe_dump(
        {"profile": {"queries": queries}, "sets": {"s": {"exclusive": exclusive, "segments": segments}}}
    )


def test_the_shipped_rules(tmp_path: Path) -> None:
    assert [finding for finding in findings(tmp_path, SHIPPED) if finding.level in ("FAIL", "note")] == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("least(5, 1 + run_count / 25)", "1 + run_count / 25", "its priority can be "),
        ("9 * (1 - exp(-(mcp", "11 * (1 - exp(-(mcp", "its priority can be 11.0, and the scale is 0 to 10"),
        ("least(5, 1 + run_count / 25)", "9 - run_count", "its priority can be -"),
        ("least(10, actions_recent / 10)", "least(10, actions_recent)", ""),
    ],
)
def test_a_priority_off_the_scale(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TWO_SETS
    notes = [f for f in findings(tmp_path, TWO_SETS.replace(old, new)) if "priority can be" in f.detail]
    assert [message in note.detail for note in notes] == [True] * bool(message)
    assert all(note.level == "note" and "segments.yaml:" in note.detail for note in notes)


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("finished_runs > 5 AND", "run_cuont > 5 AND", ": unknown fact 'run_cuont'", "did you mean 'run_count'"),
        ("finished_runs > 5 AND", "run_count > 'many' AND", ": Could not convert string 'many'", "in `when:"),
        (
            "finished_runs > 5 AND success_rate < 0.5",
            "run_count + 5",
            ": 'when' gives bigint, not true or false",
            "in `when:",
        ),
        ("finished_runs > 5 AND", "(SELECT count(*) FROM x) > 5 AND", ": a condition may only look at", "query file"),
        ("finished_runs > 5 AND", "sum(run_count) > 5 AND", ": a condition may only look at", "query file"),
        (
            "finished_runs > 5 AND success_rate < 0.5",
            "run_count > 5; DROP TABLE profile",
            ": not one SQL expression",
            "",
        ),
        ("finished_runs > 5 AND success_rate < 0.5", "run_count >", ": not a SQL expression", ""),
        ("finished_runs > 5 AND", "run_count() > 5 AND", ": ", "in `when:"),
        ("priority: 5 + 5 *", "priority: name || 5 *", ": 'priority' gives varchar, not a number", "in `priority:"),
        ("{runs_failed} of", "{runs_faild} of", ": unknown fact 'runs_faild'", "did you mean 'runs_failed'"),
        ("{runs_failed} of", "{runs_failed of", ": 'because' has a brace without its pair", "{{"),
        ("{runs_failed} of", "{runs_failed:>5} of", ": 'because' takes plain {facts}", "write {runs_failed}"),
        (
            "when: finished_runs > 5 AND success_rate < 0.5",
            "when:",
            ": segment 'failing' has no condition",
            "add `when:",
        ),
        ("action: Support", "acton: Support", ": unknown key 'acton'", "did you mean 'action'?"),
        (
            "precedence: [failing,",
            "precedence: [failling,",
            ": 'precedence' has 'failling', which is no segment of the set, and does not have 'failing'",
            "did you mean 'failing'?",
        ),
        (
            "precedence: [failing,",
            "precedence: [failing, failing,",
            ": 'precedence' has 'failing' twice",
            "each segment of the set once: failing, ",
        ),
        (
            "precedence: [failing,",
            "precedence: [failing, failling,",
            ": 'precedence' has 'failling', which is no segment of the set",
            "did you mean 'failing'?",
        ),
        ("precedence: [failing,", "precedence: [", ": 'precedence' does not have 'failing'", "once: failing, "),
        (
            "precedence: [failing, frustrated, high_intent, at_risk, power]",
            "precedence: all",
            ": 'precedence' takes a list",
            "write [failing, ",
        ),
        ("name: Failing Users", "name: [red]", ": 'name' takes a text", "put it in quotes"),
        ("- posthog/people", "- posthog/poeple", ": no query named 'posthog/poeple'", "did you mean 'posthog/people'"),
        ("{days: 7}", "{day: 7}", ": query 'posthog/frustration' has no parameter 'day'", "did you mean 'days'?"),
        ("{days: 7}", "{days: soon}", ": parameter 'days' takes a whole number, not 'soon'", ""),
        (
            "- posthog/people",
            "- posthog/user_mcp",
            ": query 'posthog/user_mcp' has the key ''",
            "declare `-- key: email`",
        ),
        ("- posthog/people", "- neon/accounts", ": query 'neon/accounts' is listed twice", ""),
        ("runs_completed + runs_failed", "runs_completed + runs_lost", ": unknown fact 'runs_lost'", ""),
        ("finished_runs: {", "run_count: {", ": 'run_count' is a fact of 'neon/run_activity' already", "another name"),
        ("  key: email", "  key: email: yes", ": not valid YAML", ""),
        ("exclusive: true", "exclusive: perhaps", ": 'exclusive' is true or false", ""),
        ("      frustrated:\n", "      failing:\n", ": 'failing' is there twice", ""),
        ("      frustrated:\n", "      no:\n", ": the name False is not a text", "put it in quotes"),
    ],
)
def test_what_is_wrong_and_where(tmp_path: Path, old: str, new: str, message: str, hint: str) -> None:
    assert old in TWO_SETS
    messages = failures(tmp_path, TWO_SETS.replace(old, new, 1))
    assert len(messages) == 1
    line = TWO_SETS[: TWO_SETS.index(old)].count("\n") + 1
    assert messages[0].detail.startswith(f"{tmp_path / 'segments.yaml'}:{line}{message}")
    assert hint in messages[0].hint


@pytest.mark.parametrize(
    "text", ["", "[]", "profile: 1", "profile: {}\nsets: {}", "sets: {a: {segments: {}}}", "\t", "a: &a [*a]"]
)
def test_shapes_that_are_no_rules(tmp_path: Path, text: str) -> None:
    assert len(failures(tmp_path, text)) == 1


def test_not_text_at_all(tmp_path: Path) -> None:
    (tmp_path / "segments.yaml").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read as UTF-8" in check_rules(tmp_path / "segments.yaml", LIBRARY)[0].detail
    assert "cannot be read" in check_rules(tmp_path / "none.yaml", LIBRARY)[0].detail


def test_the_tracking_plan_is_read_with_the_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "segments.yaml").write_text("broken")
    (tmp_path / "usertrack.yaml").write_text("")
    for text, level, detail in (
        ("a: {teir: 1}", "FAIL", "tracking.yaml:1: unknown key 'teir'"),
        ("a: ", "ok", "1 event"),
    ):
        (tmp_path / "tracking.yaml").write_text(f"events: {{{text}}}")
        (finding,) = [each for each in check_files(load_settings(), LIBRARY) if each.subject == "tracking.yaml"]
        assert (finding.level, finding.detail) == (level, detail)


def test_a_comment_in_a_rule_is_no_trouble(tmp_path: Path) -> None:
    assert failures(tmp_path, with_rules(busy="run_count > 5 -- many")) == []


@pytest.mark.parametrize(
    "when",
    [
        "run_count > 5 AND run_count < 3",
        "run_count > 5 AND run_count < 6",
        "credits > 0.2 AND credits < 0.1",
        "subscription_status = 'active' AND subscription_status = 'trial'",
        "run_count IS NULL AND run_count > 1",
        "last_run_at <= as_of - INTERVAL 7 DAY AND last_run_at > as_of - INTERVAL 3 DAY",
        "(run_count = 1 OR run_count = 2) AND run_count > 2",
        "false",
        "NOT (run_count > 5) AND run_count > 5",
    ],
)
def test_rules_for_nobody(tmp_path: Path, when: str) -> None:
    messages = failures(tmp_path, with_rules(nobody=when))
    assert [finding.detail.split(": ")[1] for finding in messages] == ["nobody can ever be in it"]


@pytest.mark.parametrize(
    "when",
    [
        "credits > 0.2 AND credits < 0.5",
        "last_run_at <= as_of - INTERVAL 36 HOUR AND last_run_at > as_of - INTERVAL 48 HOUR",
        "length(name) > 100",
        "name LIKE '%.edu' AND name > 'zz'",
        "run_count * 3 = 21 AND run_count % 7 = 0",
        "run_count + mcp_clicks = 20 AND run_count = 7",
        "runs_failed > runs_completed AND runs_completed > 3",
        "coalesce(credits, 0) = 0 AND credits IS NULL",
        "credits < 0",
        "name <> 'x'",
        "name IN ('a', 'b') AND name <> 'a'",
        "run_count BETWEEN 3 AND 4",
        " OR ".join(f"(run_count = {n} AND credits > {n})" for n in range(30)),
    ],
)
def test_rules_for_somebody(tmp_path: Path, when: str) -> None:
    assert failures(tmp_path, with_rules(somebody=when)) == []


def test_a_rule_inside_one_that_comes_first_is_nobodys_primary(tmp_path: Path) -> None:
    notes = [f for f in findings(tmp_path, with_rules(a="run_count > 5", b="run_count > 10")) if f.level == "note"]
    assert len(notes) == 1
    assert "everybody in it is in a too, which comes first" in notes[0].detail
    assert "precedence" in notes[0].hint


def test_in_an_exclusive_set_it_is_an_error(tmp_path: Path) -> None:
    text = with_rules(exclusive=True, a="run_count > 5", b="run_count > 10", c="run_count IS NULL OR credits > 3")
    messages = failures(tmp_path, text)
    assert [finding.subject for finding in messages] == ["segment b"]
    assert "the segments before it leave nobody for it" in messages[0].detail


COMPARISONS = st.builds(
    "{} {} {}".format, st.sampled_from("ab"), st.sampled_from(["<", "<=", "=", ">", ">=", "<>"]), st.integers(-3, 3)
)
CONDITIONS = st.recursive(
    COMPARISONS | st.sampled_from(["a IS NULL", "b IS NOT NULL", "a < b", "NOT a = b"]),
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["AND", "OR"]), inner),
    max_leaves=6,
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(first=CONDITIONS, second=CONDITIONS)
def test_reach_is_what_trying_everything_says(first: str, second: str) -> None:
    with duckdb.connect() as connection:
        world = "(SELECT unnest([NULL, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5])::BIGINT AS {})"
        worlds = f"{world.format('a')}, {world.format('b')}"
        goal = f"({first}) IS TRUE AND ({second}) IS NOT TRUE"
        tried = connection.execute(f"SELECT count(*) > 0 FROM {worlds} WHERE {goal}").fetchall()[0][0]
        reach = Reachability(connection, {"a": "BIGINT", "b": "BIGINT"})
        assert reach.possible([(parse(first, ""), True), (parse(second, ""), False)]) is tried


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 1", ":1: the file needs a header with a title"),
        ("-- title: x\n-- colour: red\nSELECT 1", ":2: unknown key 'colour'"),
        ("-- title: [x\nSELECT 1", "not valid YAML"),
        ("-- title: x\nSELECT {days}", ":2: parameter 'days' is used but not declared"),
        (
            "-- title: x\nSELECT\n1, pg_notify('a', 'b')",
            ":3: no query may call pg_notify: it sends messages to other sessions",
        ),
        ("-- title: x\n-- params: {days: 30}\nSELECT 1", ":2: parameter 'days' is declared but not used"),
        ("-- title: x\nSELECT 1; SELECT 2", ":2: this is more than one statement"),
        ("-- title: x\nDELETE FROM wasp_user", ":2: only SELECT may run, this begins with 'DELETE'"),
        ("-- title: x\nSELECT a\nFROM t\nGROUP a", ":4: this is no SQL, near 'a'"),
        ("-- title: x\n-- params: {n: 1}\n\nSELECT count(* FROM t WHERE b > {n}", ":4: this is no SQL, near 'FROM'"),
        ("-- title: x\nSELECT 'never ends", ":2: the SQL has a string or comment that never ends"),
        ("-- title: x\n-- facts: {a: {label: a, type: number}}\nSELECT 1 AS a", ":2: fact 'a' has no known type"),
    ],
)
def test_query_files(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "neon" / "bad.sql"
    path.parent.mkdir()
    path.write_text(text)
    findings = check_queries(Library([tmp_path]))
    assert [(finding.level, finding.subject) for finding in findings] == [("FAIL", "neon/bad")]
    assert findings[0].detail.startswith(f"{path}:")
    assert message in findings[0].detail


def test_what_only_postgres_has_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "neon").mkdir()
    for number, sql in enumerate(
        (
            "SELECT 1 WHERE EXISTS (SELECT FROM wasp_user)",
            "SELECT min(at) FROM t GROUP BY GROUPING SETS ((a), ())",
            "SELECT a.b[1:2], c #>> '{x,y}', d @> {words} FROM t AS a (b, c, d) WHERE e ~* 'x' ORDER BY 1 NULLS LAST",
            "SELECT * FROM t, LATERAL jsonb_to_recordset(t.j) AS r(a int, b text)",
            "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FILTER (WHERE b) FROM t",
        )
    ):
        header = "-- title: x\n-- params: {words: [a]}\n" if "{words}" in sql else "-- title: x\n"
        (tmp_path / f"neon/q{number}.sql").write_text(header + sql)
    assert [(finding.level, finding.detail) for finding in check_queries(Library([tmp_path]))] == [("ok", "x")] * 5


def test_a_folder_in_the_place_of_a_file_is_one_problem_among_the_other_findings(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "usertrack.yaml").touch()
    (tmp_path / "segments.yaml").mkdir()
    result = cli("check")
    assert (result.code, "1 problem found" in result.err) == (5, True)
    assert "a folder, where a file belongs" in result.out
    assert "1 funnel" in result.out
