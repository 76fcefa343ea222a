"""Filters as functions over the columns of a table of runs.

A term takes the rows still in question (ascending) and gives back those that match, looking
only at the columns that it names. Texts are tested once per different text.

The rules are MLflow's where MLflow has the construct: a run that lacks the value matches no
comparison, `!=` included; NaN matches only `!=`; LIKE minds the case, ILIKE does not; a quoted
value compares with a parameter as text. NOT takes all rows that its term does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from engine.query.keys import ColumnKey, Table, Value

Rows = Sequence[int]
"""Row numbers, ascending; a range stands for all rows."""

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
        if key.is_number:
            return self.pairs(key, rows)
        try:
            return _paired(self.table.numbers(key), rows)
        except KeyError:
            return ((row, None) for row in rows)

    def distinct(self, key: ColumnKey, rows: Rows) -> set[Value]:
        """The different values of the rows."""
        column = self._values(key)
        return set(column[: len(rows)] if isinstance(rows, range) else map(column.__getitem__, rows))

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
    """The rows whose text passes the test (or does not); each different text is tested once."""

    def rows(scope: Scope, among: Rows) -> list[int]:
        distinct = cast(set[str | None], scope.distinct(key, among))
        chosen = {text for text in distinct if text is not None and test(text) != negated}
        return [row for row, value in scope.pairs(key, among) if value in chosen] if chosen else []

    return rows
