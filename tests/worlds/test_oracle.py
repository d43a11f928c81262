"""The oracle is independent, and right on what can be counted by hand; the walk sees figures that nobody can know."""

import ast
from datetime import timedelta
from pathlib import Path

import pytest

from . import oracle
from .oracle import Act, Company, Person
from .walk import require_no_rate_of_nobody, require_unknown
from .world import NOW


def test_it_imports_nothing_of_usertrack() -> None:
    tree = ast.parse(Path(oracle.__file__).read_text())
    imported = {
        alias.name if isinstance(node, ast.Import) else f"{'.' * node.level}{node.module or ''}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported == {"collections", "collections.abc", "dataclasses", "datetime", "typing"}


def test_a_funnel_by_hand() -> None:
    did = [Act(NOW - timedelta(days), name) for days, name in ((9, "b"), (8, "a"), (7, "x"), (6, "b"))]
    company = Company(NOW, [Person("ada", acts=did), Person("ben", acts=did[:2])])
    assert company.funnel(["a", "b"]) == [2, 1]


def test_unknown_is_neither() -> None:
    assert (oracle.all_of(False, None), oracle.any_of(False, None)) == (False, None)


@pytest.mark.parametrize("text", ["| Churned | 0 | · |", "  Churned   0.0 %", "Churned \n 100 %", ""])
def test_the_walk_sees_nothing_and_all_of_what_is_unknown(text: str) -> None:
    require_unknown(["Churned"], "| Churned | · | 0 % |  Churned  0.4  Churned 10 % ")
    with pytest.raises(AssertionError, match="Churned"):
        require_unknown(["Churned"], text)


def test_the_walk_sees_a_rate_of_nobody() -> None:
    require_no_rate_of_nobody([{"rate": {"n": 0, "rate": None}}, {"n": 2, "rate": 0.0}])
    with pytest.raises(AssertionError):
        require_no_rate_of_nobody({"rates": [{"n": 0, "rate": 0.0}]})
