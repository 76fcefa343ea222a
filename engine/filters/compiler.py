"""Compiles filters: resolves names, reads literals and turns terms into functions over columns."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from engine.columns import ColumnKey, RunColumns
from engine.errors import FilterError
from engine.filters import predicates
from engine.filters.lexer import Span, short
from engine.filters.literals import Moment, fixed, number, plain_number, span, value_for
from engine.filters.names import Names
from engine.filters.parsed import ParsedFilter, parse_filter
from engine.filters.parser import column_of
from engine.filters.predicates import (
    ORDER,
    Numbers,
    Predicate,
    Rows,
    Scope,
    all_of,
    any_of,
    chain,
    column,
    constant,
    missing,
    negative,
    none_of,
)
from engine.filters.syntax import (
    All,
    AnyOf,
    Between,
    Chain,
    Comparison,
    Expression,
    Membership,
    Name,
    Negative,
    Not,
    Operand,
    Presence,
    Search,
    Term,
)
from engine.suggestions import did_you_mean


class ColumnResolver:
    """`used` are the columns resolved so far. With a `table`, a column without numeric values is rejected
    where a number is needed."""

    def __init__(self, names: Names, table: RunColumns | None) -> None:
        self._names = names
        self._table = table
        self.used: list[ColumnKey] = []

    def key(self, name: Name, *, may_lack: bool = False) -> ColumnKey:
        key = self._names.resolve(name, may_lack=may_lack)
        self.used.append(key)
        return key

    def check_ordered(self, key: ColumnKey, span: Span) -> None:
        """Raises `FilterError` for a text column."""
        if self._holds_texts(key):
            raise span.error(f"{key} is text, not a number", "Use =, !=, LIKE, IN or ~.")

    def bound(self, key: ColumnKey, expression: Expression) -> Moment | None:
        """The value to compare a numeric column with; None if it is an expression over columns. Raises
        `FilterError` if it is neither."""
        if not isinstance(expression, Operand):
            return None
        try:
            return value_for(key, expression)
        except FilterError as error:
            word = expression.text.removeprefix("-")
            if not expression.quoted and self._names.has(word):
                return None
            if expression.quoted or error.hint:
                raise
            close = self._names.close_to(word)
            raise expression.span.error(error.title, did_you_mean(close)) from error

    def measured(self, *expressions: Expression) -> list[Numbers]:
        """The expressions as numbers. Raises `FilterError` for other types, or if no column is named."""
        known = len(self.used)
        found = [self._numbers(expression) for expression in expressions]
        if len(self.used) == known:
            raise expressions[0].span.error("No column in this condition", "Example: accuracy > 0.9.")
        return found

    def check_column(self, name: Name) -> None:
        """Raises `FilterError` for backticks around a value."""
        if name.prefix is None and not self._names.has(name.name):
            raise name.span.error("Backticks are for column names", f"Write '{short(name.name)}'.")

    def _numbers(self, expression: Expression) -> Numbers:
        match expression:
            case Name():
                return self._column(expression)
            case Operand():
                return self._operand(expression)
            case Negative(part, name):
                if name is not None and self._names.has(name.name):
                    return self._numbers(name)
                return negative(self._numbers(part))
            case Chain(first, rest):
                parts = [(sign, self._numbers(part)) for sign, part in rest]
                return chain(self._numbers(first), parts)

    def _column(self, name: Name) -> Numbers:
        length = span(name.name) if name.prefix is None and not self._names.has(name.name) else None
        if length is not None:
            seconds, milliseconds = f"{length:.15g}", f"{1000 * length:.15g}"
            hint = f"Use {seconds} with durations (seconds) or {milliseconds} with times (milliseconds)."
            raise name.span.error(f"{short(name.name)} is a duration, not a number", hint)
        key = self.key(name)
        if self._holds_texts(key):
            raise name.span.error(f"{key} is text", "Arithmetic needs numbers.")
        return column(key)

    def _operand(self, operand: Operand) -> Numbers:
        if operand.quoted or plain_number(operand) is not None or operand.text.lower() == "nan":
            return constant(number(operand))
        return self._numbers(column_of(operand))

    def _holds_texts(self, key: ColumnKey) -> bool:
        if key.is_number:
            return False
        if key.kind in ("attribute", "dataset"):
            return True
        if self._table is None:
            return False
        try:
            read = self._table.numbers(key)
        except KeyError:
            return False
        return len(read) > 0 and all(value is None for value in read)


_ID = ColumnKey("attribute", "run_id")
_NAME = ColumnKey("attribute", "run_name")
_EXTREME_TIMES = (0.0, 1e16)
"""Two current times, in milliseconds since the epoch: before and after any time in a filter."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled filter. `keys` are the columns it reads."""

    text: str
    keys: tuple[ColumnKey, ...]
    _predicate: Predicate

    def rows(self, frame: RunColumns, *, now: float | None = None) -> list[int]:
        """The matching rows in the frame's order. Relative times count from `now`, milliseconds
        since the epoch. Raises `FilterError` for a pattern that would take too long."""
        at = time.time() * 1000 if now is None else now
        return self._predicate(Scope(frame, at), range(len(frame)))


def compile_filter(
    source: str | ParsedFilter,
    keys: Iterable[ColumnKey],
    table: RunColumns | None = None,
    *,
    partial: bool = False,
) -> Filter:
    """Compile a filter for a table with these columns. An empty filter matches every run.

    With a `table`, an order comparison of a parameter or tag without numeric values is rejected too. If the
    table is incomplete (`partial`), a prefixed name that no loaded run has counts as an empty column. Raises
    `FilterError` with the position of the offending token."""
    parsed = parse_filter(source) if isinstance(source, str) else source
    names = Names(keys, partial=partial)
    columns = ColumnResolver(names, table)
    try:
        parsed.check_syntax()
        if parsed.term is None:
            return Filter(parsed.text, (), lambda _, rows: list(rows))
        predicate = _Compiler(columns).term(parsed.term)
    except FilterError as error:
        if quoted_forms := names.quoted_forms(parsed.text, error.position):
            error.hint = f"Write this column as {' or '.join(quoted_forms)}."
        raise
    return Filter(parsed.text, tuple(dict.fromkeys(columns.used)), predicate)


class _Compiler:
    def __init__(self, columns: ColumnResolver) -> None:
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
        test = predicates.is_missing if term.what == "null" else predicates.is_nan
        if not isinstance(term.left, Name):
            (numbers,) = self._columns.measured(term.left)
            return test(numbers, term.negated)
        key = self._columns.key(term.left, may_lack=True)
        if term.what == "null":
            return missing(key, term.negated)
        if not key.is_number and key.kind in ("attribute", "dataset"):
            raise term.left.span.error(f"{key} is text", "IS NAN needs a number.")
        return test(predicates.column(key), term.negated)

    def _membership(self, term: Membership) -> Predicate:
        if not isinstance(term.left, Name):
            values = [fixed(number(operand)) for operand in term.values]
            (numbers,) = self._columns.measured(term.left)
            return predicates.among(numbers, values, term.negated)
        key = self._columns.key(term.left)
        if not key.is_number:
            return predicates.membership(key, term)
        values = [value_for(key, operand) for operand in term.values]
        return predicates.among(predicates.column(key), values, term.negated)

    def _between(self, term: Between) -> Predicate:
        """`a BETWEEN b AND c` is `a >= b AND a <= c`."""
        low, high = ("<", ">") if term.negated else (">=", "<=")
        bounds = [
            self._ordered(term.left, operator, bound, term.left.span)
            for operator, bound in ((low, term.low), (high, term.high))
        ]
        self._check_bounds(term)
        return any_of(bounds) if term.negated else all_of(bounds)

    def _check_bounds(self, term: Between) -> None:
        """Raises `FilterError` if the bounds are reversed, whatever the current time."""
        left, low, high = term.left, term.low, term.high
        if not (isinstance(left, Name) and isinstance(low, Operand) and isinstance(high, Operand)):
            return
        key = self._columns.key(left)
        lower, upper = self._columns.bound(key, low), self._columns.bound(key, high)
        if lower and upper and all(lower(now) > upper(now) for now in _EXTREME_TIMES):
            hint = f"Write BETWEEN {short(high.text)} AND {short(low.text)}."
            raise high.span.error("The bounds of BETWEEN are reversed", hint)

    def _comparison(self, term: Comparison) -> Predicate:
        left, right = term.left, term.right
        if term.operator in ("like", "ilike", "~"):
            return self._likeness(term)
        if term.operator == "=" and isinstance(left, Name):
            key = self._columns.key(left)
            if not key.is_number and isinstance(right, Operand):
                return predicates.equality(key, right, term.negated)
            if isinstance(right, Name):
                self._columns.check_column(right)
        operator = "!=" if term.negated else term.operator
        return self._ordered(left, operator, right, term.operator_place)

    def _likeness(self, term: Comparison) -> Predicate:
        key = self._columns.key(term.left) if isinstance(term.left, Name) else None
        if key is None or key.is_number:
            title = f"{term.operator.upper()} needs text" + (
                f"; {key} is a number" if key else ", not a number"
            )
            raise term.operator_place.error(title, "Use >, <, = or BETWEEN.")
        return predicates.likeness(key, cast(Operand, term.right), term)

    def _ordered(self, left: Expression, operator: str, right: Expression, span: Span) -> Predicate:
        """A numeric comparison."""
        if isinstance(left, Name):
            key = self._columns.key(left)
            if operator not in ("=", "!="):
                self._columns.check_ordered(key, span)
            bound = self._columns.bound(key, right)
            if bound is not None:
                compare = ORDER[operator]
                return lambda scope, rows: compare(scope.number_pairs(key, rows), bound(scope.now))
        numbers, others = self._columns.measured(left, right)
        return predicates.compared(operator, numbers, others)
