"""The filter grammar: parses tokens into a tree of frozen records."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import cast

from engine.columns import is_prefix
from engine.errors import FilterError
from engine.filters.lexer import SIGNS, Span, Token, TokenKind, short, tokens_of
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
    Operator,
    Presence,
    Search,
    Sign,
    Term,
)

JOINTS = ("and", "or", "not")
_FOREIGN_JOINTS = ("&&", "&", "||", "|")

_NUMBER = re.compile(r"[+-]?[.\d][\d.]*(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def is_number(token: Token) -> bool:
    """Whether a word is always a number."""
    return token.kind == "word" and _NUMBER.fullmatch(token.text) is not None


def named_by(first: Token, second: Token, third: Token) -> int:
    """The number of tokens in the column name that starts with the first token: two for
    ``metrics.`a b` ``."""
    quoted = ("name", "double", "text")
    if first.kind == "word" and first.text.endswith("."):
        return 2 if second.joined and second.kind in quoted else 1
    if first.kind == "name" and second.joined and second.text.startswith("."):
        return 3 if second.text == "." and third.joined and third.kind in quoted else 2
    return 1


def name_of(tokens: list[Token]) -> Name:
    """The column named by `tokens`. Raises `FilterError`."""
    first, span = tokens[0], tokens[0].span.to(tokens[-1].span)
    if first.kind == "text":
        raise span.error("Single quotes are for values", f"Write `{short(first.text)}`.")
    if len(tokens) == 1 and first.kind != "word":
        return Name(None, first.text, span)
    prefix, dot, name = "".join(token.text for token in tokens).partition(".")
    if not dot or not is_prefix(prefix):
        if len(tokens) == 1:
            return Name(None, first.text, span)
        hint = "Prefixes: metrics, params, tags, attributes, datasets."
        raise first.span.error(f"Unknown prefix {short(prefix)}", hint)
    if not name:
        raise span.error(f"Missing name after {prefix}.", f"Write {prefix}.NAME.")
    return Name(prefix.lower(), name, span)


class TokenReader:
    """Reads tokens one by one; the last has kind `end`."""

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
            raise token.span.error("Backticks are for column names", f"Write '{short(token.text)}'.")
        if token.keyword == "null":
            raise token.span.error("NULL cannot be compared", "Use IS NULL or IS NOT NULL.")
        if token.kind not in ("word", "text", "double") or token.keyword in JOINTS:
            raise self.unexpected(f"a value after {after.text.upper()}")
        self._take()
        return Operand(token.text, token.kind != "word", token.span)

    def unexpected(self, expected: str) -> FilterError:
        token = self.token
        if token.kind == "end":
            return token.span.error(f"Expected {expected}")
        hint = f"Expected {expected}."
        if token.kind == ",":
            hint = "Write decimals as 0.9 and lists as IN (1, 2)."
        elif token.keyword in _FOREIGN_JOINTS or self._peek(-1).keyword.endswith(_FOREIGN_JOINTS):
            hint = "Use AND or OR."
        elif token.kind == "operator":
            hint = "For a range use BETWEEN: accuracy BETWEEN 0.8 AND 0.9."
        elif token.kind == "word" and token.text[0] in SIGNS and self._at:
            hint = spaces_around(token.text[0])
        elif token.kind == "word" and self._at:
            hint += " Quote text with spaces."
        return token.span.error(f"Unexpected {short(token.text)}", hint)


def spaces_around(sign: str) -> str:
    """The hint for a sign next to a name, which may contain it."""
    return f"Put spaces around {sign}: it can be part of a name."


def after(token: Token) -> Span:
    """The position after a token."""
    return Span(token.span.end, 0)


MAX_DEPTH = 40
MAX_TERMS = 250

_STARTING = ("word", "text", "double", "name")


class ExpressionReader(TokenReader):
    """Reads operands and arithmetic."""

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        super().__init__(tokens)
        self._terms = 0
        self._closing = _closings(tokens)

    def _negates(self) -> bool:
        """Whether the current token is a minus sign before an operand."""
        following = self._peek(1)
        starts = following.kind in (*_STARTING, "(") and following.keyword not in JOINTS
        return self.token.kind == "word" and self.token.text == "-" and starts

    def _is_plain_value(self) -> bool:
        """Whether a single value (or a word that may name a column) comes next, without arithmetic."""
        if self.token.kind not in ("word", "text", "double"):
            return self.token.kind != "(" and self.token.kind != "name"
        return self._name_length() == 1 and not self._peek(1).is_sign and not self._negates()

    def sum(self, depth: int) -> Expression:
        return self._chain(depth, ("+", "-"), self._product)

    def _product(self, depth: int) -> Expression:
        return self._chain(depth, ("*", "/"), self._factor)

    def _chain(self, depth: int, signs: tuple[str, ...], part: Callable[[int], Expression]) -> Expression:
        start = self.token.span
        first = part(depth)
        rest: list[tuple[Sign, Expression]] = []
        while self.token.is_sign and self.token.text in signs:
            self._count()
            sign = cast(Sign, self._take().text)
            rest.append((sign, part(depth)))
        return Chain(first, tuple(rest), start.to(rest[-1][1].span)) if rest else first

    def _factor(self, depth: int) -> Expression:
        start = self.token.span
        negative = False
        while self._negates():
            self._take()
            negative = not negative
        part = self._group(depth) if self._is("(") else self._operand()
        return Negative(part, None, start.to(part.span)) if negative else part

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
            return Operand(token.text, False, token.span)
        if token.kind == "text" and is_number(replace(token, kind="word")):
            hint = f"Write {short(token.text)} without quotes."
            raise token.span.error("Quoted values are text", hint)
        if token.kind != "word" or token.text[0] != "-":
            return self._name()
        return _signed([self._take() for _ in range(self._name_length())])

    def _count(self) -> None:
        """Limit the cost of one filter."""
        self._terms += 1
        if self._terms > MAX_TERMS:
            hint = f"Maximum {MAX_TERMS}. For many values use IN (…)."
            raise self.token.span.error("Too many conditions", hint)

    def _check_depth(self, depth: int) -> None:
        if depth >= MAX_DEPTH:
            raise self.token.span.error("Too many nested parentheses", f"Maximum {MAX_DEPTH}.")


def column_of(operand: Operand) -> Expression:
    """The column an unquoted value may name, with an optional minus sign."""
    token = Token("word", operand.text, operand.span)
    return _signed([token]) if operand.text[0] == "-" else name_of([token])


def _signed(tokens: list[Token]) -> Negative:
    """`-loss`: a negated column, or a column of that name."""
    first, span = tokens[0], tokens[0].span.to(tokens[-1].span)
    part = name_of([replace(first, text=first.text[1:]), *tokens[1:]])
    return Negative(part, Name(None, first.text, span) if len(tokens) == 1 else None, span)


def continues(token: Token) -> bool:
    """Whether a token continues the preceding arithmetic (`)/2` does, incorrectly)."""
    return token.is_sign or (token.joined and token.kind == "word" and token.text[0] in SIGNS)


def _closings(tokens: tuple[Token, ...]) -> dict[int, int]:
    """The index of each opening parenthesis's closing one."""
    found: dict[int, int] = {}
    open_ones: list[int] = []
    for at, token in enumerate(tokens):
        if token.kind == "(":
            open_ones.append(at)
        elif token.kind == ")" and open_ones:
            found[open_ones.pop()] = at
    return found


_NEGATIVE: dict[str, Operator] = {"!=": "=", "!~": "~"}
_AFTER_COLUMN = ("like", "ilike", "in", "between")


def parse(text: str) -> Term | None:
    """The syntax tree of a filter; None if it is empty. Raises `FilterError` at the offending token."""
    parser = _Parser(tokens_of(text))
    parser.skip_ands()
    if parser.at_end:
        return None
    term = parser.any_of(0)
    if not parser.at_end:
        raise parser.unexpected("AND, OR or the end")
    return term


class _Parser(ExpressionReader):
    # ── terms ────────────────────────────────────────────────────────────────

    def skip_ands(self) -> None:
        while self._took("and"):
            pass

    def any_of(self, depth: int) -> Term:
        return self._joined(depth, "or", self._all_of, AnyOf)

    def _all_of(self, depth: int) -> Term:
        return self._joined(depth, "and", self._term, All)

    def _joined(
        self, depth: int, joint: str, part: Callable[[int], Term], combine: type[All] | type[AnyOf]
    ) -> Term:
        terms = [part(depth)]
        while self._took(joint):
            if joint == "and":
                self.skip_ands()
                if self.at_end:
                    break
            terms.append(part(depth))
        return terms[0] if len(terms) == 1 else combine(tuple(terms))

    def _term(self, depth: int) -> Term:
        negated = False
        while self._took("not"):
            negated = not negated
        term = self._positive(depth)
        return Not(term) if negated else term

    def _positive(self, depth: int) -> Term:
        if self._is("(") and not self._is_arithmetic_group():
            self._check_depth(depth)
            self._take()
            term = self.any_of(depth + 1)
            if not self._is(")"):
                raise self.unexpected("AND, OR or )")
            self._take()
            return term
        self._count()
        return self._comparison(depth) if self._starts_comparison() else self._searches()

    def _searches(self) -> Term:
        found: list[Term] = []
        while self.token.kind in ("word", "text", "double") and self.token.keyword not in JOINTS:
            if found and self._starts_comparison():
                raise self._missing_joint()
            token = self._take()
            if "." in token.keyword and is_prefix(token.keyword.split(".", 1)[0]):
                raise self._incomplete(token, token.text)
            if token.text.strip():
                found.append(Search(token.text.strip(), token.span))
        if not found:
            raise self.unexpected("a condition")
        return found[0] if len(found) == 1 else All(tuple(found))

    # ── comparisons ──────────────────────────────────────────────────────────

    def _compares(self, ahead: int) -> bool:
        """Whether a token is a comparison operator."""
        following = self._peek(ahead)
        if following.kind == "operator" or following.keyword in (*_AFTER_COLUMN, "is"):
            return True
        return following.keyword == "not" and self._peek(ahead + 1).keyword in _AFTER_COLUMN

    def _is_arithmetic_group(self) -> bool:
        """Whether the parenthesis here groups arithmetic rather than conditions, judged by what follows
        it."""
        behind = self._closing.get(self._at, len(self._tokens)) + 1 - self._at
        return self._compares(behind) or continues(self._peek(behind))

    def _starts_comparison(self) -> bool:
        if self._is("(") or self._negates():
            return True
        if self.token.kind not in ("word", "text", "double", "name"):
            return False
        behind = self._name_length()
        return self._compares(behind) or self._peek(behind).is_sign

    def _comparison(self, depth: int) -> Term:
        left = self.sum(depth)
        if not self._compares(0):
            if continues(self.token):
                raise self.unexpected("an operator")
            raise self._incomplete(self._peek(-1), "This expression")
        operator = self._take()
        if operator.kind == "operator":
            negated = operator.text in _NEGATIVE
            plain = _NEGATIVE[operator.text] if negated else cast(Operator, operator.text)
            right = self._value(operator) if plain == "~" else self._right(operator, depth)
            return Comparison(left, plain, negated, right, operator.span)
        if operator.keyword == "is":
            return self._presence(left)
        negated = operator.keyword == "not"
        if negated:
            operator = self._take()
        if operator.keyword == "in":
            return Membership(left, self._values(operator), negated, operator.span)
        if operator.keyword == "between":
            low = self._right(operator, depth)
            if not self._took("and"):
                raise self.unexpected("AND and the upper bound")
            return Between(left, low, self._right(operator, depth), negated)
        like: Operator = "like" if operator.keyword == "like" else "ilike"
        return Comparison(left, like, negated, self._value(operator), operator.span)

    def _right(self, operator: Token, depth: int) -> Expression:
        return self._value(operator) if self._is_plain_value() else self.sum(depth)

    def _presence(self, left: Expression) -> Presence:
        negated = self._took("not")
        if self._took("null"):
            return Presence(left, "null", negated)
        if self._took("nan"):
            return Presence(left, "nan", negated)
        raise self.unexpected("NULL, NOT NULL or NAN")

    def _values(self, operator: Token) -> tuple[Operand, ...]:
        if not self._is("("):
            raise self.unexpected("a list of values in parentheses")
        opening = self._take()
        values = [self._value(opening)]
        while self._is(","):
            comma = self._take()
            if self._is(")"):
                break
            values.append(self._value(comma))
        if not self._is(")"):
            raise self.unexpected(", or )")
        self._take()
        return tuple(values)

    # ── errors ───────────────────────────────────────────────────────────────

    def _missing_joint(self) -> Exception:
        token, before = self.token, self._peek(-1)
        if token.keyword and token.text[0] in SIGNS:
            return token.span.error(f"Unexpected {short(token.text)}", spaces_around(token.text[0]))
        if before.keyword and before.text[-1] in SIGNS:
            return before.span.error(f"Unexpected {short(before.text)}", spaces_around(before.text[-1]))
        title = f"Missing AND or OR before {short(token.text)}"
        return token.span.error(title, "Join conditions with AND or OR.")

    def _incomplete(self, last: Token, what: str) -> Exception:
        hint = "Add a comparison such as > 0.9, or quote the text to search run names."
        return after(last).error(f"{short(what)} needs a comparison", hint)
