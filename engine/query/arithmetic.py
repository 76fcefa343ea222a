"""Numbers made of columns: one number per row in question, None where an operand is missing.

A missing value, or text where a number should be, makes the result missing. NaN and ±inf go on as
IEEE 754 has them: what is divided by zero is ±inf or NaN, and what grows too large is ±inf. Times
count in milliseconds since the epoch and durations in seconds, as in comparisons.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat

from engine.query.evaluate import Predicate, Rows, Scope
from engine.query.keys import ColumnKey
from engine.query.operands import Moment
from engine.query.tree import Sign

Number = float | None
Numbers = Callable[[Scope, Rows], Iterable[Number]]
"""As many numbers as there are rows, to be gone through once."""

_Pairwise = Callable[[Iterable[Number], Iterable[Number]], list[Number]]


def constant(value: float) -> Numbers:
    return lambda _, rows: repeat(value, len(rows))


def column(key: ColumnKey) -> Numbers:
    if not key.is_time:
        return lambda scope, rows: scope.numbers(key, rows)
    # Whole numbers of any size: as doubles they grow too large without an error.
    return lambda scope, rows: [None if v is None else float(v) for v in scope.numbers(key, rows)]


def negative(numbers: Numbers) -> Numbers:
    return lambda scope, rows: [None if value is None else -value for value in numbers(scope, rows)]


def chain(first: Numbers, rest: Sequence[tuple[Sign, Numbers]]) -> Numbers:
    """Joined from left to right: one pass over the rows for each sign."""

    def numbers(scope: Scope, rows: Rows) -> Iterable[Number]:
        values = first(scope, rows)
        for sign, part in rest:
            values = _SIGNS[sign](values, part(scope, rows))
        return values

    return numbers


def compared(operator: str, left: Numbers, right: Numbers) -> Predicate:
    """The rows where both numbers are there and compare so."""
    holds = _COMPARED[operator]
    return lambda scope, rows: holds(rows, left(scope, rows), right(scope, rows))


def among(numbers: Numbers, wanted: Sequence[Moment], negated: bool) -> Predicate:
    def rows(scope: Scope, asked: Rows) -> list[int]:
        values = {moment(scope.now) for moment in wanted}
        pairs = zip(asked, numbers(scope, asked), strict=True)
        return [row for row, value in pairs if value is not None and (value in values) != negated]

    return rows


def is_missing(numbers: Numbers, negated: bool) -> Predicate:
    return lambda scope, rows: [
        row for row, value in zip(rows, numbers(scope, rows), strict=True) if (value is None) != negated
    ]


def is_nan(numbers: Numbers, negated: bool) -> Predicate:
    return lambda scope, rows: [
        row
        for row, value in zip(rows, numbers(scope, rows), strict=True)
        if value is not None and (value != value) != negated
    ]


def _divided(value: float, by: float) -> float:
    if by:
        return value / by
    if not value or value != value:
        return math.nan
    return math.copysign(math.inf, value) * math.copysign(1.0, by)


_SIGNS: dict[Sign, _Pairwise] = {
    "+": lambda xs, ys: [None if x is None or y is None else x + y for x, y in zip(xs, ys, strict=True)],
    "-": lambda xs, ys: [None if x is None or y is None else x - y for x, y in zip(xs, ys, strict=True)],
    "*": lambda xs, ys: [None if x is None or y is None else x * y for x, y in zip(xs, ys, strict=True)],
    "/": lambda xs, ys: [
        None if x is None or y is None else _divided(x, y) for x, y in zip(xs, ys, strict=True)
    ],
}

_Holds = Callable[[Rows, Iterable[Number], Iterable[Number]], list[int]]

_COMPARED: dict[str, _Holds] = {
    "<": lambda rows, xs, ys: [
        row for row, x, y in zip(rows, xs, ys, strict=True) if x is not None and y is not None and x < y
    ],
    "<=": lambda rows, xs, ys: [
        row for row, x, y in zip(rows, xs, ys, strict=True) if x is not None and y is not None and x <= y
    ],
    ">": lambda rows, xs, ys: [
        row for row, x, y in zip(rows, xs, ys, strict=True) if x is not None and y is not None and x > y
    ],
    ">=": lambda rows, xs, ys: [
        row for row, x, y in zip(rows, xs, ys, strict=True) if x is not None and y is not None and x >= y
    ],
    "=": lambda rows, xs, ys: [
        row for row, x, y in zip(rows, xs, ys, strict=True) if x is not None and x == y
    ],
    "!=": lambda rows, xs, ys: [
        row for row, x, y in zip(rows, xs, ys, strict=True) if x is not None and y is not None and x != y
    ],
}
