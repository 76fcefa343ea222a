"""Reading a filter's tokens one by one: the names and values that conditions are made of."""

from __future__ import annotations

import re

from engine.errors import FilterError
from engine.query.keys import is_prefix
from engine.query.lexer import SIGNS, Place, Token, TokenKind, short
from engine.query.tree import Name, Operand

JOINTS = ("and", "or", "not")

_NUMBER = re.compile(r"[+-]?[.\d][\d.]*(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def is_number(token: Token) -> bool:
    """Whether a word stands for a number wherever it is."""
    return token.kind == "word" and _NUMBER.fullmatch(token.text) is not None


def named_by(first: Token, second: Token, third: Token) -> int:
    """How many of these tokens make up the column's name that begins with the first: ``metrics.`a b` ``
    takes two."""
    quoted = ("name", "double", "text")
    if first.kind == "word" and first.text.endswith("."):
        return 2 if second.joined and second.kind in quoted else 1
    if first.kind == "name" and second.joined and second.text.startswith("."):
        return 3 if second.text == "." and third.joined and third.kind in quoted else 2
    return 1


def name_of(tokens: list[Token]) -> Name:
    """The column that tokens name. Raises `FilterError`."""
    first, place = tokens[0], tokens[0].place.to(tokens[-1].place)
    if first.kind == "text":
        raise place.error("A column is not written in single quotes", f"Write `{short(first.text)}`.")
    if len(tokens) == 1 and first.kind != "word":
        return Name(None, first.text, place)
    prefix, dot, name = "".join(token.text for token in tokens).partition(".")
    if not dot or not is_prefix(prefix):
        if len(tokens) == 1:
            return Name(None, first.text, place)
        hint = "There are metrics, params, tags, attributes and datasets."
        raise first.place.error(f"{short(prefix)} is no kind of column", hint)
    if not name:
        raise place.error(f"{prefix}. needs a name", f"Write {prefix}.NAME.")
    return Name(prefix.lower(), name, place)


class TokenReader:
    """Goes through tokens of which the last is of kind `end`."""

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._at]

    @property
    def at_end(self) -> bool:
        return self.token.kind == "end"

    def _is(self, kind: TokenKind) -> bool:
        return self.token.kind == kind

    def _peek(self, ahead: int) -> Token:
        return self._tokens[min(self._at + ahead, len(self._tokens) - 1)]

    def _take(self) -> Token:
        token = self.token
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _took(self, keyword: str) -> bool:
        if self.token.keyword != keyword:
            return False
        self._take()
        return True

    def _name_length(self) -> int:
        return named_by(self.token, self._peek(1), self._peek(2))

    def _name(self) -> Name:
        return name_of([self._take() for _ in range(self._name_length())])

    def _value(self, after: Token) -> Operand:
        token = self.token
        if token.kind == "name":
            raise token.place.error("Backticks are for columns", f"Write '{short(token.text)}'.")
        if token.keyword == "null":
            raise token.place.error("Nothing compares with NULL", "Write IS NULL or IS NOT NULL.")
        if token.kind not in ("word", "text", "double") or token.keyword in JOINTS:
            raise self.unexpected(f"a value after {after.text.upper()}")
        self._take()
        return Operand(token.text, token.kind != "word", token.place)

    def unexpected(self, expected: str) -> FilterError:
        token = self.token
        if token.kind == "end":
            return token.place.error(f"The filter ends where {expected} should follow")
        hint = f"Here {expected} should follow."
        if token.kind == ",":
            hint = "Decimals are written with a point, lists as IN (1, 2)."
        elif token.keyword in ("&&", "&", "||", "|"):
            hint = "Write AND or OR."
        elif token.kind == "operator":
            hint = "For a range write accuracy BETWEEN 0.8 AND 0.9."
        elif token.kind == "word" and token.text[0] in SIGNS and self._at:
            hint = spaces_around(token.text[0])
        elif token.kind == "word" and self._at:
            hint += " A text of several words needs quotes."
        return token.place.error(f"Unexpected {short(token.text)}", hint)


def spaces_around(sign: str) -> str:
    """What to say where a sign sticks to a name, which may hold it."""
    return f"Put spaces around {sign}: names may hold it."


def after(token: Token) -> Place:
    """The place behind a token."""
    return Place(token.place.end, 0)
