"""The JSON Schema takes what the reader takes, and refuses what it refuses."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.conftest import Cli
from usertrack.core.errors import UsageError
from usertrack.plan import model, read
from usertrack.plan.read import read_plan
from usertrack.plan.schema import schema_text

SCHEMA: dict[str, Any] = json.loads(schema_text())
VALIDATOR = Draft202012Validator(SCHEMA)
FOLDER = Path(__file__).parent
_OF_MEANING = ("has no '", "circle", "an alias of", "under the type of their group")  # beyond what a schema can say

_texts = st.sampled_from(["a", "b", "c d", "x%", 1, 2])
_wrong = st.sampled_from([True, 1.5, "", " ", [], {}, ["a", "a"], [["a"]], [True], {"a": "b"}, {"zzz": None}, -1])
_any_value = st.one_of(_texts, st.none(), st.lists(_texts, max_size=2), _wrong)


def _entries(keys: tuple[str, ...], **values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A mapping with some of ``keys``, mostly with values that fit."""
    fitting = {key: values.get(key, _texts) for key in keys}
    valid = st.fixed_dictionaries({}, optional=fitting)
    broken = st.tuples(valid, st.sampled_from([*keys, "zzz"]), _any_value).map(
        lambda parts: {**parts[0], parts[1]: parts[2]}
    )
    return st.one_of(valid, valid, valid, broken, _any_value)


_flag = st.booleans()
_properties = _entries(
    read.PROPERTY_KEYS, type=st.sampled_from(model.TYPES), personal=st.sampled_from(model.PERSONAL), aliases=st.none()
)
_rules = _entries(read.NAMING_KEYS, case=st.sampled_from(model.CASES), separator=st.just(": "), tense=st.just("past"))
_sinks = _entries(
    *(read.SINK_KEYS,), position=st.one_of(st.none(), st.integers(0, 2)), keyword=st.one_of(st.none(), st.just("name")),
    prefix=st.just("p."), suffix=st.none(),
)  # fmt: skip
_targets = _entries(("week 2", "month 1"), **{"week 2": st.sampled_from([1, 0.5, "95%", "1.5 %", "many"])})
_sections: dict[str, st.SearchStrategy[Any]] = {
    "naming": _entries(("events", "properties"), events=_rules, properties=st.lists(_rules, max_size=2)),
    "properties": _entries(("p", "q"), p=_properties, q=st.sampled_from(model.TYPES)),
    "scopes": _entries(("s",), s=_entries(("requires",))),
    "tiers": _entries(("1", "2")),
    "phases": _entries(("1",), **{"1": _entries(read.PHASE_KEYS)}),
    "events": _entries(
        ("e",),
        e=_entries(
            read.EVENT_KEYS,
            **dict.fromkeys(("tier", "phase", "scope", "replaces", "aliases"), st.none()),
            status=st.sampled_from(model.STATUSES),
            ongoing=_flag,
        ),
    ),
    "person_properties": _entries(("p",), p=_properties),
    "group_properties": _entries(("team",), team=_entries(("plan", "size"), plan=_properties, size=_properties)),
    "funnels": _entries(("f",), f=st.lists(_texts, max_size=2, unique=True)),
    "segments": st.lists(_texts, max_size=3, unique=True),
    "metrics": _entries(
        ("m",), m=_entries(read.METRIC_KEYS, measure=st.sampled_from(model.MEASURES), targets=_targets)
    ),
    "sinks": st.lists(_sinks, max_size=2),
    "wrappers": st.lists(_sinks, max_size=2),
    "enforce": _flag,
}


@settings(max_examples=150, deadline=None)
@given(section=st.sampled_from(read.PLAN_KEYS), data=st.data())
def test_schema_and_reader_agree(section: str, data: st.DataObject) -> None:
    document = {section: data.draw(_sections[section])}
    problem = _problem(document)
    assume(not any(words in problem for words in _OF_MEANING))
    assert VALIDATOR.is_valid(document) == (not problem), (problem, document)


def _problem(document: Any) -> str:
    """What the reader says of ``document``, nothing where it takes it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tracking.yaml"
        path.write_text(yaml.safe_dump(document, allow_unicode=True))
        try:
            read_plan(path)
        except UsageError as error:
            return error.message
    return ""


def test_every_section_is_in_both() -> None:
    assert set(SCHEMA["properties"]) == set(read.PLAN_KEYS) == set(_sections)


@pytest.mark.parametrize("name", ["seed001.yaml", "seed003.yaml"])
def test_whole_plans_fit_the_schema(name: str) -> None:
    plan = yaml.load((FOLDER / name).read_text(), _AsEditorsRead)
    assert list(VALIDATOR.iter_errors(plan)) == []


class _AsEditorsRead(yaml.SafeLoader):
    """JSON knows no keys but texts, and no dates."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001
        return {str(key): value for key, value in super().construct_mapping(node, deep).items()}


def test_the_command_prints_the_schema(cli: Cli, tmp_path: Path) -> None:
    assert json.loads(cli("plan", "schema").out) == SCHEMA
    assert cli("plan", "schema", "-o", str(tmp_path / "tracking.schema.json")).code == 0
    assert json.loads((tmp_path / "tracking.schema.json").read_text()) == SCHEMA
