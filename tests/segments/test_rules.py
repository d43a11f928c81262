"""segments.yaml as read, and the expressions in it taken apart."""

from pathlib import Path

import pytest

from tests.conftest import problem
from usertrack.library.library import shipped_root
from usertrack.segments.expressions import atoms, columns, expand, numbers, parse, to_sql
from usertrack.segments.rules import read_rules

SHIPPED = read_rules(shipped_root() / "segments.yaml")


def test_the_five_segments_in_their_order() -> None:
    action = SHIPPED.sets["action"]
    assert [segment.id for segment in action.segments] == ["failing", "frustrated", "high_intent", "at_risk", "power"]
    assert [segment.action for segment in action.segments] == [
        "Support", "Fix UX", "Outreach", "Re-engage", "Nurture",
    ]  # fmt: skip
    assert not action.exclusive
    assert SHIPPED.sets["lifecycle"].exclusive


def test_what_may_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "segments.yaml"
    segments = "      b: {when: credits > 1}\n      a: {when: true}"
    path.write_text(f"profile: {{queries: [neon/accounts]}}\nsets:\n  s:\n    segments:\n{segments}")
    rules = read_rules(path)
    assert rules.key == "email"
    first, second = rules.sets["s"].segments  # without precedence, the order in which they are written
    assert (first.id, first.name, first.action, first.priority, first.because) == ("b", "b", "", "0", "")
    assert first.lines["when"] == 5
    assert second.when == "True"


@pytest.mark.parametrize("name", ["FAILING", "failing users", "Failing Users"])
def test_a_segment_by_whatever_it_is_called(name: str) -> None:
    assert SHIPPED.sets["action"].require([name]) == ["failing"]


def test_names_that_are_not_there() -> None:
    assert "did you mean 'lifecycle'?" in problem(lambda: SHIPPED.set_named("lifecycel")).hint
    error = problem(lambda: SHIPPED.sets["action"].require(["power", "hi"]))
    assert error.message == "set 'action' has no segment 'hi'"


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("a: " + "[" * 20_000, "nested too deeply"),
        ("a:\n " + "- " * 9_000, "nested too deeply"),
        ("a: 2026-13-01", "month must be in 1..12"),
    ],
)
def test_yaml_that_cannot_be_read(tmp_path: Path, text: str, detail: str) -> None:
    path = tmp_path / "segments.yaml"
    path.write_text(text)
    error = problem(lambda: read_rules(path))
    assert error.message.startswith(f"{path}:1: not valid YAML: ")
    assert detail in error.message


@pytest.mark.parametrize(
    ("sql", "parts"),
    [
        ("a > 1", ["a > 1"]),
        ("((a > 1))", ["a > 1"]),
        ("a > 1 AND b < 2 AND c", ["a > 1", "and b < 2", "and c"]),
        ("a > 1 AND (b OR c)", ["a > 1", "and (b", "or c)"]),
        ("(a OR b) AND (c OR (d AND e))", ["(a", "or b)", "and (c", "or (d", "and e))"]),
        ("NOT (a OR b)", ["NOT (a OR b)"]),
    ],
)
def test_comparisons_in_reading_order(sql: str, parts: list[str]) -> None:
    texts = [
        f"{atom.before}{' ' * (not atom.before.endswith('('))}{atom.sql}{atom.after}".strip()
        for atom in atoms(parse(sql, ""))
    ]
    assert texts == parts


def test_columns_thresholds_and_expansion() -> None:
    rate = parse("done / nullif(done + failed, 0)", "")
    rule = expand(parse("rate < 0.5 AND runs > -5", ""), {"rate": rate})
    assert columns(rule) == ["done", "failed", "runs"]
    assert numbers([rule]) == {0.5, -5, 0}
    assert to_sql(rule) == "(done / NULLIF(done + failed, 0)) < 0.5 AND runs > -5"


@pytest.mark.parametrize(
    "sql", ["", "a >", "1; 2", "a, b", "* ", "(SELECT 1) > 0", "count(*) > 1", "a FROM b", "row_number() OVER () > 1"]
)
def test_what_is_no_condition(sql: str) -> None:
    error = problem(lambda: parse(sql, "segments.yaml:3"))
    assert error.exit_code == 2
    assert error.message.startswith("segments.yaml:3: ")
