"""Comparisons of texts: equality, membership, LIKE and regular expressions."""

from __future__ import annotations

from engine.query.evaluate import Predicate, Rows, Scope, by_text
from engine.query.keys import ColumnKey
from engine.query.lexer import Place
from engine.query.like import like
from engine.query.operands import plain_number, status
from engine.query.pattern import PatternError
from engine.query.regex import Regex, TooMuchWork
from engine.query.tree import Comparison, Membership, Operand
from engine.values import as_number

_STATUS = ColumnKey("attribute", "status")


def equality(key: ColumnKey, operand: Operand, negated: bool) -> Predicate:
    """A parameter or tag compares with an unquoted number as a number."""
    if is_text(key, operand):
        return by_text(key, text_of(key, operand).__eq__, negated)
    wanted = plain_number(operand)
    return by_text(key, lambda text: as_number(text) == wanted, negated)


def membership(key: ColumnKey, term: Membership) -> Predicate:
    texts = {text_of(key, operand) for operand in term.values if is_text(key, operand)}
    numbers = {plain_number(operand) for operand in term.values if not is_text(key, operand)}
    if not numbers:
        return by_text(key, texts.__contains__, term.negated)
    return by_text(key, lambda text: text in texts or as_number(text) in numbers, term.negated)


def likeness(key: ColumnKey, pattern: Operand, term: Comparison) -> Predicate:
    """LIKE, ILIKE and `~`. Raises `FilterError` for a pattern that means nothing."""
    if term.operator != "~":
        return by_text(key, like(pattern.text, ignore_case=term.operator == "ilike"), term.negated)
    offset = pattern.place.position + (1 if pattern.quoted else 0)
    try:
        regex = Regex(pattern.text)
    except PatternError as error:
        place = Place(offset + error.position, error.length) if error.length else pattern.place
        raise place.error(error.title) from error
    matching = by_text(key, regex.found_in, term.negated)

    def rows(scope: Scope, among: Rows) -> list[int]:
        regex.rest()
        try:
            return matching(scope, among)
        except TooMuchWork:
            hint = "Use fewer alternatives and counted repetitions."
            raise pattern.place.error("The pattern takes too long", hint) from None

    return rows


def is_text(key: ColumnKey, operand: Operand) -> bool:
    """Whether `key` is compared with the operand's text: it is quoted, a word, or `key` holds only texts."""
    return key.kind in ("attribute", "dataset") or plain_number(operand) is None


def text_of(key: ColumnKey, operand: Operand) -> str:
    """The text to compare `key` with; an unquoted status in capitals. Raises `FilterError` for no status."""
    return status(operand) if key == _STATUS else operand.text
