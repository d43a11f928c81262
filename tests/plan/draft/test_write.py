"""A draft goes into a file of which nothing else changes."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usertrack.core.errors import UsageError
from usertrack.plan.draft.model import Draft, DraftEntry, entry
from usertrack.plan.draft.write import merge, write_schema
from usertrack.plan.read import read_plan

DRAFT = Draft(
    [
        entry(("naming", "events"), {"case": "most names are so"}, case="snake_case"),
        entry(("properties", "has_filters"), {"type": "by its name"}, type="boolean"),
        entry(("events", "paid"), {"status": "the code sends it"}, required=["amount"], status="active"),
        entry(("group_properties", "team", "plan"), type="string", values=["trial", "pro"]),
    ]
)

WRITTEN = """\
# ours: ask Ada before you change it
events:
    signed_up: # the first of all
        description: |
          Somebody is new.

          Really.

    # more to come

# who they are
person_properties:
  role:   "string"
"""


def test_a_file_keeps_every_byte_and_gets_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "tracking.yaml"
    path.write_text(WRITTEN)
    merged = merge(path, DRAFT)
    assert merged.added[-1] == ("group_properties", "team", "plan")
    lines = path.read_text().splitlines()
    new = [line for line in lines if line not in WRITTEN.splitlines()]
    assert [line for line in lines if line not in new] == WRITTEN.splitlines() + [""] * 3
    at = lines.index("    paid:")
    assert lines[at - 1] == "          Really."
    assert lines[at + 2 :][:3] == ["      status: active  # guess: the code sends it", "", "    # more to come"]
    assert read_plan(path).events["signed_up"].description == "Somebody is new.\n\nReally."


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tracking.yaml"
    merge(path, DRAFT)
    before = path.read_bytes()
    merged = merge(path, DRAFT)
    assert (list(merged.added), merged.present, path.read_bytes()) == ([], 4, before)


def test_what_was_edited_stays(tmp_path: Path) -> None:
    path = tmp_path / "tracking.yaml"
    path.write_text(
        "events: {order_paid: {aliases: [paid]}}\nproperties: {has_filters: string}\nnaming: {events: []}\n"
    )
    merge(path, DRAFT)
    plan = read_plan(path)
    assert list(plan.events) == ["order_paid"]
    assert plan.properties["has_filters"].type == "string"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "events:\n",
        "events: {}\n",
        "events: {a: }",
        "events: {a: } # x\r\n",
        "\ufeffevents:\n  a:\n",
        "naming: {}\n",
    ],
)
def test_any_form_of_a_section_takes_entries(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tracking.yaml"
    path.write_bytes(text.encode())
    merge(path, DRAFT)
    plan = read_plan(path)
    assert plan.events["paid"].required == ("amount",)
    assert plan.naming[0].case == "snake_case"
    assert (b"\r\n" in path.read_bytes()) == ("\r\n" in text)


def name_is_data(path: Path, event: str, text: str, guess: str) -> None:
    merge(path, Draft([entry(("events", event), {"description": guess}, description=text, properties=[text])]))
    merge(path, Draft([DraftEntry(("events", "another"))]))
    plan = read_plan(path)
    assert set(plan.events) == {event, "another"}
    assert plan.events[event].description == text


@pytest.mark.parametrize(
    ("event", "text", "guess"),
    [
        ("a\x85b", "a\x85b\n\U0001f600", "\u2028"),
        ("a: {b}", "- [x] 'y' \"z\" #", "# \r\n: guess"),
        ("yes", "2026-11-20", "%YAML"),
        ("012", "null", ""),
        ("&a *b !!c", "a\nb\\n", "\x1b[31m"),
    ],
)
def test_hostile_names_are_data(tmp_path: Path, event: str, text: str, guess: str) -> None:
    name_is_data(tmp_path / "tracking.yaml", event, text, guess)


names = st.text(min_size=1, max_size=12).filter(lambda name: name.strip() == name and max(name) < "\ud800")


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(event=names, text=names, guess=st.text(max_size=20))
def test_any_name_is_data(tmp_path_factory: pytest.TempPathFactory, event: str, text: str, guess: str) -> None:
    name_is_data(tmp_path_factory.mktemp("x") / "tracking.yaml", event, text, guess)


def test_a_plan_that_is_wrong_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "tracking.yaml"
    path.write_text("events: [a]\n")
    with pytest.raises(UsageError, match="takes a mapping"):
        merge(path, DRAFT)
    assert path.read_text() == "events: [a]\n"


def test_entries_that_do_not_fit_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tracking.yaml"
    path.write_text("phases: {1: }\nevents: {a: }\n")
    with pytest.raises(UsageError, match="do not fit in"):
        merge(path, Draft([entry(("events", "b"), phase="2")]))
    assert path.read_text() == "phases: {1: }\nevents: {a: }\n"


def test_the_schema_lies_beside_a_plan_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "tracking.yaml"
    merge(path, DRAFT)
    assert write_schema(path) == [tmp_path / "tracking.schema.json"]
    assert write_schema(path) == []
    path.write_text("events: {}\n")
    (tmp_path / "tracking.schema.json").unlink()
    assert write_schema(path) == []


def test_a_file_of_that_name_that_is_another_one_stays(tmp_path: Path) -> None:
    merge(tmp_path / "tracking.yaml", DRAFT)
    (tmp_path / "tracking.schema.json").write_text("{}")
    assert write_schema(tmp_path / "tracking.yaml") == []


def test_a_thousand_entries_are_added_at_once(tmp_path: Path) -> None:
    path = tmp_path / "tracking.yaml"
    path.write_text(WRITTEN)
    merged = merge(path, Draft([entry(("events", f"event_{number}"), status="active") for number in range(1000)]))
    assert len(merged.added) == 1000
    assert len(read_plan(path).events) == 1001


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("events:\n  paid:\n  # next\n  left: {}\n", "  paid:\n    properties: [amount, note]  # guess"),
        ("events:\n  paid: {}  # ours\n", "  paid: {properties: [amount, note]}  # ours\n"),
        ("events: { paid: { tier: 1 } }\n", "{ paid: { tier: 1, properties: [amount, note] } }  # guess"),
        ("events:\r\n  paid:\r\n    tier: 1", "    tier: 1\r\n    properties: [amount, note]  # guess"),
        (
            "events:\n  paid:\n    properties: [plan, ]\n    tier: 1\n",
            "    properties: [plan, amount, note, ]  # guess",
        ),
        ("events:\n  paid:\n    properties:\n    - plan # !\n\n    tier: 1\n", "    - plan # !\n    - amount  # guess"),
        ("events:\n  paid:\n    properties: plan\n", "    properties: [plan, amount, note]  # guess"),
        ("\ufeffevents:\n  paid:\n    properties: [\n      plan\n    ]\n", "      plan, amount, note  # guess"),
        ("events:\n  billed:\n    aliases: [paid]\n    required: [note]\n", "    properties: [amount]  # guess"),
        ("properties: {sum: {aliases: [amount]}}\nevents: {paid: {required: [sum]}}\n", "[sum], properties: [note]}}"),
    ],
)
def test_events_get_the_properties_that_they_lack(before: str, after: str, tmp_path: Path) -> None:
    path = tmp_path / "tracking.yaml"
    path.write_bytes(before.encode())
    draft = Draft([entry(("events", "paid"), required=["amount"], properties=["note"], tier="2")])
    added = merge(path, draft).added
    written = path.read_bytes().decode()
    assert after in written
    assert without_additions(written) == without_additions(before)
    names = [use.name for use in read_plan(path).event_of("paid").properties]
    assert ("note" in names, [path[2] for path in added]) == (True, ["properties"] * len(added))
    assert merge(path, draft).added == []


def without_additions(text: str) -> str:
    """What a human wrote, without blanks and brackets."""
    text = re.sub(r"  # guess:[^\r\n]*", "", text)
    return re.sub(r"properties:|\bamount\b|\bnote\b|aliases|required|[\s\[\]{},-]", "", text)


@pytest.mark.parametrize(
    "text",
    [
        "events: {paid: &a {tier: 1}, left: *a}\n",
        "events: {left: &a {tier: 1}, paid: {<<: *a}}\n",
        "events: {left: {replaces: [paid]}}\n",
    ],
)
def test_what_is_shared_or_replaced_stays(text: str, tmp_path: Path) -> None:
    path = tmp_path / "tracking.yaml"
    path.write_text(text)
    assert merge(path, Draft([entry(("events", "paid"), properties=["amount"])])).added == []
    assert path.read_text() == text
