"""The generated code holds any plan: names that are no identifiers, and texts that would end a string or a comment."""

import itertools
import sys
import types
from typing import Any

import pytest
import tree_sitter
import tree_sitter_typescript
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import problem
from usertrack.plan.codegen import Language
from usertrack.plan.codegen.generate import generate
from usertrack.plan.model import PlannedEvent, PlannedProperty, PropertyUse

from .plans import REPORTS, plan_of

TYPESCRIPT = tree_sitter.Parser(tree_sitter.Language(tree_sitter_typescript.language_typescript()))
HOSTILE = 'a */ b " \' """ \\ {{ x }} {% y %} ${z} `\n\r\u2028\u202e\x00 <script> [red] \\u0041 */\\'


def run(code: str) -> dict[str, Any]:
    module = types.ModuleType("generated_tracking")
    sys.modules[module.__name__] = module  # TypedDict looks there for its types
    exec(compile(code, "tracking.py", "exec"), module.__dict__)
    return module.__dict__


def events(*names: str) -> dict[str, str]:
    """The constant of each event in Python, and its name."""
    constants = run(generate(plan_of(*map(PlannedEvent, names)), Language.python))["Event"]
    return {member.name: member.value for member in constants}


@pytest.mark.parametrize(
    ("name", "constant"),
    [
        ("report_exported", "REPORT_EXPORTED"),
        ("Report Exported", "REPORT_EXPORTED"),
        ("report-exported", "REPORT_EXPORTED"),
        ("report.exported", "REPORT_EXPORTED"),
        ("reportExported", "REPORT_EXPORTED"),
        ("HTTPError", "HTTP_ERROR"),
        ("$pageview", "PAGEVIEW"),
        ("3d_view", "EVENT_3D_VIEW"),
        ("class", "CLASS"),
        ("été", "ÉTÉ"),
        ("登録", "登録"),
        ("🎉", "EVENT_614629"),
    ],
)
def test_a_name_and_its_constant(name: str, constant: str) -> None:
    assert events(name) == {constant: name}


def test_names_that_fall_on_one_identifier_do_so_in_any_order() -> None:
    names = ("report_exported", "Report Exported", "report-exported")
    for order in itertools.permutations(names):
        assert events(*order) == {
            "REPORT_EXPORTED": "report_exported",
            "REPORT_EXPORTED_0D2860": "Report Exported",
            "REPORT_EXPORTED_E39086": "report-exported",
        }
    assert len(events("straße", "strasse", "STRASSE")) == 3


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=6, unique=True))
def test_any_names_are_kept(names: list[str]) -> None:
    plan = plan_of(
        *(PlannedEvent(name, name, properties=[PropertyUse(other) for other in names]) for name in names),
        properties=tuple(PlannedProperty(name, "string", values=names, description=name) for name in names),
    )
    module = run(generate(plan, Language.python))
    assert [member.value for member in module["Event"]] == names
    types = [value for name, value in module.items() if name.endswith("Properties")]
    assert sum(set(names) < type_.__optional_keys__ for type_ in types) == len(names)
    parses(generate(plan, Language.typescript))


def parses(code: str) -> None:
    tree = TYPESCRIPT.parse(code.encode())
    assert not tree.root_node.has_error, code


@pytest.mark.parametrize("language", Language)
def test_hostile_texts_are_data(language: Language) -> None:
    plan = plan_of(
        PlannedEvent(HOSTILE, HOSTILE, properties=(PropertyUse(HOSTILE), PropertyUse("str"), PropertyUse("class"))),
        properties=(PlannedProperty(HOSTILE, "string", values=(HOSTILE,), unit=HOSTILE, description=HOSTILE),),
    )
    code = generate(plan, language)
    assert all(character.isprintable() or character == "\n" for character in code)
    if language is Language.typescript:
        parses(code)
    else:
        [event] = run(code)["Event"]
        assert event.value == HOSTILE


def test_a_field_may_have_the_name_of_a_type() -> None:
    plan = plan_of(PlannedEvent("e", properties=[PropertyUse(name) for name in ("str", "list", "Any", "__x", "x")]))
    properties = run(generate(plan, Language.python))["EProperties"]
    assert {"str", "list", "Any", "__x", "x"} <= properties.__optional_keys__


@pytest.mark.parametrize("language", Language)
def test_the_same_plan_gives_the_same_bytes(language: Language) -> None:
    assert generate(REPORTS, language) == generate(REPORTS, language)
    assert "\r" not in generate(REPORTS, language)


def test_a_deprecated_event_names_what_to_send_instead() -> None:
    plan = plan_of(PlannedEvent("old", status="deprecated"), PlannedEvent("new", replaces=["old"]))
    assert '"""Deprecated: send new instead"""' in generate(plan, Language.python)
    assert "/** @deprecated send new instead */" in generate(plan, Language.typescript)


@pytest.mark.parametrize(
    ("client", "stand_in", "call"),
    [
        ("usertrack", "usertrack_track.track", (("7", "e", {"x": 1}), {"uuid": "u"})),
        ("posthog", "posthog.capture", (("e",), {"distinct_id": "7", "properties": {"x": 1}, "uuid": "u"})),
        ("tests.plan.codegen.plans.plan_of", "tests.plan.codegen.plans.plan_of", (("7", "e", {"x": 1}), {"uuid": "u"})),
    ],
)
def test_track_calls_the_client(client: str, stand_in: str, call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    code = generate(plan_of(PlannedEvent("e")), Language.python, client)
    monkeypatch.setattr(stand_in, lambda *arguments, **options: (arguments, options))
    assert run(code)["track"]("7", "e", {"x": 1}, uuid="u") == call


def test_a_client_is_a_name() -> None:
    for client in ("shop", "shop.analytics.", "a b.c", "shop.class", "x.y\nimport os"):
        assert "there is no client" in problem(lambda: generate(REPORTS, Language.python, client)).message  # noqa: B023


def test_a_plan_without_events() -> None:
    assert problem(lambda: generate(plan_of(), Language.python)).message == "tracking.yaml: the plan has no events"
