"""Filter conditions as functions over the columns of a table of runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from typing import Any, cast

from engine.columns import ColumnKey, RunColumns, Value
from engine.filters.lexer import Span
from engine.filters.like import like
from engine.filters.literals import Moment, plain_number, stage, status
from engine.filters.regex import PatternError, Regex, TooMuchWork
from engine.filters.syntax import Comparison, Membership, Operand, Sign
from engine.formats import as_number

Rows = Sequence[int]
"""Row numbers, ascending; a range means all rows."""

_USER = ColumnKey("attribute", "user_id")

Pairs = Iterable[tuple[int, Any]]
"""Rows with their values in a column."""


@dataclass(frozen=True, slots=True)
class Scope:
    """`now` is in milliseconds since the epoch."""

    table: RunColumns
    now: float

    def pairs(self, key: ColumnKey, rows: Rows) -> Pairs:
        """Each row with its value in a column."""
        return _paired(self._values(key), rows)

    def number_pairs(self, key: ColumnKey, rows: Rows) -> Pairs:
        return _paired(self._numbers(key), rows)

    def numbers(self, key: ColumnKey, rows: Rows) -> Iterable[float | None]:
        """Each row's number."""
        column = self._numbers(key)
        return islice(column, len(rows)) if isinstance(rows, range) else map(column.__getitem__, rows)

    def distinct(self, key: ColumnKey, rows: Rows) -> set[Value]:
        """The distinct values of the rows."""
        column = self._values(key)
        return set(column[: len(rows)] if isinstance(rows, range) else map(column.__getitem__, rows))

    def _numbers(self, key: ColumnKey) -> Sequence[float | None]:
        try:
            return (
                cast(Sequence[float | None], self._values(key)) if key.is_number else self.table.numbers(key)
            )
        except KeyError:
            return [None] * len(self.table)

    def _values(self, key: ColumnKey) -> Sequence[Value]:
        try:
            return self.table.scan(key)
        except KeyError:
            return [None] * len(self.table)


def _paired(column: Sequence[Value], rows: Rows) -> Pairs:
    if isinstance(rows, range):  # all rows; a column may have more values after the last one
        return zip(rows, column, strict=False)
    return zip(rows, map(column.__getitem__, rows), strict=True)


Predicate = Callable[[Scope, Rows], list[int]]
TextTest = Callable[[str], bool]

ORDER: Mapping[str, Callable[[Pairs, float], list[int]]] = {
    "<": lambda pairs, bound: [row for row, value in pairs if value is not None and value < bound],
    "<=": lambda pairs, bound: [row for row, value in pairs if value is not None and value <= bound],
    ">": lambda pairs, bound: [row for row, value in pairs if value is not None and value > bound],
    ">=": lambda pairs, bound: [row for row, value in pairs if value is not None and value >= bound],
    "=": lambda pairs, bound: [row for row, value in pairs if value == bound],
    "!=": lambda pairs, bound: [row for row, value in pairs if value is not None and value != bound],
}


def all_of(predicates: Sequence[Predicate]) -> Predicate:
    def rows(scope: Scope, among: Rows) -> list[int]:
        for predicate in predicates:
            among = predicate(scope, among)
        return cast(list[int], among)

    return rows


def any_of(predicates: Sequence[Predicate]) -> Predicate:
    def rows(scope: Scope, among: Rows) -> list[int]:
        found: list[int] = []
        for predicate in predicates:
            matching = predicate(scope, among)
            if matching:
                found += matching
                among = _without(among, matching)
        found.sort()
        return found

    return rows


def none_of(predicate: Predicate) -> Predicate:
    return lambda scope, rows: _without(rows, predicate(scope, rows))


def _without(rows: Rows, taken: Rows) -> list[int]:
    gone = set(taken)
    return [row for row in rows if row not in gone]


def by_text(key: ColumnKey, test: TextTest, negated: bool) -> Predicate:
    """The rows whose text passes the test (or fails it, if negated); each distinct text is tested once. For a
    dataset column, the rows where any dataset's text does."""

    def passes(value: Value) -> bool:
        if value is None:
            # A missing user equals an empty one: servers do not distinguish them.
            return key == _USER and test("") != negated
        if isinstance(value, tuple):
            return any(test(text) != negated for text in value if text)
        return test(cast(str, value)) != negated

    def rows(scope: Scope, among: Rows) -> list[int]:
        chosen = {value for value in scope.distinct(key, among) if passes(value)}
        return [row for row, value in scope.pairs(key, among) if value in chosen] if chosen else []

    return rows


def missing(key: ColumnKey, negated: bool) -> Predicate:
    """The rows without a value. A run has a dataset field if any of its datasets has it."""
    if key.kind == "dataset":
        return lambda scope, rows: [
            row for row, value in scope.pairs(key, rows) if any(value or ()) == negated
        ]
    return lambda scope, rows: [row for row, value in scope.pairs(key, rows) if (value is None) != negated]


Number = float | None
Numbers = Callable[[Scope, Rows], Iterable[Number]]
"""One number per row; can be iterated only once."""

_Pairwise = Callable[[Iterable[Number], Iterable[Number]], list[Number]]


def constant(value: float) -> Numbers:
    return lambda _, rows: repeat(value, len(rows))


def column(key: ColumnKey) -> Numbers:
    if not key.is_time:
        return lambda scope, rows: scope.numbers(key, rows)
    # Integers of any size: as doubles, arithmetic on them overflows to infinity instead of raising.
    return lambda scope, rows: [None if v is None else float(v) for v in scope.numbers(key, rows)]


def negative(numbers: Numbers) -> Numbers:
    return lambda scope, rows: [None if value is None else -value for value in numbers(scope, rows)]


def chain(first: Numbers, rest: Sequence[tuple[Sign, Numbers]]) -> Numbers:
    """Evaluate left to right, with one pass over the rows per sign."""

    def numbers(scope: Scope, rows: Rows) -> Iterable[Number]:
        values = first(scope, rows)
        for sign, part in rest:
            values = _SIGNS[sign](values, part(scope, rows))
        return values

    return numbers


def compared(operator: str, left: Numbers, right: Numbers) -> Predicate:
    """The rows where both numbers exist and the comparison holds."""
    holds = _COMPARED[operator]
    return lambda scope, rows: holds(rows, left(scope, rows), right(scope, rows))


def among(numbers: Numbers, moments: Sequence[Moment], negated: bool) -> Predicate:
    def rows(scope: Scope, candidates: Rows) -> list[int]:
        values = {moment(scope.now) for moment in moments}
        pairs = zip(candidates, numbers(scope, candidates), strict=True)
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


_STATUS = ColumnKey("attribute", "status")
_STAGE = ColumnKey("attribute", "stage")
_ALIASES = ColumnKey("attribute", "aliases")


def equality(key: ColumnKey, operand: Operand, negated: bool) -> Predicate:
    """Parameters and tags are compared with an unquoted number as numbers."""
    if is_text(key, operand):
        return by_text(key, text_of(key, operand).__eq__, negated)
    number = plain_number(operand)
    return by_text(key, lambda text: as_number(text) == number, negated)


def membership(key: ColumnKey, term: Membership) -> Predicate:
    texts = {text_of(key, operand) for operand in term.values if is_text(key, operand)}
    numbers = {plain_number(operand) for operand in term.values if not is_text(key, operand)}
    if not numbers:
        return by_text(key, texts.__contains__, term.negated)
    return by_text(key, lambda text: text in texts or as_number(text) in numbers, term.negated)


def likeness(key: ColumnKey, pattern: Operand, term: Comparison) -> Predicate:
    """LIKE, ILIKE and `~`. Raises `FilterError` for an invalid pattern."""
    if term.operator != "~":
        return by_text(key, like(pattern.text, ignore_case=term.operator == "ilike"), term.negated)
    offset = pattern.span.position + (1 if pattern.quoted else 0)
    try:
        regex = Regex(pattern.text)
    except PatternError as error:
        span = Span(offset + error.position, error.length) if error.length else pattern.span
        raise span.error(error.title) from error
    matching = by_text(key, regex.found_in, term.negated)

    def rows(scope: Scope, among: Rows) -> list[int]:
        regex.reset_budget()
        try:
            return matching(scope, among)
        except TooMuchWork:
            hint = "Use fewer alternatives and counted repetitions."
            raise pattern.span.error("This pattern takes too long", hint) from None

    return rows


def is_text(key: ColumnKey, operand: Operand) -> bool:
    """Whether `key` is compared as text: the operand is quoted or a word, or `key` is always text."""
    return key.kind in ("attribute", "dataset") or plain_number(operand) is None


def text_of(key: ColumnKey, operand: Operand) -> str:
    """The text to compare `key` with: an unquoted status in upper case, a stage as MLflow spells it, an alias
    without its @. Raises `FilterError` for an unknown status."""
    if key == _STATUS:
        return status(operand)
    if key == _STAGE:
        return stage(operand)
    return operand.text.removeprefix("@") if key == _ALIASES else operand.text
