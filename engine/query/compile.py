"""Filters compiled: names resolved, values read, terms made into functions over columns."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from engine.query.evaluate import ORDER, Predicate, Rows, Scope, TextTest, all_of, any_of, by_text, none_of
from engine.query.keys import ColumnKey, Table
from engine.query.lexer import Place
from engine.query.like import like
from engine.query.names import Names
from engine.query.operands import Moment, moment, number, plain_number, seconds, status
from engine.query.parser import parse
from engine.query.pattern import PatternError
from engine.query.regex import Regex, TooMuchWork
from engine.query.tree import (
    All,
    AnyOf,
    Between,
    Comparison,
    Membership,
    Name,
    Not,
    Operand,
    Presence,
    Search,
    Term,
)
from engine.values import as_number

_ID = ColumnKey("attribute", "run_id")
_NAME = ColumnKey("attribute", "run_name")
_STATUS = ColumnKey("attribute", "status")


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


def compile_filter(text: str, keys: Iterable[ColumnKey], table: Table | None = None) -> Filter:
    """Read a filter over a table with these columns. An empty one matches every run.

    With a `table`, an order is also refused for a parameter or tag that holds no number in it.
    Raises `FilterError` with the place of the offending token."""
    tree = parse(text)
    if tree is None:
        return Filter(text, (), lambda _, rows: list(rows))
    compiler = _Compiler(Names(keys), table)
    predicate = compiler.term(tree)
    return Filter(text, tuple(dict.fromkeys(compiler.used)), predicate)


class _Compiler:
    def __init__(self, names: Names, table: Table | None) -> None:
        self._names = names
        self._table = table
        self.used: list[ColumnKey] = []

    def _key(self, name: Name, *, may_lack: bool = False) -> ColumnKey:
        key = self._names.resolve(name, may_lack=may_lack)
        self.used.append(key)
        return key

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
        self.used += (_NAME, _ID)
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
        key = self._key(term.name, may_lack=True)
        negated = term.negated
        if term.what == "null":
            return lambda scope, rows: [
                row for row, value in scope.pairs(key, rows) if (value is None) != negated
            ]
        if key.kind == "attribute" and not key.is_number:
            raise term.name.place.error(f"{key} is text", "IS NAN is for numbers.")
        return lambda scope, rows: [
            row
            for row, value in scope.number_pairs(key, rows)
            if value is not None and (value != value) != negated
        ]

    def _membership(self, term: Membership) -> Predicate:
        key = self._key(term.name)
        if key.is_number:
            readers = [_reader(key, operand) for operand in term.values]

            def rows(scope: Scope, among: Rows) -> list[int]:
                wanted = {read(scope.now) for read in readers}
                pairs = scope.pairs(key, among)
                return [r for r, value in pairs if value is not None and (value in wanted) != term.negated]

            return rows
        if key == _STATUS:
            texts = {status(operand) for operand in term.values}
        else:
            texts = {operand.text for operand in term.values if _is_text(key, operand)}
        numbers = {plain_number(operand) for operand in term.values if not _is_text(key, operand)}
        if not numbers:
            return by_text(key, texts.__contains__, term.negated)
        return by_text(key, lambda text: text in texts or as_number(text) in numbers, term.negated)

    def _between(self, term: Between) -> Predicate:
        key = self._key(term.name)
        self._check_ordered(key, term.name.place)
        low, high = _reader(key, term.low), _reader(key, term.high)

        def rows(scope: Scope, among: Rows) -> list[int]:
            pairs = scope.number_pairs(key, among)
            least, most = low(scope.now), high(scope.now)
            if term.negated:
                return [r for r, v in pairs if v is not None and (v < least or v > most)]
            return [r for r, v in pairs if v is not None and least <= v <= most]

        return rows

    def _comparison(self, term: Comparison) -> Predicate:
        key = self._key(term.name)
        operator = term.operator
        if operator in ("like", "ilike", "~"):
            if key.is_number:
                raise term.operator_place.error(
                    f"{key} is a number, {operator.upper()} compares texts", "Write >, <, = or BETWEEN."
                )
            return _text_comparison(key, term)
        if operator != "=" or key.is_number:
            self._check_ordered(key, term.operator_place)
            read = _reader(key, term.value)
            compare = ORDER["!=" if term.negated else operator]
            return lambda scope, rows: compare(scope.number_pairs(key, rows), read(scope.now))
        return by_text(key, _equality(key, term.value), term.negated)

    def _check_ordered(self, key: ColumnKey, place: Place) -> None:
        texts_only = key.kind == "attribute" and not key.is_number
        if self._table is not None and key.kind in ("param", "tag"):
            read = self._table.numbers(key)
            texts_only = len(read) > 0 and all(value is None for value in read)
        if texts_only:
            raise place.error(f"{key} is text and has no order", "Write =, !=, LIKE, IN or ~.")


def _text_comparison(key: ColumnKey, term: Comparison) -> Predicate:
    value = term.value
    if term.operator != "~":
        return by_text(key, like(value.text, ignore_case=term.operator == "ilike"), term.negated)
    offset = value.place.position + (1 if value.quoted else 0)
    try:
        regex = Regex(value.text)
    except PatternError as error:
        place = Place(offset + error.position, error.length) if error.length else value.place
        raise place.error(error.title) from error
    matching = by_text(key, regex.found_in, term.negated)

    def rows(scope: Scope, among: Rows) -> list[int]:
        regex.rest()
        try:
            return matching(scope, among)
        except TooMuchWork:
            hint = "Use fewer alternatives and counted repetitions."
            raise value.place.error("The pattern takes too long", hint) from None

    return rows


def _is_text(key: ColumnKey, operand: Operand) -> bool:
    """Whether `key` is compared with the operand's text: it is quoted, a word, or `key` holds only texts."""
    return key.kind == "attribute" or plain_number(operand) is None


def _equality(key: ColumnKey, operand: Operand) -> TextTest:
    if key.kind == "attribute":
        return (status(operand) if key == _STATUS else operand.text).__eq__
    wanted = plain_number(operand)
    if wanted is None:
        return operand.text.__eq__
    return lambda text: as_number(text) == wanted


def _reader(key: ColumnKey, operand: Operand) -> Moment:
    """The number to compare a column with."""
    if key.is_time:
        return moment(operand, key)
    value = seconds(operand, key) if key.is_duration else number(operand, key)
    return lambda _: value
