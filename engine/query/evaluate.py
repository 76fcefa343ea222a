"""Filters as functions over the columns of a table of runs.

A term takes the rows still in question (ascending) and gives back those that match, looking
only at the columns that it names. Texts are tested once per different text.

The rules are MLflow's where MLflow has the construct: a run that lacks the value matches no
comparison, `!=` included; NaN matches only `!=`; LIKE minds the case, ILIKE does not; a quoted
value compares with a parameter as text; of a run's data sets one has to match. NOT takes all rows
that its term does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from engine.query.keys import ColumnKey, Table, Value

Rows = Sequence[int]
"""Row numbers, ascending; a range stands for all rows."""

_USER = ColumnKey("attribute", "user_id")

Pairs = Iterable[tuple[int, Any]]
"""Rows with their values in one column."""


@dataclass(frozen=True, slots=True)
class Scope:
    """`now` is in milliseconds since the epoch."""

    table: Table
    now: float

    def pairs(self, key: ColumnKey, rows: Rows) -> Pairs:
        """Each row with its value."""
        return _paired(self._values(key), rows)

    def number_pairs(self, key: ColumnKey, rows: Rows) -> Pairs:
        return _paired(self._numbers(key), rows)

    def numbers(self, key: ColumnKey, rows: Rows) -> Iterable[float | None]:
        """The number of each row."""
        column = self._numbers(key)
        return islice(column, len(rows)) if isinstance(rows, range) else map(column.__getitem__, rows)

    def distinct(self, key: ColumnKey, rows: Rows) -> set[Value]:
        """The different values of the rows."""
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
    if isinstance(rows, range):  # all rows; a column may go on after the last one
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
    """The rows whose text passes the test (or does not); each different text is tested once. For a
    column of data sets, the rows where the text of one of them does."""

    def passes(value: Value) -> bool:
        if value is None:
            # A run without a user has an empty one: servers do not tell them apart.
            return key == _USER and test("") != negated
        if isinstance(value, tuple):
            return any(test(text) != negated for text in value if text)
        return test(cast(str, value)) != negated

    def rows(scope: Scope, among: Rows) -> list[int]:
        chosen = {value for value in scope.distinct(key, among) if passes(value)}
        return [row for row, value in scope.pairs(key, among) if value in chosen] if chosen else []

    return rows


def missing(key: ColumnKey, negated: bool) -> Predicate:
    """The rows without a value. A run has a data set's context where one of its data sets has one."""
    if key.kind == "dataset":
        return lambda scope, rows: [
            row for row, value in scope.pairs(key, rows) if any(value or ()) == negated
        ]
    return lambda scope, rows: [row for row, value in scope.pairs(key, rows) if (value is None) != negated]
