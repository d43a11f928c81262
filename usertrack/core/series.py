"""Arithmetic on series of numbers, a value per period; None is a period of which nothing is known."""

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate

from usertrack.core.errors import UsageError

Values = Sequence[float | None]

_LONGEST = 300  # characters of a formula: a chain of more operators than Python goes deep would end it
_OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def cumulative(values: Values) -> list[float | None]:
    """The sum up to each period; a period of which nothing is known adds nothing."""
    return list(accumulate(value or 0 for value in values))


def smoothed(values: Values, width: int) -> list[float | None]:
    """The mean of up to ``width`` periods that end with each (PostHog's smoothingIntervals)."""
    windows = [values[max(0, at - width + 1) : at + 1] for at in range(len(values))]
    known = [[value for value in window if value is not None] for window in windows]
    return [sum(window) / len(window) if window else None for window in known]


class Formula:
    """A formula over series, which it calls A, B, … in their order: ``A / B * 100``.

    It knows numbers, + - * / and brackets. Raises UsageError for anything else, and for a letter without a series.
    """

    def __init__(self, text: str, series: int) -> None:
        self.text = text
        self.letters = [chr(ord("A") + at) for at in range(series)]
        if len(text) > _LONGEST:
            raise self._error()
        try:
            self._tree = ast.parse(text.strip().upper(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise self._error() from None
        self._check(self._tree)

    def __call__(self, values: Sequence[float | None]) -> float | None:
        """The result for a value of each series; None where one is unknown, divided by 0, or beyond floats."""
        result = self._result(self._tree, values)
        return result if result is not None and math.isfinite(result) else None

    def _error(self) -> UsageError:
        letters = self.letters[0] if len(self.letters) == 1 else f"{self.letters[0]} to {self.letters[-1]}"
        return UsageError(
            f"'{self.text}' is no formula", f"it has {letters}, numbers, + - * / and brackets: A / B * 100"
        )

    def _check(self, node: ast.expr) -> None:
        match node:
            case ast.BinOp() if type(node.op) in _OPERATORS:
                self._check(node.left)
                self._check(node.right)
            case ast.UnaryOp(op=ast.USub()):
                self._check(node.operand)
            case ast.Name() if node.id in self.letters:
                pass
            case ast.Constant() if isinstance(node.value, int | float) and not isinstance(node.value, bool):
                pass
            case _:
                raise self._error()

    def _result(self, node: ast.expr, values: Sequence[float | None]) -> float | None:
        match node:
            case ast.BinOp():
                left, right = self._result(node.left, values), self._result(node.right, values)
                if left is None or right is None or (isinstance(node.op, ast.Div) and not right):
                    return None
                return _OPERATORS[type(node.op)](left, right)
            case ast.UnaryOp():
                operand = self._result(node.operand, values)
                return None if operand is None else -operand
            case ast.Name():
                return values[self.letters.index(node.id)]
            case ast.Constant(value=int() | float() as number):
                return number
        raise self._error()
