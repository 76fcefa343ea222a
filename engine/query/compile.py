"""Filters compiled: names resolved, values read, terms made into functions over columns."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from engine.errors import FilterError
from engine.query import arithmetic, texts
from engine.query.columns import Columns
from engine.query.evaluate import ORDER, Predicate, Rows, Scope, all_of, any_of, missing, none_of
from engine.query.keys import ColumnKey, Table
from engine.query.lexer import Place, short
from engine.query.names import Names
from engine.query.operands import fixed, number, value_for
from engine.query.parser import parse
from engine.query.tree import (
    All,
    AnyOf,
    Between,
    Comparison,
    Expression,
    Membership,
    Name,
    Not,
    Operand,
    Presence,
    Search,
    Term,
)

_ID = ColumnKey("attribute", "run_id")
_NAME = ColumnKey("attribute", "run_name")
_AGES_APART = (0.0, 1e16)
"""Two presents, in milliseconds since the epoch: before and after anything that a filter names."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled filter. `keys` are the columns that it looks at."""

    text: str
    keys: tuple[ColumnKey, ...]
    _predicate: Predicate

    def rows(self, frame: Table, *, now: float | None = None) -> list[int]:
        """The matching rows in the frame's order. Relative times count from `now`, milliseconds
        since the epoch. Raises `FilterError` for a pattern that would take too long."""
        moment_now = time.time() * 1000 if now is None else now
        return self._predicate(Scope(frame, moment_now), range(len(frame)))


def compile_filter(
    text: str, keys: Iterable[ColumnKey], table: Table | None = None, *, partial: bool = False
) -> Filter:
    """Read a filter over a table with these columns. An empty one matches every run.

    With a `table`, an order is also refused for a parameter or tag that holds no number in it. Where
    the table is known to be incomplete (`partial`), a name with a prefix that no loaded run has is a
    column without values. Raises `FilterError` with the place of the offending token."""
    names = Names(keys, partial=partial)
    columns = Columns(names, table)
    try:
        tree = parse(text)
        if tree is None:
            return Filter(text, (), lambda _, rows: list(rows))
        predicate = _Compiler(columns).term(tree)
    except FilterError as error:
        if spelled := names.spelled(text, error.position):
            error.hint = f"There is a column of this name: write it as {' or '.join(spelled)}."
        raise
    return Filter(text, tuple(dict.fromkeys(columns.used)), predicate)


class _Compiler:
    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def term(self, term: Term) -> Predicate:
        match term:
            case All(terms):
                return all_of([self.term(part) for part in terms])
            case AnyOf(terms):
                return any_of([self.term(part) for part in terms])
            case Not(part):
                return none_of(self.term(part))
            case Search(text):
                return self._search(text)
            case Presence():
                return self._presence(term)
            case Membership():
                return self._membership(term)
            case Between():
                return self._between(term)
            case Comparison():
                return self._comparison(term)

    def _search(self, text: str) -> Predicate:
        self._columns.used += (_NAME, _ID)
        needle = text.casefold()

        def rows(scope: Scope, among: Rows) -> list[int]:
            pairs = zip(scope.pairs(_NAME, among), scope.pairs(_ID, among), strict=True)
            return [
                row
                for (row, named), (_, known) in pairs
                if (named is not None and needle in named.casefold()) or needle in known.casefold()
            ]

        return rows

    def _presence(self, term: Presence) -> Predicate:
        test = arithmetic.is_missing if term.what == "null" else arithmetic.is_nan
        if not isinstance(term.left, Name):
            (numbers,) = self._columns.measured(term.left)
            return test(numbers, term.negated)
        key = self._columns.key(term.left, may_lack=True)
        if term.what == "null":
            return missing(key, term.negated)
        if not key.is_number and key.kind in ("attribute", "dataset"):
            raise term.left.place.error(f"{key} is text", "IS NAN is for numbers.")
        return test(arithmetic.column(key), term.negated)

    def _membership(self, term: Membership) -> Predicate:
        if not isinstance(term.left, Name):
            wanted = [fixed(number(operand)) for operand in term.values]
            (numbers,) = self._columns.measured(term.left)
            return arithmetic.among(numbers, wanted, term.negated)
        key = self._columns.key(term.left)
        if not key.is_number:
            return texts.membership(key, term)
        wanted = [value_for(key, operand) for operand in term.values]
        return arithmetic.among(arithmetic.column(key), wanted, term.negated)

    def _between(self, term: Between) -> Predicate:
        """`a BETWEEN b AND c` is `a >= b AND a <= c`."""
        low, high = ("<", ">") if term.negated else (">=", "<=")
        bounds = [
            self._ordered(term.left, operator, bound, term.left.place)
            for operator, bound in ((low, term.low), (high, term.high))
        ]
        self._check_bounds(term)
        return any_of(bounds) if term.negated else all_of(bounds)

    def _check_bounds(self, term: Between) -> None:
        """Raises `FilterError` for bounds that stand the wrong way round, whatever the time is."""
        left, low, high = term.left, term.low, term.high
        if not (isinstance(left, Name) and isinstance(low, Operand) and isinstance(high, Operand)):
            return
        key = self._columns.key(left)
        lower, upper = self._columns.bound(key, low), self._columns.bound(key, high)
        if lower and upper and all(lower(now) > upper(now) for now in _AGES_APART):
            title = f"Nothing lies between {short(low.text)} and {short(high.text)}"
            raise high.place.error(title, f"Write BETWEEN {short(high.text)} AND {short(low.text)}.")

    def _comparison(self, term: Comparison) -> Predicate:
        left, right = term.left, term.right
        if term.operator in ("like", "ilike", "~"):
            return self._likeness(term)
        if term.operator == "=" and isinstance(left, Name):
            key = self._columns.key(left)
            if not key.is_number and isinstance(right, Operand):
                return texts.equality(key, right, term.negated)
            if isinstance(right, Name):
                self._columns.check_column(right)
        operator = "!=" if term.negated else term.operator
        return self._ordered(left, operator, right, term.operator_place)

    def _likeness(self, term: Comparison) -> Predicate:
        key = self._columns.key(term.left) if isinstance(term.left, Name) else None
        if key is None or key.is_number:
            title = f"{key if key else 'Arithmetic'} is a number, {term.operator.upper()} compares texts"
            raise term.operator_place.error(title, "Write >, <, = or BETWEEN.")
        return texts.likeness(key, cast(Operand, term.right), term)

    def _ordered(self, left: Expression, operator: str, right: Expression, place: Place) -> Predicate:
        """A comparison of numbers."""
        if isinstance(left, Name):
            key = self._columns.key(left)
            if operator not in ("=", "!="):
                self._columns.check_ordered(key, place)
            bound = self._columns.bound(key, right)
            if bound is not None:
                compare = ORDER[operator]
                return lambda scope, rows: compare(scope.number_pairs(key, rows), bound(scope.now))
        numbers, others = self._columns.measured(left, right)
        return arithmetic.compared(operator, numbers, others)
