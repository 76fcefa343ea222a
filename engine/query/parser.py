"""The grammar of filters: text to a tree of frozen records.

filter      := [AND …] [any] [AND …]
any         := all (OR all)*
all         := term (AND term)*
term        := NOT term | ( any ) | comparison | search
comparison  := sum (= == != <> < <= > >=) (value | sum)
             | column (~ | !~ | [NOT] LIKE | [NOT] ILIKE) value
             | sum [NOT] IN ( value , … )
             | sum [NOT] BETWEEN (value | sum) AND (value | sum)
             | sum IS [NOT] (NULL | NAN)
search      := (word | quoted text)+

`sum` is arithmetic, down to a single column: see `engine.query.expressions`. As in MLflow, an AND
too many does no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from engine.query.expressions import ExpressionReader, continues
from engine.query.keys import is_prefix
from engine.query.lexer import SIGNS, Token, short, tokens_of
from engine.query.reader import JOINTS, after, spaces_around
from engine.query.tree import (
    All,
    AnyOf,
    Between,
    Comparison,
    Expression,
    Membership,
    Not,
    Operand,
    Operator,
    Presence,
    Search,
    Term,
)

_NEGATIVE: dict[str, Operator] = {"!=": "=", "!~": "~"}
_AFTER_COLUMN = ("like", "ilike", "in", "between")


def parse(text: str) -> Term | None:
    """The tree of a filter; None for an empty one. Raises `FilterError` at the offending token."""
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
        self, depth: int, joint: str, part: Callable[[int], Term], whole: type[All] | type[AnyOf]
    ) -> Term:
        terms = [part(depth)]
        while self._took(joint):
            if joint == "and":
                self.skip_ands()
                if self.at_end:
                    break
            terms.append(part(depth))
        return terms[0] if len(terms) == 1 else whole(tuple(terms))

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
                raise self._unjoined()
            token = self._take()
            if "." in token.keyword and is_prefix(token.keyword.split(".", 1)[0]):
                raise self._compared_with_nothing(token, token.text)
            if token.text.strip():
                found.append(Search(token.text.strip(), token.place))
        if not found:
            raise self.unexpected("a condition")
        return found[0] if len(found) == 1 else All(tuple(found))

    # ── comparisons ──────────────────────────────────────────────────────────

    def _compares(self, ahead: int) -> bool:
        """Whether a token is what stands between a column and its value."""
        following = self._peek(ahead)
        if following.kind == "operator" or following.keyword in (*_AFTER_COLUMN, "is"):
            return True
        return following.keyword == "not" and self._peek(ahead + 1).keyword in _AFTER_COLUMN

    def _is_arithmetic_group(self) -> bool:
        """Whether the parenthesis here groups numbers and not conditions: what follows it tells."""
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
            raise self._compared_with_nothing(self._peek(-1), "This arithmetic")
        operator = self._take()
        if operator.kind == "operator":
            negated = operator.text in _NEGATIVE
            plain = _NEGATIVE[operator.text] if negated else cast(Operator, operator.text)
            right = self._value(operator) if plain == "~" else self._right(operator, depth)
            return Comparison(left, plain, negated, right, operator.place)
        if operator.keyword == "is":
            return self._presence(left)
        negated = operator.keyword == "not"
        if negated:
            operator = self._take()
        if operator.keyword == "in":
            return Membership(left, self._values(operator), negated, operator.place)
        if operator.keyword == "between":
            low = self._right(operator, depth)
            if not self._took("and"):
                raise self.unexpected("AND and the upper bound")
            return Between(left, low, self._right(operator, depth), negated)
        like: Operator = "like" if operator.keyword == "like" else "ilike"
        return Comparison(left, like, negated, self._value(operator), operator.place)

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
            raise self.unexpected("( and a list of values")
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

    def _unjoined(self) -> Exception:
        token, before = self.token, self._peek(-1)
        if token.keyword and token.text[0] in SIGNS:
            return token.place.error(f"Unexpected {short(token.text)}", spaces_around(token.text[0]))
        if before.keyword and before.text[-1] in SIGNS:
            return before.place.error(f"Unexpected {short(before.text)}", spaces_around(before.text[-1]))
        title = f"AND or OR is missing before {short(token.text)}"
        return token.place.error(title, "Join conditions with AND or OR.")

    def _compared_with_nothing(self, last: Token, what: str) -> Exception:
        hint = "Go on with an operator; to look for this text in names, put it in quotes."
        return after(last).error(f"{short(what)} is compared with nothing", hint)
