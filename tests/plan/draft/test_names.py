"""What names tell of rules, types and units."""

import pytest

from usertrack.plan.draft.names import is_name, type_of_name, unit_of_name, usual_rule, usual_rules


@pytest.mark.parametrize(
    ("names", "rule"),
    [
        (["user_signed_up", "order_paid", "Report Opened"], {"case": "snake_case", "tense": "past"}),
        (["Link Added", "Folder Added in Main Docs"], {"case": "Title Case", "tense": "past"}),
        (
            ["builder.block_added", "sheets.tab_opened", "a.b_closed"],
            {"case": "snake_case", "separator": ".", "tense": "past"},
        ),
        (["run-get", "task-create", "exit"], {"case": "kebab-case"}),
        (["user_signed_up", "Order Paid", "runGet"], {}),
        (["exit", "launched"], {}),
    ],
)
def test_the_rule_that_most_names_keep(names: list[str], rule: dict[str, str]) -> None:
    assert usual_rule(names) == rule


def test_folders_that_differ_have_rules_of_their_own() -> None:
    web = {f"tab_{verb}": ["web/a.ts"] for verb in ("opened", "closed", "moved")}
    api = {f"run-{verb}": ["api/x/b.py"] for verb in ("get", "create", "delete")}
    few = {"page_viewed": ["cli.py"]}
    assert usual_rules(web | api | few) == [
        {"files": "api/**", "case": "kebab-case"},
        {"files": "web/**", "case": "snake_case", "tense": "past"},
        {"case": "snake_case", "tense": "past"},
    ]
    assert usual_rules(web | few) == [{"case": "snake_case", "tense": "past"}]


def test_types_and_units() -> None:
    names = ("has_filters", "memberCount", "paid_at", "duration_ms", "count", "plan", "num", "ai_rate")
    assert [type_of_name(name) for name in names] == [
        *("boolean", "integer", "datetime", "number", "integer", None, None, "number")
    ]
    assert [unit_of_name(name) for name in ("duration_ms", "idle_seconds", "plan", "")] == [
        *("milliseconds", "seconds", None, None)
    ]


def test_what_can_be_a_name() -> None:
    assert [text for text in ("a_b", "$set", "x.y", "f()", "a b", "apps/x.py", "e.g.", "9a") if is_name(text)] == [
        *("a_b", "$set", "x.y")
    ]
