"""The grammar of filters: text to a tree of frozen records.

filter      := [any]
any         := all (OR all)*
all         := term (AND term)*
term        := NOT term | ( any ) | comparison | search
comparison  := column (= == != <> < <= > >= ~ !~) value
             | column [NOT] (LIKE | ILIKE) value
             | column [NOT] IN ( value , … )
             | column [NOT] BETWEEN value AND value
             | column IS [NOT] (NULL | NAN)
search      := (word | quoted text)+
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

from engine.query.keys import is_prefix
from engine.query.lexer import Place, Token, TokenKind, short, tokens_of
from engine.query.tree import (
    All,
    AnyOf,
    Between,
    Comparison,
    Membership,
    Name,
    Not,
    Operand,
    Operator,
    Presence,
    Search,
    Term,
)

MAX_DEPTH = 40
MAX_TERMS = 250

_NEGATIVE: dict[str, Operator] = {"!=": "=", "!~": "~"}
_AFTER_COLUMN = ("like", "ilike", "in", "between")
_JOINTS = ("and", "or", "not")
_NUMBER = re.compile(r"[+-]?[.\d][\d.]*(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def parse(text: str) -> Term | None:
    """The tree of a filter; None for an empty one. Raises `FilterError` at the offending token."""
    parser = _Parser(tokens_of(text))
    if parser.at_end:
        return None
    term = parser.any_of(0)
    if not parser.at_end:
        raise parser.unexpected("AND, OR or the end")
    return term


class _Parser:
    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self._tokens = tokens
        self._at = 0
        self._terms = 0

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

    # ── terms ────────────────────────────────────────────────────────────────

    def any_of(self, depth: int) -> Term:
        return self._joined(depth, "or", self._all_of, AnyOf)

    def _all_of(self, depth: int) -> Term:
        return self._joined(depth, "and", self._term, All)

    def _joined(
        self, depth: int, joint: str, part: Callable[[int], Term], whole: type[All] | type[AnyOf]
    ) -> Term:
        terms = [part(depth)]
        while self._took(joint):
            terms.append(part(depth))
        return terms[0] if len(terms) == 1 else whole(tuple(terms))

    def _term(self, depth: int) -> Term:
        negated = False
        while self._took("not"):
            negated = not negated
        term = self._positive(depth)
        return Not(term) if negated else term

    def _positive(self, depth: int) -> Term:
        token = self.token
        if token.kind == "(":
            if depth >= MAX_DEPTH:
                raise token.place.error("Too many parentheses inside each other", f"At most {MAX_DEPTH}.")
            self._take()
            term = self.any_of(depth + 1)
            if not self._is(")"):
                raise self.unexpected("AND, OR or )")
            self._take()
            return term
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise token.place.error(
                "Too many conditions", f"At most {MAX_TERMS}; for many values use IN (…)."
            )
        return self._comparison() if self._starts_comparison() else self._searches()

    def _searches(self) -> Term:
        found: list[Term] = []
        while self.token.kind in ("word", "text", "double") and self.token.keyword not in _JOINTS:
            if found and self._starts_comparison():
                raise self.token.place.error(
                    f"AND or OR is missing before {short(self.token.text)}", "Join conditions with AND or OR."
                )
            token = self._take()
            if "." in token.keyword and is_prefix(token.keyword.split(".", 1)[0]):
                hint = "Go on with an operator; to look for this text in names, put it in quotes."
                raise self._after(token).error(f"{short(token.text)} is compared with nothing", hint)
            if token.text.strip():
                found.append(Search(token.text.strip(), token.place))
        if not found:
            raise self.unexpected("a condition")
        return found[0] if len(found) == 1 else All(tuple(found))

    # ── comparisons ──────────────────────────────────────────────────────────

    def _starts_comparison(self) -> bool:
        if self.token.kind not in ("word", "text", "double", "name"):
            return False
        following = self._peek(self._name_length())
        if following.kind == "operator" or following.keyword in (*_AFTER_COLUMN, "is"):
            return True
        return following.keyword == "not" and self._peek(self._name_length() + 1).keyword in _AFTER_COLUMN

    def _name_length(self) -> int:
        """How many tokens the column's name at this place takes: ``metrics.`a b` `` takes two."""
        first, second, third = self.token, self._peek(1), self._peek(2)
        if first.kind == "word" and first.text.endswith("."):
            return 2 if second.joined and second.kind in ("name", "double") else 1
        if first.kind == "name" and second.joined and second.text.startswith("."):
            return 3 if second.text == "." and third.joined and third.kind in ("name", "double") else 2
        return 1

    def _name(self) -> Name:
        taken = [self._take() for _ in range(self._name_length())]
        place = taken[0].place.to(taken[-1].place)
        if taken[0].kind == "text":
            raise place.error("A column is not written in single quotes", f"Write `{short(taken[0].text)}`.")
        if taken[0].kind == "word" and len(taken) == 1:
            if _NUMBER.fullmatch(taken[0].text):
                raise place.error("The column goes before the value", "Write accuracy > 0.9.")
            prefix, dot, name = taken[0].text.partition(".")
            if not dot or not is_prefix(prefix):
                return Name(None, taken[0].text, place)
        elif len(taken) == 1:
            return Name(None, taken[0].text, place)
        else:
            prefix, _, name = "".join(token.text for token in taken).partition(".")
            if not is_prefix(prefix):
                hint = "There are metrics, params, tags and attributes."
                raise taken[0].place.error(f"{short(prefix)} is no kind of column", hint)
        if not name:
            raise place.error(f"{prefix}. needs a name", f"Write {prefix}.NAME.")
        return Name(prefix.lower(), name, place)

    def _comparison(self) -> Term:
        name = self._name()
        operator = self._take()
        if operator.kind == "operator":
            negated = operator.text in _NEGATIVE
            plain = _NEGATIVE[operator.text] if negated else cast(Operator, operator.text)
            return Comparison(name, plain, negated, self._value(operator), operator.place)
        if operator.keyword == "is":
            return self._presence(name)
        negated = operator.keyword == "not"
        if negated:
            operator = self._take()
        if operator.keyword == "in":
            return Membership(name, self._values(operator), negated)
        if operator.keyword == "between":
            low = self._value(operator)
            if not self._took("and"):
                raise self.unexpected("AND and the upper bound")
            return Between(name, low, self._value(operator), negated)
        like: Operator = "like" if operator.keyword == "like" else "ilike"
        return Comparison(name, like, negated, self._value(operator), operator.place)

    def _presence(self, name: Name) -> Presence:
        negated = self._took("not")
        if self._took("null"):
            return Presence(name, "null", negated)
        if self._took("nan"):
            return Presence(name, "nan", negated)
        raise self.unexpected("NULL, NOT NULL or NAN")

    def _value(self, after: Token) -> Operand:
        token = self.token
        if token.kind == "name":
            raise token.place.error("Backticks are for columns", f"Write '{short(token.text)}'.")
        if token.keyword == "null":
            raise token.place.error("Nothing compares with NULL", "Write IS NULL or IS NOT NULL.")
        if token.kind not in ("word", "text", "double") or token.keyword in _JOINTS:
            raise self.unexpected(f"a value after {after.text.upper()}")
        self._take()
        return Operand(token.text, token.kind != "word", token.place)

    def _values(self, after: Token) -> tuple[Operand, ...]:
        if not self._is("("):
            raise self.unexpected("( and a list of values")
        opening = self._take()
        values = [self._value(opening)]
        while self._is(","):
            values.append(self._value(self._take()))
        if not self._is(")"):
            raise self.unexpected(", or )")
        self._take()
        return tuple(values)

    # ── errors ───────────────────────────────────────────────────────────────

    @staticmethod
    def _after(token: Token) -> Place:
        return Place(token.place.position + token.place.length, 0)

    def unexpected(self, expected: str) -> Exception:
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
        elif token.kind == "word" and self._at:
            hint += " A text of several words needs quotes."
        return token.place.error(f"Unexpected {short(token.text)}", hint)
