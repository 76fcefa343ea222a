"""Reading arithmetic between columns.

sum     := product ((+ | -) product)*
product := factor ((* | /) factor)*
factor  := - factor | ( sum ) | number | column

A sign stands alone, as names may hold one: `val_loss - loss`, and `-` only before an operand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from engine.query.lexer import SIGNS, Token, short
from engine.query.reader import JOINTS, TokenReader, is_number, name_of
from engine.query.tree import Chain, Expression, Name, Negative, Operand, Sign

MAX_DEPTH = 40
MAX_TERMS = 250

_STARTING = ("word", "text", "double", "name")


class ExpressionReader(TokenReader):
    """Reads operands and what is made of them."""

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        super().__init__(tokens)
        self._terms = 0
        self._closing = _closings(tokens)

    def _negates(self) -> bool:
        """Whether here is a minus with an operand behind it."""
        following = self._peek(1)
        starts = following.kind in (*_STARTING, "(") and following.keyword not in JOINTS
        return self.token.kind == "word" and self.token.text == "-" and starts

    def _is_plain_value(self) -> bool:
        """Whether here is one value (or a word that may name a column), and no arithmetic."""
        if self.token.kind not in ("word", "text", "double"):
            return self.token.kind != "(" and self.token.kind != "name"
        return self._name_length() == 1 and not self._peek(1).is_sign and not self._negates()

    def sum(self, depth: int) -> Expression:
        return self._chain(depth, ("+", "-"), self._product)

    def _product(self, depth: int) -> Expression:
        return self._chain(depth, ("*", "/"), self._factor)

    def _chain(self, depth: int, signs: tuple[str, ...], part: Callable[[int], Expression]) -> Expression:
        start = self.token.place
        first = part(depth)
        rest: list[tuple[Sign, Expression]] = []
        while self.token.is_sign and self.token.text in signs:
            self._count()
            sign = cast(Sign, self._take().text)
            rest.append((sign, part(depth)))
        return Chain(first, tuple(rest), start.to(rest[-1][1].place)) if rest else first

    def _factor(self, depth: int) -> Expression:
        start = self.token.place
        negative = False
        while self._negates():
            self._take()
            negative = not negative
        part = self._group(depth) if self._is("(") else self._operand()
        return Negative(part, None, start.to(part.place)) if negative else part

    def _group(self, depth: int) -> Expression:
        self._check_depth(depth)
        self._take()
        inner = self.sum(depth + 1)
        if not self._is(")"):
            raise self.unexpected("an operator or )")
        self._take()
        return inner

    def _operand(self) -> Expression:
        token = self.token
        if token.kind not in _STARTING or token.keyword in JOINTS or token.is_sign:
            raise self.unexpected("a column or a number")
        if is_number(token):
            self._take()
            return Operand(token.text, False, token.place)
        if token.kind == "text" and is_number(replace(token, kind="word")):
            hint = f"Write {short(token.text)} without quotes."
            raise token.place.error("A value in quotes is text", hint)
        if token.kind != "word" or token.text[0] != "-":
            return self._name()
        return _signed([self._take() for _ in range(self._name_length())])

    def _count(self) -> None:
        """Bound what one filter can cost."""
        self._terms += 1
        if self._terms > MAX_TERMS:
            hint = f"At most {MAX_TERMS}; for many values use IN (…)."
            raise self.token.place.error("Too many conditions", hint)

    def _check_depth(self, depth: int) -> None:
        if depth >= MAX_DEPTH:
            raise self.token.place.error("Too many parentheses inside each other", f"At most {MAX_DEPTH}.")


def column_of(operand: Operand) -> Expression:
    """An unquoted value as the column that it may name, perhaps with a minus before it."""
    token = Token("word", operand.text, operand.place)
    return _signed([token]) if operand.text[0] == "-" else name_of([token])


def _signed(tokens: list[Token]) -> Negative:
    """`-loss`: a minus and a column, or a column of that name."""
    first, place = tokens[0], tokens[0].place.to(tokens[-1].place)
    part = name_of([replace(first, text=first.text[1:]), *tokens[1:]])
    return Negative(part, Name(None, first.text, place) if len(tokens) == 1 else None, place)


def continues(token: Token) -> bool:
    """Whether a token goes on with the arithmetic before it (`)/2` does so wrongly)."""
    return token.is_sign or (token.joined and token.kind == "word" and token.text[0] in SIGNS)


def _closings(tokens: tuple[Token, ...]) -> dict[int, int]:
    """Where each parenthesis is closed."""
    found: dict[int, int] = {}
    open_ones: list[int] = []
    for at, token in enumerate(tokens):
        if token.kind == "(":
            open_ones.append(at)
        elif token.kind == ")" and open_ones:
            found[open_ones.pop()] = at
    return found
