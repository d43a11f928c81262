"""The oracle is independent, and right on what can be counted by hand."""

import ast
from datetime import timedelta
from pathlib import Path

from . import oracle
from .oracle import Act, Company, Person
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
