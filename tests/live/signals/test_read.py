"""patterns.yaml: every mistake is named with its line, and nothing is ignored."""

from pathlib import Path

import pytest

from tests.conftest import problem
from usertrack.checks.workspace import check_patterns
from usertrack.library.library import Library, shipped_root
from usertrack.live.signals.read import read_patterns

RULES = shipped_root() / "segments.yaml"
SHIPPED = shipped_root() / "patterns.yaml"
ERRORS_PATTERN = """patterns:
  errors:
    when: {count: $exception, more_than: 3, within: 5m}
    where: credits < 50
    because: "{count} errors[ of {name}]"
"""


def test_the_shipped_patterns_are_right() -> None:
    library = Library([shipped_root() / "queries"])
    for path in (SHIPPED, shipped_root() / "patterns" / "seed004.yaml"):
        assert [each.level for each in check_patterns(path, lambda: RULES, library)] == ["ok"]


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("within: 5m", "within: 5 apples", ":3: 'within' takes a duration, not '5 apples'"),
        ("within: 5m", "during: 5m", ":3: unknown key 'during'"),
        ("more_than: 3", "more_than: many", ":3: 'more_than' takes a whole number"),
        ("more_than: 3, ", "", ":3: 'count' takes more_than or fewer_than"),
        ("count: $exception", "counts: $exception", ":3: a condition is one of count, none"),
        ("within: 5m", "within: 200d", ":3: 'within' is longer than 90 days"),
        ("errors:", "Errors!:", ":2: 'Errors!' is no id of a pattern"),
        ("where: credits < 50", "where: credit < 50", ":4: unknown fact 'credit'"),
        ("where: credits < 50", "where: credits + 50", ":4: gives double, not true or false"),
        ("where: credits < 50", "where: credits <", ":4: not a SQL expression"),
        ("where: credits < 50", "where: now() > as_of", ":4: 'now' gives another answer each time"),
        ("where: credits < 50", "segment: action/failed", ":4: set 'action' has no segment 'failed'"),
        ("{count} errors", "{counts} errors", ":5: unknown fact 'counts'"),
        ("{count} errors", "{count!r} errors", ":5: 'because' takes plain {facts}"),
        ("{count} errors", "{count errors", ":5: 'because' has a brace without its pair"),
        ("because:", "severity: urgent\n    because:", ":5: 'severity' is one of info, warning, critical"),
        ("because:", "inhibits: [stuck]\n    because:", ":5: there is no setting 'inhibits' any more"),
        ("because:", "per: planet\n    because:", ":5: 'per' is one of person, session, tab"),
        ("patterns:", "evnts: {a: b}\npatterns:", ":1: unknown key 'evnts'"),
        ("patterns:", "notifications: {budgets: {person: lots}}\npatterns:", ":1: 'lots' is no budget"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, right: str, wrong: str, message: str) -> None:
    path = tmp_path / "patterns.yaml"
    path.write_text(ERRORS_PATTERN.replace(right, wrong, 1))
    (finding,) = check_patterns(path, lambda: RULES, Library([shipped_root() / "queries"]))
    assert finding.level == "FAIL"
    assert f"patterns.yaml{message}" in finding.detail


def test_a_condition_that_needs_no_event_is_of_a_person_a_session_or_a_tab(tmp_path: Path) -> None:
    path = tmp_path / "patterns.yaml"
    path.write_text("patterns:\n  quiet: {when: {none: any, within: 5m}, per: form}\n")
    assert "patterns.yaml:2: 'per' is person, session or tab here" in problem(lambda: read_patterns(path)).message


WRONG = """events:
  odd: {evnt: x}
patterns:
  errors:
    when:
      - {count: $exception, more_than: many, within: 5 apples}
      - {none: any, within: 1h, for: 3}
      - {counts: odd}
    per: planet
    severity: urgent
    cooldown: soon
    incident: {people: 0}
    inhibits: [stuck]
    because: "{count errors"
    colour: red
  Slow: {when: {time_on_route: seen, more_than: 5m}, name: 3}
facts: {tier: 4}
notifications: {budgets: {person: lots}}
"""


def test_every_mistake_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "patterns.yaml"
    path.write_text(WRONG)
    findings = check_patterns(path, lambda: RULES, Library([shipped_root() / "queries"]))
    lines = [int(each.detail.split(":")[1]) for each in findings]
    assert lines == [2, 6, 6, 7, 8, 9, 10, 11, 12, 12, 13, 14, 15, 16, 16, 16, 17, 18]


def test_every_wrong_question_of_profiles_is_named(tmp_path: Path) -> None:
    path = tmp_path / "patterns.yaml"
    text = ERRORS_PATTERN.replace("credits < 50", "credit < 50").replace("{count}", "{counts}")
    path.write_text(text + text[10:].replace("errors", "others").replace("credit <", "credits +"))
    findings = check_patterns(path, lambda: RULES, Library([shipped_root() / "queries"]))
    assert sorted(each.detail.split(":")[1] for each in findings) == ["4", "5", "8", "9"]
