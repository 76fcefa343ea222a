"""The columns that a filter uses: what its names mean, and the numbers made of them."""

from __future__ import annotations

from engine.errors import FilterError
from engine.query.arithmetic import Numbers, chain, column, constant, negative
from engine.query.expressions import column_of
from engine.query.keys import ColumnKey, Table
from engine.query.lexer import Place, short
from engine.query.names import Names, asked
from engine.query.operands import Moment, number, plain_number, span, value_for
from engine.query.tree import Chain, Expression, Name, Negative, Operand


class Columns:
    """`used` are the columns that were asked for so far. With a `table`, what holds no number in it is
    refused as a number."""

    def __init__(self, names: Names, table: Table | None) -> None:
        self._names = names
        self._table = table
        self.used: list[ColumnKey] = []

    def key(self, name: Name, *, may_lack: bool = False) -> ColumnKey:
        key = self._names.resolve(name, may_lack=may_lack)
        self.used.append(key)
        return key

    def check_ordered(self, key: ColumnKey, place: Place) -> None:
        """Raises `FilterError` for a column of texts."""
        if self._holds_texts(key):
            raise place.error(f"{key} is text and has no order", "Write =, !=, LIKE, IN or ~.")

    def bound(self, key: ColumnKey, expression: Expression) -> Moment | None:
        """The value to compare a column of numbers with, None where other columns tell it. Raises
        `FilterError` for what is neither."""
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
            raise expression.place.error(error.title, asked(close)) from error

    def measured(self, *expressions: Expression) -> list[Numbers]:
        """Expressions as numbers. Raises `FilterError` for what is none, or where no column is named."""
        known = len(self.used)
        found = [self._numbers(expression) for expression in expressions]
        if len(self.used) == known:
            raise expressions[0].place.error("No column is compared here", "Write accuracy > 0.9.")
        return found

    def check_column(self, name: Name) -> None:
        """Raises `FilterError` for backticks around what can only be a value."""
        if name.prefix is None and not self._names.has(name.name):
            raise name.place.error("Backticks are for columns", f"Write '{short(name.name)}'.")

    def _numbers(self, expression: Expression) -> Numbers:
        match expression:
            case Name():
                return self._column(expression)
            case Operand():
                return self._operand(expression)
            case Negative(part, whole):
                if whole is not None and self._names.has(whole.name):
                    return self._numbers(whole)
                return negative(self._numbers(part))
            case Chain(first, rest):
                parts = [(sign, self._numbers(part)) for sign, part in rest]
                return chain(self._numbers(first), parts)

    def _column(self, name: Name) -> Numbers:
        length = span(name.name) if name.prefix is None and not self._names.has(name.name) else None
        if length is not None:
            seconds, milliseconds = f"{length:.15g}", f"{1000 * length:.15g}"
            hint = f"Write {seconds} beside durations (seconds), {milliseconds} beside times (milliseconds)."
            raise name.place.error("A duration is no number", hint)
        key = self.key(name)
        if self._holds_texts(key):
            raise name.place.error(f"{key} is text", "Arithmetic is for numbers.")
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
